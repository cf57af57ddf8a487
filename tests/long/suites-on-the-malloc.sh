# Programs' own test suites have on the Strata malloc the verdicts that they have on glibc's, test by
# test. The suites are those that Debian's packages bring: of python3 as a package, of the others in
# their sources, which run against the programs that are installed; sqlite's builds one of its own.
#   SUITES=REGEX        suites, of: python3 perl tcl sqlite redis jq libxml2
#   PYTHON_TESTS='…'    modules of python3's; all but those that need a display or a network
#   SQLITE_TESTS='…'    files of sqlite's test/; veryquick.test, which runs some thousand of them
. "$(dirname "$0")/../scenario.sh"
. "$ROOT/tests/malloc/malloc.sh"
. "$ROOT/tests/malloc/suites.sh"
needs apt-get dpkg-source cc perl

absent=()
# without NAME REASON…: a suite that cannot be had here.
without() {
  absent+=("$1: ${*:2}")
  printf 'not run  %s: %s\n' "$1" "${*:2}"
}
# have SUITE COMMAND…
have() {
  local command
  [[ $1 =~ ^(${SUITES:-.*})$ ]] || return 1
  for command in "${@:2}"; do
    command -v "$command" >/dev/null || { without "$1" "needs $command"; return 1; }
  done
}
# from_source SUITE PACKAGE COMMAND…
from_source() {
  local why
  have "$1" "${@:3}" || return 1
  why=$(source_of "$2" 2>>apt.errors) || { without "$1" "$why"; return 1; }
}
# One test a line, by programs that speak TAP; $1 stands before each one's number.
tap() { sed -nE "s/^ok ([0-9]+).*/ok $1 \1/p; s/^not ok ([0-9]+).*/failed $1 \1/p"; }

# ---- python3 ----

# Left out: what needs a display, other programs' sources, or hangs for minutes under any malloc.
python_tests() {
  local test
  for test in $(/usr/bin/python3 -m test --list-tests); do
    case $test in
      test_gdb | test_idle | test_tkinter | test_ttk_guionly | test_tix | test_turtle) ;;
      test_tools | test_peg_generator | test_c_analyzer | test_lib2to3 | test_distutils) ;;
      test_venv | test_ensurepip | test_bigmem | test__xxsubinterpreters) ;;
      *) printf '%s\n' "$test" ;;
    esac
  done
}
run_python() {
  # shellcheck disable=SC2046,SC2086  # lists of names
  limit=7200 under env PYTHONHASHSEED=0 /usr/bin/python3 -m test -j2 --timeout 900 --tempdir . \
    --junit-xml "$PWD/verdicts.xml" ${PYTHON_TESTS:-$(python_tests)} >&2
  /usr/bin/python3 - <<'S'
import xml.etree.ElementTree
for case in xml.etree.ElementTree.parse("verdicts.xml").iter("testcase"):
    kinds = [child.tag for child in case if child.tag in ("failure", "error", "skipped")]
    print(kinds[0] if kinds else "ok", case.get("name").replace("\n", " ").strip())
S
}
# Where every object of python's is a block of malloc's.
run_python_on_malloc() {
  local -x PYTHONMALLOC=malloc PYTHON_TESTS
  PYTHON_TESTS='test_dict test_list test_set test_unicode test_bytes test_long test_gc test_weakref
    test_json test_re test_pickle test_threading test_thread test_queue test_fork1 test_sqlite3
    test_generators test_itertools test_functools test_io test_decimal test_ast test_compile'
  run_python
}
if have python3 /usr/bin/python3; then
  if /usr/bin/python3 -c 'import test.regrtest, test.test_dict' 2>/dev/null; then
    judged python3 run_python
    judged 'python3, PYTHONMALLOC=malloc' run_python_on_malloc
  else
    without python3 'needs libpython3.11-testsuite or the like'
  fi
fi

# ---- perl ----

# t/ of the source, with the installed library as the lib/ beside it.
run_perl() {
  local test path taint
  cp -r "$folder/perl/t" "$folder/perl/MANIFEST" "$folder/perl/Porting" "$folder/perl/regen" \
    "$folder/perl/regcharclass.h" .
  mkdir lib
  perl -e 'print "$_\n" for @INC' | while read -r path; do
    [[ ! -d $path || $path == /usr/local/* ]] || cp -rsn "$path/." lib/
  done
  ln -s "$(command -v perl)" t/perl
  cd t
  for test in {base,cmd,comp,io,re,opbasic,op,uni,mro,lib}/*.t; do
    # What is to run tainted says so in its first line, and wants to be started so.
    head -n 1 "$test" | grep -q '^#!.* -[a-zA-Z]*T' && taint=-T || taint=
    limit=900 under perl ${taint:+"$taint"} -I../lib "$test" </dev/null 2>/dev/null | tap "${test//\//\\/}"
  done
}
! from_source perl perl || judged perl run_perl

# ---- tcl, whose interpreter sqlite and redis are tested by ----

run_tcl() {
  limit=3600 under tclsh8.6 "$folder/tcl8.6/tests/all.tcl" -verbose p -tmpdir "$PWD" \
    -notfile 'clock.test httpold.test' 2>&1 |
    sed -nE 's/^\+\+\+\+ (.*) PASSED$/ok \1/p; s/^==== (.*) FAILED$/failed \1/p'
}
! from_source tcl tcl8.6 tclsh8.6 || judged tcl run_tcl

# ---- sqlite ----

# Its own faults of malloc are of a wrapper; below it is the one that is judged.
build_sqlite() {
  local build=$folder/sqlite-built
  [[ ! -x $build/testfixture ]] || return 0
  mkdir -p "$build"
  (cd "$build" && "$folder/sqlite3/configure" --enable-all --with-tcl=/usr/lib/tcl8.6 CFLAGS='-O1 -w' &&
    make testfixture) >sqlite.built 2>&1
}
# A few names say how much memory was in use, as malloc_usable_size() counts it: (mu=2224).
run_sqlite() {
  local test
  for test in ${SQLITE_TESTS:-veryquick.test}; do
    limit=7200 under "$folder/sqlite-built/testfixture" "$folder/sqlite3/test/$test" 2>&1 |
      sed -nE 's/\(mu=[0-9]+\)/(mu)/; s/^(.*)\.\.\. Ok$/ok \1/p; s/^! (.*) (expected|got): .*/failed \1/p'
  done
}
if from_source sqlite sqlite3 tclsh8.6 make; then
  if build_sqlite; then judged sqlite run_sqlite; else without sqlite "$(tail -n 1 sqlite.built)"; fi
fi

# ---- redis ----

# Suites of a client and one server; those of clusters and replication wait for time to pass.
redis_units=(keyspace scan expire other multi aofrw limits scripting functions introspection maxmemory
  memefficiency bitops bitfield hyperloglog lazyfree pubsub slowlog sort dump geo client-eviction
  querybuf obuf-limits tracking networking acl info protocol shutdown violations wait
  type/{string,incr,list,list-2,list-3,hash,set,zset,stream,stream-cgroups})
run_redis() {
  local program unit units=()
  cp -r "$folder/redis/tests" "$folder/redis/redis.conf" "$folder/redis/sentinel.conf" .
  mkdir src
  for program in server cli benchmark check-aof check-rdb; do
    ln -s "$(command -v redis-$program)" src/
  done
  for unit in "${redis_units[@]}"; do units+=(--single "unit/$unit"); done
  limit=3600 under tclsh8.6 tests/test_helper.tcl --clients 2 --timeout 1200 --tags -large-memory \
    "${units[@]}" 2>&1 |
    sed -nE $'s/\x1b\\[[0-9;]*m//g; s/ \\([0-9]+ ms\\)$//; s/^\\[ok\\]: (.*)/ok \\1/p; s/^\\[err\\]: (.*) in tests.*/failed \\1/p'
}
! from_source redis redis tclsh8.6 redis-server redis-cli redis-check-rdb || judged redis run_redis

# ---- jq and libxml2 ----

run_jq() {
  local file
  for file in jq onig; do
    # A failed one says so, with stars, before the next one is named.
    under jq -L "$folder/jq/tests/modules" --run-tests "$folder/jq/tests/$file.test" 2>&1 |
      awk -v file=$file '
        function tell() { if (name != "") print (bad ? "failed " : "ok ") name }
        /^Testing / { tell(); name = file " " $NF; bad = 0 }
        /^\*\*\*/ { bad = 1 }
        END { tell() }'
  done
}
! from_source jq jq jq || judged jq run_jq

# Each says at its end how many it has tested.
libxml2_programs=(runtest testrecurse testapi testlimits testchar testdict)
build_libxml2() {
  local program
  mkdir -p "$folder/libxml2-built"
  # What the sources ask of a configuration that is not made here.
  printf '#define HAVE_%s 1\n' STDLIB_H STRING_H SYS_STAT_H UNISTD_H FCNTL_H SYS_MMAN_H PTHREAD_H \
    LIBPTHREAD SYS_TIME_H TIME_H SYS_TYPES_H GLOB_H GLOB MATH_H STDARG_H CTYPE_H ERRNO_H \
    >"$folder/libxml2-built/config.h"
  for program in "${libxml2_programs[@]}"; do
    "${CC:-cc}" -O1 -w -I"$folder/libxml2-built" -I"$folder/libxml2" -I/usr/include/libxml2 \
      -o "$folder/libxml2-built/$program" "$folder/libxml2/$program.c" -lxml2 -lpthread -lm || return
  done
}
run_libxml2() {
  local program said
  cp -r "$folder"/libxml2/{test,result} .
  for program in "${libxml2_programs[@]}"; do
    if said=$(under "$folder/libxml2-built/$program" 2>/dev/null | tail -n 1); then
      echo "ok $program: $said"
    else
      echo "failed $program: $said"
    fi
  done
}
if from_source libxml2 libxml2; then
  if build_libxml2 2>xml.built; then judged libxml2 run_libxml2; else without libxml2 'needs libxml2-dev'; fi
fi

((${#table[@]} == 0)) || sum_of_suites
((${#absent[@]} == 0)) || skip "not all suites are to be had: $(printf '%s; ' "${absent[@]}")"
