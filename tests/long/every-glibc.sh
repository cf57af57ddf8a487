# Under each glibc from 2.31 to the newest that Debian has, what depends on it is explained: arenas and
# own mappings of malloc, threads' stacks, static programs, and all that specimens state.
#
# Everything is built against that glibc and runs by its loader; then the scenarios that hold it to
# account here, and the tests of the heap reader, are run with those programs.
. "$(dirname "$0")/../scenario.sh"
. "$ROOT/tests/ledger.sh"
. "$ROOT/tests/glibcs.sh"
needs apt-get dpkg-deb
[[ $(uname -m) == x86_64 ]] || skip 'the heap readers know x86-64'

suites=(bullseye bookworm trixie forky sid experimental)
scenarios=(
  malloc-has-its-arenas-and-its-own-mappings
  each-threads-stack-stands-under-its-name
  a-main-stack-once-used-deep-says-so
  a-threads-own-stack-is-cut-out-of-the-mapping-around-it
  threads-whose-leader-has-ended-are-explained
  guards-of-both-kinds-are-told-from-memory
  a-program-without-libraries-is-explained-too
  sections-that-share-a-page-share-its-bytes
  finding-thread-stacks
  specimens-say-what-the-kernel-says
  the-ledger-is-what-specimens-state
  the-heap-is-what-glibc-says
  what-is-releasable-is-what-malloc-trim-gives-back
)
folder=$BUILD/glibc

# What is unexplained of a program with a heap, also where the loader was called by name.
little_is_unexplained() {
  local name loader
  loader=$(loader_of "$SPECIMENS/..")
  for name in glibc-heap threads service brk-heap; do
    for command in "$SPECIMENS/$name" "$loader $SPECIMENS/$name"; do
      # shellcheck disable=SC2086  # words
      specimen $command
      explained
      holds "$(booked unexplained) * 100 < $(json .resident_bytes)" "$command: unexplained bytes"
      if [[ $name == glibc-heap ]]; then
        equals "$(booked 'heap / glibc / mmapped chunks' virtual)" "$(stated glibc.mapped)" \
          "$command: chunks with mappings of their own"
        equals "$(json '[.accounts[].path | select(.[:2] == ["heap", "glibc"]) | .[2]
          | select(test("^(main )?arena"))] | unique | length')" 3 "$command: arenas"
      fi
      end_specimen
    done
  done
}
if [[ ${1-} == --unexplained ]]; then
  little_is_unexplained
  exit
fi

held=0 failed=()
# attempt NAME COMMAND…: counts it, and says of a failure all that it said.
attempt() {
  local name=$1 status=0
  shift
  "$@" >log 2>&1 </dev/null || status=$?
  case $status in
    0) ((++held)) ;;
    77) echo "$suite $name: skipped, $(sed -n '$s/^skipped: //p' log)" ;;
    *)
      echo "  $name: failed"
      sed -n '/^  out| /d; s/^/    /p' log
      failed+=("glibc $version: $name")
      ;;
  esac
}

seen=' '
for suite in "${suites[@]}"; do
  if ! version=$(fetch_glibc "$suite" "$folder/$suite"); then
    echo "$suite: skipped, not to be had: $version"
    continue
  fi
  [[ $seen != *" $version "* ]] || { echo "$suite: has glibc $version too"; continue; }
  seen+="$version "
  build_specimens "$folder/$suite" 2>log || fail "$suite: $(tail -n 3 log)"
  echo "$suite: glibc $version"
  export SPECIMENS=$folder/$suite/specimens
  for name in "${scenarios[@]}"; do
    attempt "$name" bash "$ROOT/tests/scenarios/$name.sh"
  done
  attempt unexplained bash "$ROOT/tests/long/every-glibc.sh" --unexplained
  attempt 'the heap reader' env PATH="$folder/$suite/bin:$PATH" \
    "$BUILD/bin/strata_inspect_heap_test" --gtest_brief=1 --gtest_filter='Glibc.*'
done

((held)) || skip 'no other glibc could be fetched'
((${#failed[@]} == 0)) || fail "$(printf '%s; ' "${failed[@]}")"
echo "$held hold, under$seen"
