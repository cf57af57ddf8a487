# tests/judge.sh - holds what specimens state against the kernel's own word. A scenario includes it
# after scenario.sh.
#
#   judge NAME [ARG…]   starts it, judges each stage in which it stands still, and lets it end; says
#                       how many statements hold, and fails if one does not or if there was none.
#                       What this machine lacks is said, and is no failure.

judge() {
  specimen=$1
  start_specimen "$@"
  if has_stated skip; then
    echo "$specimen: skipped, $(stated skip)"
    end_specimen
    return
  fi
  judged=0
  judge_stage
  case $specimen in  # those that say more after a line
    swap | lazy-free | clone-vm | in-vfork | execs)
      next_stage
      judge_stage
      ;;
  esac
  ((judged > 0)) || fail "$specimen: no statement that the kernel could judge"
  echo "$specimen: $judged statements hold"
  end_specimen
}

judge_range() {  # NAME: X.KEY of each KEY that the kernel speaks of
  local name=$1 pid=$target line key said
  ! has_stated "$name.pid" || pid=$(stated "$name.pid")
  local -A kernel=()
  while IFS='=' read -r key said; do kernel[$key]=$said; done \
    < <("$KERNEL_SAYS" "$pid" "$(stated "$name.address")" "$(stated "$name.size")")
  [[ -v kernel[present] ]] || fail "$specimen: the kernel says nothing of $name"
  for line in "${latest[@]}"; do
    key=${line##*.}
    [[ $line == "$name.$key" ]] || continue
    case $key in
      resident_at_least) holds "${kernel[resident]-0} >= $(stated "$line")" "$specimen: $line" ;;
      *)
        [[ -v kernel[$key] ]] || continue
        equals "$(stated "$line")" "${kernel[$key]}" "$specimen: $line, stated and by the kernel"
        ;;
    esac
    ((++judged))
  done
  # pagemap and smaps have to agree, or the judge itself is wrong.
  [[ ! -v kernel[smaps_resident] || ! -v kernel[resident] ]] ||
    equals "${kernel[resident]}" "${kernel[smaps_resident]}" "$specimen: $name by pagemap and smaps"
}

status_of() { awk -v key="$1:" '$1 == key { print $2 }' "/proc/${2-$target}/status"; }
unescaped() { printf '%b' "$(stated "$1")"; }

judge_stage() {
  local key
  for key in "${latest[@]}"; do
    case $key in
      pid) equals "$(stated pid)" "$target" "$specimen: $key" ;;
      threads) equals "$(stated threads)" "$(status_of Threads)" "$specimen: $key" ;;
      page_tables_at_least)
        holds "$(status_of VmPTE) * 1024 >= $(stated "$key")" "$specimen: page tables" ;;
      name) equals "$(unescaped "$key")" "$(<"/proc/$target/comm")" "$specimen: $key" ;;
      command)
        equals "$(unescaped "$key")" "$(tr -d '\0' <"/proc/$target/cmdline")" "$specimen: $key" ;;
      zombie) equals "$(status_of State "$(stated zombie)")" Z "$specimen: its state" ;;
      stopped) equals "$(status_of State "$(stated stopped)")" T "$specimen: its state" ;;
      tracer)
        equals "$(stated tracer)" "$(status_of TracerPid "$(stated traced)")" "$specimen: $key" ;;
      thread.*.name)
        equals "$(unescaped "$key")" \
          "$(<"/proc/$target/task/$(stated "${key%.name}.tid")/comm")" "$specimen: $key" ;;
      *.allocated)
        equals "$(stated "$key")" \
          "$(($(stat -Lc '%b*%B' "/proc/$target/fd/$(stated "${key%.*}.fd")")))" "$specimen: $key" ;;
      thread.*.local) judge_local "$key" ;;
      *.address)
        judge_range "${key%.address}"
        continue ;;
      *) continue ;;
    esac
    ((++judged))
  done
}

judge_local() {  # a local variable lies in its thread's stack, above where that now ends
  local tid_key=${1%.local}.tid call
  has_stated "$tid_key" || return 0
  read -r -a call <"/proc/$target/task/$(stated "$tid_key")/syscall"
  holds "$(stated "$1") > ${call[-2]} && $(stated "$1") - ${call[-2]} < 4096" "$specimen: $1"
}
