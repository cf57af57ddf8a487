# Sourced by bench/malloc*.sh: which allocators take part, and that each can be preloaded.
#   STRATA_MALLOC_LIB  ours; without it build/release/lib/libstrata-malloc.so
#   PEERS              "NAME=FILE[,VARIABLE=VALUE] ...": others by their .so, each with at most one
#                      variable of its environment; Debian's are found where their packages are installed
#   ALLOCATORS         names of those to take; glibc always does, since the others are relative to it
# Sets    allocators (names in order), library[NAME] ("-" for glibc), setting[NAME], absent (why not)
root=${ROOT:-$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)}
bin=${STRATA:+$(dirname "$STRATA")}
bin=${BIN:-${bin:-$root/build/release/bin}}
export LC_ALL=C.UTF-8

declare -A library=() setting=()
allocators=() absent=()

# one whose .so defines malloc, for a file without it would be preloaded and change nothing
add_allocator() {
  local name=$1 file=$2
  [[ -z ${ALLOCATORS:-} || " $ALLOCATORS " == *" $name "* ]] || return 0
  if [[ ! -r $file ]]; then
    absent+=("$name: there is no $file")
  elif ! grep -qE ' [TWi] malloc(@|$)' <<<"$(nm -D --defined-only "$file" 2>&1)"; then
    absent+=("$name: $file defines no malloc")
  else
    allocators+=("$name") library[$name]=$file setting[$name]=${3:-}
  fi
}

add_package() {
  local name=$1 package=$2 pattern=$3 file
  file=$(dpkg -L "$package" 2>/dev/null | grep -E "$pattern" | head -n 1)
  if [[ -n $file ]]; then
    add_allocator "$name" "$file"
  elif [[ -z ${ALLOCATORS:-} || " $ALLOCATORS " == *" $name "* ]]; then
    absent+=("$name: not installed; apt install $package")
  fi
}

allocators=(glibc) library[glibc]=-
add_allocator strata "${STRATA_MALLOC_LIB:-$root/build/release/lib/libstrata-malloc.so}"
for peer in ${PEERS:-}; do
  file=${peer#*=}
  [[ $file == *,* ]] && extra=${file#*,} || extra=
  add_allocator "${peer%%=*}" "${file%%,*}" "$extra"
done
add_package mimalloc libmimalloc2.0 '/libmimalloc\.so\.[0-9]'
add_package jemalloc libjemalloc2 '/libjemalloc\.so\.[0-9]'
add_package tcmalloc libtcmalloc-minimal4 '/libtcmalloc_minimal\.so\.[0-9]'

# measure_as FIGURES ALLOCATOR SECONDS: sets measured, the words before a command that make
# bench/run-once.cc run it so.
measure_as() {
  measured=("$bin/run-once" "$1" "${library[$2]}" "$3" ${setting[$2]:+"${setting[$2]}"})
}

# keep_ours FOLDER: measures a copy, for a build while a long run is on would change what is measured.
keep_ours() {
  [[ -n ${library[strata]:-} ]] || return 0
  cp "${library[strata]}" "$1/libstrata-malloc.so" || exit 2
  library[strata]=$1/libstrata-malloc.so
}

# What took part, so that a kept run can be judged later.
describe_run() {
  echo "# $(date -u +%FT%TZ), $(uname -sr), $(nproc) processors," \
    "$(awk -F': ' '/model name/{print $2; exit}' /proc/cpuinfo), glibc $(getconf GNU_LIBC_VERSION | cut -d' ' -f2)"
  echo "# load when started: $(cut -d' ' -f1-3 /proc/loadavg); transparent huge pages:" \
    "$(sed 's/.*\[\(.*\)\].*/\1/' /sys/kernel/mm/transparent_hugepage/enabled 2>/dev/null)"
  local name
  for name in "${allocators[@]}"; do
    [[ $name == glibc ]] && continue
    echo "# $name: $(basename "$(readlink -f "${library[$name]}")"), $(stat -Lc '%s bytes' "${library[$name]}")," \
      "sha256 $(sha256sum "${library[$name]}" | cut -c1-12)${setting[$name]:+, ${setting[$name]}}"
  done
  ((${#absent[@]} == 0)) || printf '# left out: %s\n' "${absent[@]}"
}

need_program() {
  [[ -x $bin/$1 ]] && return
  echo "error: there is no $bin/$1; ./dev build makes it, or BIN=FOLDER names where it is" >&2
  exit 2
}
