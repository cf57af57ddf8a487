# dev.d/parts.sh - the parts of `./dev test --all`: what each ran, skipped and cost. Sourced by ./dev.
#
#   ctest_part NAME TREE CTEST-OPTION...   one part; its tests, with each case of a unit test as one
#   fuzz_part NAME                         one; each fuzzer is a test
#   lost_part NAME                         one that could not be built
#   sum_up                                 the table, what was skipped, ctest's closing line; fails if
#                                          a test failed or skipped what this machine could offer

parts=$logs/parts.tsv  # PART TESTS PASSED SKIPPED FAILED SECONDS
skips=$logs/skips.tsv  # PART TEST REASON

file_of() { printf '%s/%s' "$logs" "${1//[^a-z0-9]/-}"; }
record() {
  (IFS=$'\t'; printf '%s\n' "$*" >>"$parts")
  say "    $2 tests: $3 passed, $4 skipped, $5 failed"
}

ctest_part() {
  local name=$1 tree=$2 begun=$SECONDS results status=0 counts=(0 0 0 0)
  results=$(realpath -m "$(file_of "$1").xml")
  shift 2
  rm -f "$results"
  step "$name" "${run_by[@]}" ctest --test-dir "$tree" --no-tests=error --output-on-failure -j "$jobs" \
    --output-junit "$results" --test-output-size-passed 4000000 "$@" || status=1
  [[ ! -e $results ]] ||
    read -r -a counts < <(awk -v part="$name" -v skips="$skips" -f dev.d/tally.awk "$results")
  # That ctest failed is a failure also where no test did: there was none.
  ((!status || counts[3])) || ((++counts[0], ++counts[3]))
  record "$name" "${counts[@]}" $((SECONDS - begun))
}
run_by=()

lost_part() {
  record "$1" 1 0 0 1 0
}

# What a fuzzer found new stays in build/fuzz/corpus for the next run.
fuzz_part() {
  local fuzzer name seeds ran=0 failed=0 begun=$SECONDS
  for fuzzer in build/fuzz/bin/*_fuzz; do
    [[ -x $fuzzer ]] || fail "there are no fuzzers in build/fuzz/bin"
    name=${fuzzer##*/}
    seeds=tests/corpora/$name
    [[ -d $seeds ]] || fail "$name has no seeds" "there is no $seeds"
    mkdir -p "build/fuzz/corpus/$name" build/fuzz/found
    ((++ran))
    step "fuzzing with $name" "$fuzzer" -max_total_time="$fuzz_seconds" -print_final_stats=1 \
      -rss_limit_mb=1024 -timeout=10 -artifact_prefix="build/fuzz/found/$name-" \
      "build/fuzz/corpus/$name" "$seeds" || ((++failed))
  done
  record "$1" "$ran" $((ran - failed)) 0 "$failed" $((SECONDS - begun))
}

sum_up() {
  local allowed=() wanting=0 pattern all failed
  printf '\n'
  awk -F '\t' '
    function row(a, b, c, d, e, f) { printf "%-44s %7s %7s %8s %7s %8s\n", a, b, c, d, e, f }
    BEGIN { row("part", "tests", "passed", "skipped", "failed", "seconds") }
    { row($1, $2, $3, $4, $5, $6); for (i = 2; i <= 6; ++i) sum[i] += $i }
    END { row("all", sum[2], sum[3], sum[4], sum[5], sum[6]) }' "$parts"
  mapfile -t allowed < <(sed '/^#/d; /^$/d' dev.d/may-skip)
  allowed+=("${not_offered[@]}")
  pattern=$(IFS='|'; printf '%s' "${allowed[*]}")
  if grep -qE "$pattern" "$skips"; then
    printf '\nSkipped, as this machine does not offer it:\n'
    grep -E "$pattern" "$skips" | sort -u | awk -F '\t' '{ printf "  %s: %s: %s\n", $1, $2, $3 }'
  fi
  if grep -qvE "$pattern" "$skips"; then
    printf '\nSkipped, and should not have been:\n'
    grep -vE "$pattern" "$skips" | sort -u | awk -F '\t' '{ printf "  %s: %s: %s\n", $1, $2, $3 }'
    wanting=$(grep -cvE "$pattern" "$skips")
  fi
  read -r all failed < <(awk -F '\t' '{ all += $2; bad += $5 } END { print all + 0, bad + 0 }' "$parts")
  ((failed += wanting))
  # In ctest's own words, for what reads them.
  printf '\n%d%% tests passed, %d tests failed out of %d\n' \
    $((all ? (all - failed) * 100 / all : 0)) "$failed" "$all"
  ((failed == 0))
}
