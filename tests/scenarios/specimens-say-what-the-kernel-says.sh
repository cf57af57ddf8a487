# Every range that a specimen states is, page by page, what smaps and pagemap show of it.
. "$(dirname "$0")/../scenario.sh"
. "$ROOT/tests/judge.sh"

for file in "$SPECIMENS"/*; do
  [[ $file == *.so ]] || judge "${file##*/}"
done
