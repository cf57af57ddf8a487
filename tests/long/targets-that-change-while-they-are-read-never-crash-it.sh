# The scenario of the same claim, with hundreds of targets of each kind.
rounds=60
. "$(dirname "$0")/../scenarios/targets-that-end-or-change-while-they-are-read-never-crash-it.sh"
