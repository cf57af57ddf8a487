# On programs that nobody here wrote, and on the specimen, LeakSanitizer and `strata leaks` find the
# same blocks lost: as many, each of a size that its chunk can have been asked for, as many of them
# held by others; and neither finds any where the other finds none. On the Strata malloc the same
# programs lose the same blocks; but there no header stands between two, so that a pointer to before a
# block's start, or to behind its end, leads into its neighbour and hides that.
#
# For that both look at one moment, with one state. LeakSanitizer looks before the destructors of
# libraries run, unless it is told to look in an exit handler that was registered before theirs; and
# it takes for pointers what returned calls left on the stack and in registers, as Strata does. So
# the same handler wipes both in both runs. What it cannot wipe is luck: a word of recycled memory
# that looks like a pointer hides a block from Strata, and other addresses in the next run show it
# again. It can only hide one: so no run may find more, and of some runs the best finds all.
. "$(dirname "$0")/../scenario.sh"
. "$ROOT/tests/leaks.sh"
[[ $(uname -m) == x86_64 ]] || skip 'the registers that are wiped are those of x86-64'
patience=120
time_limit=300
freeze_limit=60s

lsan=
for file in /usr/lib/gcc/x86_64-linux-gnu/*/liblsan.so; do
  [[ ! -e $file ]] || lsan=$file
done
[[ $lsan ]] || skip "needs gcc's liblsan.so"

cat >look.c <<'END'
#define _GNU_SOURCE
#include <signal.h>
#include <stdlib.h>
#include <string.h>

// gcc 12's liblsan has interceptors of these two that call a null pointer when it is preloaded.
extern int __sigaction(int, const struct sigaction*, struct sigaction*);
int sigaction(int number, const struct sigaction* act, struct sigaction* old) {
  return __sigaction(number, act, old);
}
sighandler_t signal(int number, sighandler_t handler) {
  struct sigaction act, old;
  memset(&act, 0, sizeof act);
  act.sa_handler = handler;
  act.sa_flags = SA_RESTART;
  return sigaction(number, &act, &old) != 0 ? SIG_ERR : old.sa_handler;
}

extern int __cxa_atexit(void (*)(void*), void*, void*);
extern void __lsan_do_leak_check(void) __attribute__((weak));

#define ZERO(n) "vpxorq %%zmm" #n ", %%zmm" #n ", %%zmm" #n "\n"
__attribute__((target("avx512f"), noinline)) static void wipe_upper_registers(void) {
  __asm__ volatile(ZERO(16) ZERO(17) ZERO(18) ZERO(19) ZERO(20) ZERO(21) ZERO(22) ZERO(23) ZERO(24)
                       ZERO(25) ZERO(26) ZERO(27) ZERO(28) ZERO(29) ZERO(30) ZERO(31)::: "memory");
}
__attribute__((target("avx"), noinline)) static void wipe_registers(void) {
  __asm__ volatile("vzeroall" ::: "memory");
}
__attribute__((noinline)) static void wipe_stack(void) {
  volatile char frame[512 << 10];
  for (size_t i = 0; i < sizeof frame; ++i) frame[i] = 0;
}

static void look(void* unused) {
  (void)unused;
  wipe_stack();
  if (__builtin_cpu_supports("avx")) wipe_registers();
  if (__builtin_cpu_supports("avx512f")) wipe_upper_registers();
  if (__lsan_do_leak_check != NULL) __lsan_do_leak_check();
}
static void look_now(int number) {
  (void)number;
  look(NULL);
}

// Before main(), and for no library: it runs when the destructors of all have run.
__attribute__((constructor)) static void begin(void) {
  __cxa_atexit(look, NULL, NULL);
  if (getenv("LOOK_AT_SIGNAL") != NULL) signal(SIGUSR1, look_now);
}
END
"${CC:-cc}" -O1 -shared -fPIC -o look.so look.c || fail 'look.c does not compile'
options=exitcode=0:leak_check_at_exit=0:report_objects=1:max_leaks=0
same_for_all=(PERL_HASH_SEED=0 PERL_PERTURB_KEYS=0 PYTHONHASHSEED=0 PYTHONMALLOC=malloc
  "HOME=$PWD")

# Its report as lines: Direct or Indirect, and the bytes that were asked for.
blocks_of() {
  awk '/^(Direct|Indirect) leak of/ { kind = $1 }
    /^0x[0-9a-f]+ \([0-9]+ bytes\)$/ { gsub(/[()]/, ""); print kind, $2 }' "$1" | sort -k 1,1 -k 2n
}

lsan_finds() {
  rm -f report.*
  env "${same_for_all[@]}" LSAN_OPTIONS="$options:log_path=$PWD/report" \
    LD_PRELOAD="$PWD/look.so $lsan" "$@" </dev/null >/dev/null 2>lsan-errors &
  local pid=$!
  wait "$pid" || true
  touch "report.$pid"
  blocks_of "report.$pid" >lsan
}

# Whether blocks of the sizes asked for can be these: each has at least 24 bytes of room, up to 15
# for rounding, and up to 16 more where what was left of a chunk is too small to be one.
sizes_agree() {
  paste "$1" "$2" |
    awk '{ least = $1 > 24 ? $1 : 24 } $2 < least || $2 > least + 15 + 16 { exit 1 }'
}

# The same of blocks on the Strata malloc, which are of a class: up to a quarter more, or a page.
sizes_agree_by_class() {
  paste "$1" "$2" | awk '{ most = $1 + ($1 < 64 ? 16 : $1 < 16384 ? $1 / 4 : 4096 + $1 / 4) }
    $2 < $1 || $2 > most { exit 1 }'
}
strata_malloc=${STRATA_MALLOC_LIB:-$BUILD/lib/libstrata-malloc.so}

# lost_on_strata_malloc ALL PROGRAM [ARGUMENT]…: behind what LeakSanitizer found; of these $hidden are
# hidden by such pointers.
hidden=0
lost_on_strata_malloc() {
  local all=$1 best=-1 found_now try
  shift
  for try in {1..12}; do
    run strata leaks --at-exit --json --freeze-limit "$freeze_limit" -- \
      env "${same_for_all[@]}" STRATA_MALLOC=background:0 \
      LD_PRELOAD="$PWD/look.so $strata_malloc" "$@"
    ((exit_code <= 1)) || fail "$1 on the Strata malloc: exit code $exit_code"
    found_now=$(json '.totals | .direct_chunks + .indirect_chunks')
    holds "$found_now <= $all" "$1 on the Strata malloc: blocks, where LeakSanitizer has $all"
    best=$((found_now > best ? found_now : best))
    ((best < all - hidden)) || break
  done
  equals "$best" $((all - hidden)) "$* on the Strata malloc: blocks lost"
  printf '  on the Strata malloc: %d lost; in run %d\n' "$best" "$try"
  ((hidden == 0)) || return 0
  equals $(($(json .totals.direct_chunks) - $(json '[.leaks[] | select(.cycle)] | length'))) \
    "$(wc -l <lsan-direct)" "$* on the Strata malloc: direct ones"
  jq '.leaks[] | select(.cycle | not) | .usable_bytes' stdout | sort -n >strata-direct
  sizes_agree_by_class lsan-direct strata-direct ||
    fail "$*: sizes: $(paste -s -d ' ' lsan-direct) are not $(paste -s -d ' ' strata-direct)"
}

# beside PROGRAM [ARGUMENT]…: exit code 1 where it is not there.
compared=0
with_leaks=0
beside() {
  [[ -x $1 ]] || { printf 'not here: %s\n' "$1" && return 0; }
  local all in_cycles try best=-1 found_now least
  lsan_finds "$@"
  grep '^Direct' lsan | cut -d ' ' -f 2 >lsan-direct || true
  all=$(wc -l <lsan)
  # What a chunk of so many bytes has at least, its header included.
  least=$(awk '{ sum += $2 > 24 ? int(($2 + 8 + 15) / 16) * 16 : 32 } END { print sum + 0 }' lsan)
  for try in {1..12}; do
    run strata leaks --at-exit --json --freeze-limit "$freeze_limit" -- \
      env "${same_for_all[@]}" LSAN_OPTIONS="$options:log_path=$PWD/report" \
      LD_PRELOAD="$PWD/look.so" "$@"
    ((exit_code <= 1)) || fail "$1: exit code $exit_code"
    found_now=$(json '.totals | .direct_chunks + .indirect_chunks')
    holds "$found_now <= all" "$1: blocks, where LeakSanitizer has $all"
    best=$((found_now > best ? found_now : best))
    ((best < all)) || break
  done
  equals "$best" "$all" "$*: blocks lost"
  holds "$(json '.totals | .direct_bytes + .indirect_bytes') >= least" "$1: bytes"
  holds "$(json '.totals | .direct_bytes + .indirect_bytes') <= least + 16 * all" "$1: bytes"
  # Of a cycle LeakSanitizer calls every block indirect, and Strata one of them direct.
  in_cycles=$(json '[.leaks[] | select(.cycle)] | length')
  equals $(($(json .totals.direct_chunks) - in_cycles)) "$(wc -l <lsan-direct)" "$*: direct ones"
  jq '.leaks[] | select(.cycle | not) | .usable_bytes' stdout | sort -n >strata-direct
  sizes_agree lsan-direct strata-direct ||
    fail "$*: sizes: $(paste -s -d ' ' lsan-direct) are not $(paste -s -d ' ' strata-direct)"
  printf '%s: %d lost (%d direct, %d in cycles), %d asked for; in run %d\n' "$*" "$all" \
    "$(wc -l <lsan-direct)" "$in_cycles" "$(awk '{ sum += $2 } END { print sum + 0 }' lsan)" "$try"
  [[ ! -e $strata_malloc ]] || lost_on_strata_malloc "$all" "$@"
  compared=$((compared + 1))
  with_leaks=$((with_leaks + (all > 0)))
}

# It may be refused (it traces the program), and a program may be one that it cannot be loaded into.
cat >two.c <<'END'
#include <stdlib.h>
static void* volatile block;
int main(void) {
  for (int i = 1; i <= 3; ++i) block = malloc(100 * i);
}
END
"${CC:-cc}" -O1 -o two two.c
lsan_finds ./two
[[ $(paste -s -d ' ' lsan) == 'Direct 100 Direct 200' ]] ||
  skip "LeakSanitizer does not work here: $(cat lsan lsan-errors | tail -n 3)"

# The specimen knows what it lost. What is reached by tagged or xored pointers alone nobody can
# tell from lost; LeakSanitizer also looks for no pointers in what a program mapped by itself.
blocks_at_signal() {
  eventually test -s "$1"
  eventually grep -q '^SUMMARY' "$1"
  sed -n 's/^\(0x[0-9a-f]*\) (.*/\1/p' "$1" | sort
}
blocks_in() {  # those that the specimen holds there
  local key
  for key in "${!statements[@]}"; do
    [[ $key != "$target:not."*.what || ${statements[$key]} != "$1" ]] ||
      printf '%s\n' "${statements[${key%what}block]}"
  done | sort
}
score() {
  stated_blocks leak | sort >lost
  stated_blocks miss | sort >hidden
  printf 'leak-known, %s: %d lost; found %d, missed %d, false %d and %d hidden ones\n' "$1" \
    "$(wc -l <lost)" "$(comm -12 lost "$2" | wc -l)" "$(comm -23 lost "$2" | wc -l)" \
    "$(sort lost hidden | comm -13 - "$2" | wc -l)" "$(comm -12 hidden "$2" | wc -l)"
  [[ -z $(comm -23 lost "$2") ]] || fail "$1 missed: $(comm -23 lost "$2")"
}
cat >with-lsan <<END
#!/bin/sh
exec env LOOK_AT_SIGNAL=1 LSAN_OPTIONS=$options:log_path=$PWD/specimen \
  LD_PRELOAD="$PWD/look.so $lsan" "$SPECIMENS/leak-known"
END
chmod +x with-lsan
specimen ./with-lsan
kill -USR1 "$target"
blocks_at_signal "specimen.$target" >by-lsan
score LeakSanitizer by-lsan
sort lost hidden | comm -13 - by-lsan >false
cmp false <(blocks_in mapping) || fail "LeakSanitizer also found: $(<false)"

# Strata lists what is lost by itself; of what that holds, how much. The leaks- scenarios hold it to
# more.
specimen leak-known
run strata leaks --json --freeze-limit "$freeze_limit" "$target"
exits_with 1
{ stated_blocks leak && stated_blocks miss; } | sort >lost
found >by-strata
[[ -z $(comm -13 lost by-strata) ]] || fail "found and not lost: $(comm -13 lost by-strata)"
equals "$(json '.totals | .direct_chunks + .indirect_chunks')" "$(wc -l <lost)" 'leak-known: lost'
printf 'leak-known, Strata: %d lost; found %d, missed 0, false 0 and %d hidden ones\n' \
  "$(stated leak.chunks)" "$(stated leak.chunks)" \
  "$(comm -12 <(stated_blocks miss) by-strata | wc -l)"

# Some that lose blocks, some that lose none. nginx loses a cycle; curl has libraries whose
# thread-local storage is not aligned to words.
beside /usr/bin/sort /etc/passwd
beside /usr/bin/dpkg -l libc6
beside /usr/bin/expr 1 + 1
beside /usr/bin/rsync --version
beside /usr/bin/as -o /dev/null /dev/null
beside /usr/bin/ld -shared -o out "$PWD/look.so"
beside /usr/bin/gcc --version
beside /usr/bin/gcc -c -o out.o "$PWD/look.c"
# Of a body of fewer fields it keeps the address less the fields that are not there: 16 bytes before
# three blocks' starts.
hidden=2 beside /usr/bin/perl -e '$h{$_} = [$_] for 1 .. 100; push @$x, $x'
beside /usr/sbin/nginx -t
beside /usr/bin/bash -c 'declare -A h; for i in {1..300}; do h[$i]=$i; done'
beside /usr/bin/python3 -c 'import json, re'
beside /usr/bin/sqlite3 :memory: 'create table t(a); insert into t values (1); select * from t'
beside /usr/bin/jq -n '[range(1000)] | add'
beside /usr/bin/openssl dgst -sha256 /etc/passwd
beside /usr/bin/curl --version
beside /usr/bin/xmllint --version
beside /usr/bin/vim -es -c q
((compared >= 3 && with_leaks >= 2)) || skip "$compared programs are here, $with_leaks of them lose blocks"
printf '%d programs, %d of them lose blocks\n' "$compared" "$with_leaks"
