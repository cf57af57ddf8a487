# A loaded library that was deleted, or that only the target's own mounts have, has its sections for
# root, and its segments for anybody.
. "$(dirname "$0")/../scenario.sh"
. "$ROOT/tests/ledger.sh"
needs_root

for name in deleted-library mount-namespace; do
  specimen $name
  explained
  json '[.accounts[] | select(.path[1] // "" | startswith("guest.so")) | .path[3] // ""]
    | index(".text") and (index(".data") or index(".bss"))' >/dev/null
  end_specimen
done
