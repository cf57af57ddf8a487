# glibc's own malloc tests judge the Strata malloc: what passes under glibc's passes under ours, but
# for those in tests/glibc-malloc-tests-known, each with its reason. Peers that are installed stand beside.
. "$(dirname "$0")/../scenario.sh"
. "$ROOT/tests/malloc/malloc.sh"
needs apt-get xz cc ar

# The source is Debian's, of the glibc that runs here; it stays in the build tree.
folder=$BUILD/glibc-malloc-tests
. "$ROOT/tests/glibcs.sh"

fetch_source() {
  local mirror own=$folder/apt
  mirror=$(debian_mirror)
  [[ -n $mirror ]] || { echo 'apt knows no mirror of Debian here'; return 1; }
  mkdir -p "$own"/lists/partial "$own"/archives/partial
  : >"$own/status"
  # shellcheck disable=SC1091
  echo "deb-src $mirror $(. /etc/os-release && echo "${VERSION_CODENAME:-sid}") main" >"$own/sources"
  apt_of_ "$folder" update && (cd "$own" && apt_of_ "$folder" source --download-only glibc) || return
  tar -xf "$own"/glibc_*.orig.tar.xz -C "$folder" --strip-components 1 --wildcards \
    '*/malloc/*' '*/support/*' '*/test-skeleton.c' '*/include/*.h' '*/sysdeps/generic/malloc-*.h'
  rm -rf "$own"
}

[[ -e $folder/malloc/tst-malloc.c ]] || {
  mkdir -p "$folder"
  fetch_source >fetched 2>&1 || skip "glibc's source is not to be had: $(tail -n 1 fetched)"
}

# ---- building: support/ as a library, then each test by itself ----

# Only what has no namesake among the headers that programs see.
headers=$folder/headers
mkdir -p "$headers"/{internal,tests} "$folder"/{objects,programs}
for header in array_length libc-diag intprops scratch_buffer alloc_buffer; do
  ln -sf "$folder/include/$header.h" "$headers/"
done
ln -sfn "$folder/support" "$headers/support"
ln -sfn "$folder/malloc" "$headers/malloc"
ln -sf "$folder/sysdeps/generic"/malloc-{size,alignment}.h "$headers/"
cat >"$headers/config.h" <<'END_OF_HEADER'
/* What glibc's build says to every file, as far as a program of its own needs it. */
#include <limits.h>
#include <stddef.h>
#define libc_hidden_proto(...)
#define libc_hidden_def(...)
#define attribute_hidden
#define TIMEOUTFACTOR 1
#define INTERNAL_SIZE_T size_t
END_OF_HEADER
# Places of a build that is not there; the driver wants to have them all.
for place in SRCDIR OBJDIR OBJDIR_ELF_LDSO INSTDIR LIBDIR SLIBDIR BINDIR SBINDIR ROOTSBINDIR COMPLOCALEDIR SYSCONFDIR; do
  echo "#define ${place}_PATH \"/nonexistent\""
done >>"$headers/config.h"
ln -sf "$headers/config.h" "$headers/libc-symbols.h"

flags=(-std=gnu11 -D_GNU_SOURCE -O1 -g -w -pthread -fno-builtin -include "$headers/config.h"
  -I "$headers" -I "$folder/support")
compile_object() {
  "${CC:-cc}" "${flags[@]}" -c "$1" -o "$folder/objects/$(basename "$1" .c).o" 2>/dev/null || true
}
for source in "$folder"/support/*.c "$folder"/malloc/{dynarray,scratch_buffer,alloc_buffer}_*.c; do
  case ${source##*/} in
    tst-* | test-* | *-main.c | *-container.c | links-dso-*) ;;  # programs
    *) compile_object "$source" ;;
  esac
done
rm -f "$folder/libsupport.a"
ar rcs "$folder/libsupport.a" "$folder"/objects/*.o

tests=()
left_out=()
for source in "$folder"/malloc/tst-*.c "$folder"/malloc/mallocbug.c; do
  name=$(basename "$source" .c)
  case $name in
    # Parts of others; programs with a malloc of their own; those of old hooks and of saved states.
    *-aux* | *-skeleton | tst-interpose-* | tst-compathooks-* | tst-mallocstate) reason='has or needs another malloc' ;;
    tst-mtrace) reason='is a part of a script' ;;
    *)
      if (cd "$folder/malloc" && "${CC:-cc}" "${flags[@]}" "$source" -o "$folder/programs/$name" \
        "$folder/libsupport.a" -ldl) 2>"$name.errors"; then
        tests+=("$name")
        continue
      fi
      reason="does not build alone: $(grep -m 1 -oE '(error|undefined).*' "$name.errors" | head -c 80)"
      ;;
  esac
  left_out+=("$name: $reason")
done
((${#tests[@]} > 30)) || fail "only ${#tests[@]} of glibc's tests could be built:$(printf '\n  %s' "${left_out[@]}")"

# ---- running ----

allocators=('')
names=(glibc)
libraries=/usr/lib/$(cc -print-multiarch)
# shellcheck disable=SC2086  # a list of files; an empty one asks for no peers
for peer in "$library" ${STRATA_MALLOC_PEERS-$libraries/libjemalloc.so.2 $libraries/libmimalloc.so.2}; do
  [[ -f $peer && " ${allocators[*]} " != *" $peer "* ]] || continue
  allocators+=("$peer")
  names+=("$(basename "$peer" | sed -E 's/^lib//; s/\.so.*//')")
done

# One test, with the environment that glibc's Makefile gives it. Most give themselves 20 s; the factor
# is for what else the machine does, and a peer that hangs costs that much. Some tests allocate until
# nothing is left, having lowered RLIMIT_AS under what an allocator may have reserved before: what is
# written to is limited, too, or the machine would run out first.
verdict() {
  local status=0 more=()
  case $2 in
    tst-malloc-check | tst-malloc-usable) more=(MALLOC_CHECK_=3) ;;
    tst-malloc-usable-tunables) more=(GLIBC_TUNABLES=glibc.malloc.check=3) ;;
    tst-mxfast) more=(GLIBC_TUNABLES=glibc.malloc.tcache_count=0:glibc.malloc.mxfast=0) ;;
  esac
  mkdir -p run
  (cd run && ulimit -c 0 && ulimit -d $((2 << 20)) && exec timeout 300 env "${more[@]}" TIMEOUTFACTOR="${patience_factor:-4}" LD_PRELOAD="$1" "$folder/programs/$2" --test-dir="$PWD") \
    >"said.$2" 2>&1 </dev/null || status=$?
  # What hangs has a process group of its own, and goes on sending itself signals.
  ((status != 124)) || pkill -KILL -f "^$folder/programs/$2 " || true
  case $status in
    0) echo pass ;;
    77) echo unsupported ;;
    *) echo "fail" ;;
  esac
}

declare -A passes=() known=()
while read -r name reason; do [[ $name == '#'* || -z $name ]] || known[$name]=$reason; done \
  <"$ROOT/tests/glibc-malloc-tests-known"
row() { printf '%-30s' "$1" && printf ' %-16s' "${@:2}" && echo; }
bad=()
different=()
for name in "${tests[@]}"; do
  results=()
  for i in "${!allocators[@]}"; do
    result=$(verdict "${allocators[i]}" "$name")
    results+=("$result")
    [[ $result != pass ]] || passes[${names[i]}]=$((${passes[${names[i]}]:-0} + 1))
    ((i == 1)) && [[ $library && $result == fail && ${results[0]} == pass ]] || continue
    [[ -v known[$name] ]] || bad+=("$name: $(head -n 3 "said.$name" | tr '\n' ' ')")
  done
  [[ $(printf '%s\n' "${results[@]}" | sort -u | wc -l) == 1 ]] || different+=("$(row "$name" "${results[@]}")")
done

printf '%s of glibc'\''s malloc tests are built and run; these are not:\n' "${#tests[@]}"
printf '  %s\n' "${left_out[@]}"
printf '\nWhere allocators differ:\n'
row test "${names[@]}"
printf '%s\n' "${different[@]}"
totals=()
for name in "${names[@]}"; do totals+=("${passes[$name]:-0}"); done
row 'all that pass' "${totals[@]}"
for name in "${!known[@]}"; do printf 'known: %s: %s\n' "$name" "${known[$name]}"; done | sort
((${#bad[@]} == 0)) || fail "passes under glibc, and not under ours: $(printf '\n  %s' "${bad[@]}")"
