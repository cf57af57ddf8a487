# bench/malloc-compile.sh: a C++ project compiled file by file with the compiler on each malloc: CPU
# time and peak resident memory relative to glibc's, and whether every object is the same.
#   SOURCE=DIR      a CMake project; this one without it     CMAKE='-DNAME=VALUE ...' for its configure
#   COMPILERS='g++ clang++'    those that are installed
#   FILES=REGEX     of its sources; of this project's, without it, two folders
#   RUNS=1          rounds, of which the median counts
#   PEERS, ALLOCATORS, STRATA_MALLOC_LIB  who takes part: bench/malloc/allocators.sh
#   OUT=FILE        every run as it was
# Each file is compiled under all allocators in turn, in another order each time.
set -uo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")/malloc" && pwd)
. "$here/allocators.sh"
need_program run-once
for tool in cmake jq; do
  command -v "$tool" >/dev/null || { echo "error: there is no $tool; apt install $tool" >&2; exit 2; }
done
source=${SOURCE:-$root}
files=${FILES:-$([[ -n ${SOURCE:-} ]] && echo . || echo '^inspect/(ledger|object)/')}
out=${OUT:-$root/build/bench/malloc-compile-$(date +%Y%m%d-%H%M%S).tsv}
mkdir -p "$(dirname "$out")" || exit 2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
keep_ours "$work"
failed=0

{
  describe_run
  echo "# compiler allocator round file user_s system_s peak_KiB object"
} >"$out"
for compiler in ${COMPILERS:-g++ clang++}; do
  command -v "$compiler" >/dev/null || { echo "# left out: $compiler is not installed" | tee -a "$out"; continue; }
  # shellcheck disable=SC2086  # a list of options
  if ! cmake -S "$source" -B "$work/$compiler" -G 'Unix Makefiles' -DCMAKE_BUILD_TYPE=Release \
    -DCMAKE_CXX_COMPILER="$compiler" -DCMAKE_EXPORT_COMPILE_COMMANDS=ON ${CMAKE:-} >"$work/configured" 2>&1; then
    tail -n 5 "$work/configured" >&2
    echo "error: $source cannot be configured for $compiler" >&2
    exit 2
  fi
  jq -r '.[] | [.directory, .file, .command] | @tsv' "$work/$compiler/compile_commands.json" |
    grep -E '\.(cc|cpp|cxx)\s' | sort -u -t$'\t' -k2,2 >"$work/commands"
  turn=0
  while IFS=$'\t' read -r folder file command; do
    name=${file#"$source"/}
    [[ $name =~ $files ]] || continue
    eval "words=(${command})"
    # Where the object goes is the last -o.
    for ((i = 0; i < ${#words[@]}; ++i)); do [[ ${words[i]} != -o ]] || at=$((i + 1)); done
    words[at]=$work/object.o
    for ((round = 1; round <= ${RUNS:-1}; ++round)); do
      ((++turn))
      for ((i = 0; i < ${#allocators[@]}; ++i)); do
        allocator=${allocators[(i + turn) % ${#allocators[@]}]}
        measure_as "$work/figures" "$allocator" 900
        rm -f "$work/object.o"
        (cd "$folder" && "${measured[@]}" "${words[@]}") >"$work/said" 2>&1
        read -r -a figures <"$work/figures" || figures=(0 0 0 0 0 0 0 0 not-started)
        object=$(sha256sum <"$work/object.o" 2>/dev/null | cut -c1-12)
        if [[ ${figures[8]} != ok ]]; then
          failed=1 object=failed
          echo "$name by $compiler under $allocator: ${figures[8]}" >&2
          tail -n 3 "$work/said" >&2
        fi
        printf '%s\t' "$compiler" "$allocator" "$round" "$name" "${figures[@]:1:3}" >>"$out"
        printf '%s\n' "$object" >>"$out"
      done
    done
  done <"$work/commands"
done

awk -v names="${allocators[*]}" -f "$here/compile.awk" "$out" || failed=1
echo "Every run as it was: $out"
exit "$failed"
