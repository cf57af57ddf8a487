# On every specimen the accounts add up to VmRSS to the byte, and each range that it states is,
# state by state, what `map --pages` says.
. "$(dirname "$0")/../scenario.sh"
. "$ROOT/tests/ledger.sh"

for file in "$SPECIMENS"/*; do
  case ${file##*/} in
    *.so | bulk) ;;
    *) hold_to_statements "${file##*/}" ;;
  esac
done
