# Of a file's mappings the pages read are the file's and those written the process's own; /dev/zero's
# are all its own, whatever its name.
. "$(dirname "$0")/../scenario.sh"
. "$ROOT/tests/ledger.sh"

specimen file-pages
explained
account="mapped / files / $(stated path) (deleted)"
written=$(kernel_says resident "$(stated through.address)" "$(stated through.size)")
equals "$(booked "$account")" \
  "$(($(stated read.file) + $(stated copied.anonymous) + written))" 'its four mappings'
equals "$(booked "$account" anonymous)" "$(stated copied.anonymous)" 'its copies'
end_specimen

specimen dev-zero
explained
mapped
equals "$(in_range zero anonymous)" "$(stated zero.anonymous)" 'pages of /dev/zero'
[[ $(whose "$(stated zero.address)") == mapped* ]] || fail 'whose is the mapping?'
