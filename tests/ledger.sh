# tests/ledger.sh - words for scenarios of `strata explain`, `map` and `page`; included after
# scenario.sh. All speak of $target, and of what was run last.
#
#   explained [OPTION…]   runs explain --freeze --json; the sum has to be VmRSS, byte for byte
#   mapped [OPTION…]      runs map --freeze --pages --json; its totals have to be VmSize and VmRSS
#   page_at ADDRESS       runs page --json
#   booked PATH [FIELD]   resident, or FIELD, bytes of all accounts in PATH, as 'stacks / main'
#   beside FIELD          bytes beside the sum
#   in_range NAME STATE   bytes of the stated range NAME in STATE, by the page runs of `mapped`
#   whose ADDRESS         the purpose of the mapping that holds it, by `mapped`, as 'a / b'
#   status KEY            of /proc/PID/status, in bytes
#   hold_to_statements NAME [ARG…]   starts a specimen and holds all of this to all that it states;
#                         fails where there was nothing to hold, unless that is known, with a reason
#
# What is stated of another process than $target is looked at with subject=PID; moving=1 allows for
# one that does not stand still. The limit on freezing is far above what a busy machine needs.

shopt -s extglob

status() {  # a leader that has ended says nothing of memory, its threads do
  cat "/proc/${subject-$target}"{,/task/*}/status |
    awk -v key="$1:" '$1 == key && !said++ { printf "%.0f\n", $2 * 1024 }'
}

run_frozen_() {
  run strata "$1" --freeze --freeze-limit "${freeze_limit-30s}" --json "${@:2}" "${subject-$target}"
  ((exit_code == 0 || exit_code == 3)) || fail "$1: exit code $exit_code"
}

# still_ COMMAND JQ OPTION…: runs it frozen until what jq takes of it is what the kernel says after the
# target was let go too. The kernel takes pages of any process at any time: one that is being moved
# is in no counter for a moment. Three times in a row it does not do that.
still_() {
  local try
  for try in 1 2 3; do
    run_frozen_ "$1" "${@:3}"
    [[ ! ${moving-} && $(json "$2") != "$(status VmRSS)" ]] || return 0
  done
}

explained() {
  still_ explain .resident_bytes "$@"
  json 'def holds(f; $what): if f then . else error($what) end;
    holds(.schema == "strata.explain/1"; "its schema") | holds(.target.frozen; "not frozen")
    | holds(.reconciliation | .remainder_bytes == 0 and .drift_bytes == 0 and .cause == null;
        "the remainder")
    | holds(.resident_bytes == .reconciliation.accounts_sum_bytes; "its own sum")
    | holds(.resident_bytes == .reconciliation.vmrss_bytes; "VmRSS")
    | holds(.resident_bytes == ([.accounts[].resident_bytes] | add); "the sum of the accounts")
    | holds([.accounts[].path] | length == (unique | length); "an account stands there twice")
    | holds(all(.witnesses[]; .value_bytes == null or (.exact | not) or .difference_bytes == 0
        or ($moving != "" and (.why | contains("running target")))); "a witness differs")' \
    --arg moving "${moving-}" >/dev/null
  [[ ${moving-} ]] ||
    equals "$(json .resident_bytes)" "$(status VmRSS)" "the accounts' sum, and VmRSS now"
}

mapped() {
  still_ map .totals.resident_bytes --pages "$@"
  json 'def holds(f; $what): if f then . else error($what) end;
    holds($moving != "" or (.totals | .size_bytes == .vmsize_bytes); "VmSize")
    | holds(.totals | .resident_bytes == .vmrss_bytes; "VmRSS")
    | holds(.totals.resident_bytes == ([.mappings[].resident_bytes] | add); "the sum")' \
    --arg moving "${moving-}" >/dev/null
  jq -r '.pages[] | [.start, .end, .state] | @tsv' stdout >runs
  jq -r '.mappings[] | [.start, .end, (.purpose | join(" / "))] | @tsv' stdout >purposes
  [[ ${moving-} ]] || {
    equals "$(json .totals.resident_bytes)" "$(status VmRSS)" "the mappings' sum, and VmRSS now"
    equals "$(json .totals.size_bytes)" "$(status VmSize)" "the mappings' sizes, and VmSize now"
  }
}

page_at() {
  run strata page --json "${subject-$target}" "$1"
  exits_with 0
}

booked() {
  json '[.accounts[] | select((.path | join(" / ")) + " / " | startswith($path + " / "))
    | .[$field]] | add // 0' --arg path "$1" --arg field "${2-resident}_bytes"
}

beside() { json ".beside.$1_bytes"; }

in_range() {
  local with=$2 without=
  case $2 in  # how these follow from what is said of a page
    resident) with=present without='zero hugetlb uncounted' ;;
    anonymous | file) without='zero hugetlb uncounted' ;;
  esac
  perl -e 'my ($from, $size, $with, $without) = @ARGV; my $to = ($from = hex $from) + $size;
    my $sum = 0;
    while (<STDIN>) {
      my ($a, $b, $state) = split /[\t\n]/; ($a, $b) = (hex $a, hex $b);
      next if $b <= $from || $a >= $to || $state !~ /\b$with\b/;
      next if grep { $state =~ /\b$_\b/ } split / /, $without;
      $sum += ($b < $to ? $b : $to) - ($a > $from ? $a : $from);
    } print $sum' "$(stated "$1.address")" "$(stated "$1.size")" "$with" "$without" <runs
}

whose() {
  perl -e 'my $at = hex shift; while (<STDIN>) { my ($a, $b, $purpose) = split /[\t\n]/;
    print "$purpose\n" if hex $a <= $at && $at < hex $b }' "$1" <purposes
}

# ---- a whole specimen ----

hold_to_statements() {
  start_specimen "$@"
  local specimen=$1 judged=0 moving=
  if has_stated skip; then
    echo "$specimen: skipped, $(stated skip)"
    end_specimen
    return
  fi
  [[ $specimen != in-vfork ]] || local freeze_limit=1s  # half of it is waited for what cannot stop
  [[ $specimen != @(unmapper|forks|heap-busy) ]] || moving=1
  hold_stage_
  case $specimen in  # those that say more after a line
    swap | lazy-free | clone-vm | in-vfork | execs)
      next_stage
      hold_stage_
      ;;
  esac
  hold_to_have_judged_
  echo "$specimen: adds up, and $judged statements hold"
  end_specimen
}

# A statement under another key than this file knows is passed over in silence: were they all, this
# would hold nothing.
hold_to_have_judged_() {
  local reason=
  case $specimen in
    perf-ring) reason='its pages are in no page table, which a scenario of its own is about' ;;
    traced) reason='it states two other processes by their PIDs alone' ;;
    zombie) reason='what it states has no memory' ;;
  esac
  [[ $reason ]] || ((judged > 0)) || fail "$specimen: it states nothing that could be judged"
  [[ ! $reason ]] || ((judged == 0)) || fail "$specimen: $judged statements are judged, but: $reason"
}

hold_stage_() {
  local key name subject pids=("$target")
  for key in "${latest[@]}"; do
    [[ $key != *.pid ]] || pids+=("$(stated "$key")")
  done
  for subject in $(printf '%s\n' "${pids[@]}" | sort -un); do
    explained
    [[ $subject != "$target" ]] || hold_identity_
    mapped
    [[ $subject != "$target" ]] || hold_stacks_
    for key in "${latest[@]}"; do
      [[ $key == *.address ]] || continue
      name=${key%.address}
      if has_stated "$name.pid"; then
        [[ $(stated "$name.pid") != "$subject" ]] || hold_range_
      else
        [[ $subject != "$target" ]] || hold_range_
      fi
    done
  done
}

hold_identity_() {  # right after `explained`
  local key field
  for key in "${latest[@]}"; do
    case $key in
      pid | name | threads) field=$key ;;
      command) field=command_line ;;
      *) continue ;;
    esac
    equals "$(json ".target.$field")" "$(stated "$key")" "$specimen: $key"
    ((++judged))
  done
}

hold_stacks_() {  # right after `mapped`
  local key purpose
  for key in "${latest[@]}"; do
    [[ $key == thread.*.local ]] || continue
    purpose=$(whose "$(stated "$key")")
    # Since 2.42 glibc's guards may lie within a mapping, and neighbouring stacks share one.
    [[ $purpose == stacks || $purpose == 'stacks / '* ]] || fail "$specimen: $key lies in ${purpose:-nothing}"
    ((++judged))
  done
}

hold_range_() {
  local line
  for line in "${latest[@]}"; do
    case $line in
      "$name".@(present|resident|anonymous|file|swapped|guard|zero|huge|hugetlb))
        equals "$(in_range "$name" "${line##*.}")" "$(stated "$line")" "$specimen: $line" ;;
      "$name".resident_at_least)
        holds "$(in_range "$name" resident) >= $(stated "$line")" "$specimen: $line" ;;
      *) continue ;;
    esac
    ((++judged))
  done
}
