# map lists every mapping once, by address, as /proc/PID/maps does; their sums are VmSize and VmRSS.
. "$(dirname "$0")/../scenario.sh"
. "$ROOT/tests/ledger.sh"

specimen many-mappings
explained
equals "$(json .target.mappings)" "$(wc -l <"/proc/$target/maps")" 'how many'
mapped
cut -d' ' -f1,2 "/proc/$target/maps" >by_kernel
jq -r '.mappings[] | (.start | ltrimstr("0x")) + "-" + (.end | ltrimstr("0x")) + " " + .protection' \
  stdout | sed -E 's/\b([0-9a-f]{1,7})\b/00000000\1/g; s/\b0+([0-9a-f]{8})/\1/g' >by_strata
cmp by_kernel by_strata || fail 'the mappings are not those of /proc/PID/maps'
