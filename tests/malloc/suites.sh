# tests/malloc/suites.sh - words for running programs' own test suites under one malloc and another;
# included after ../../scenario.sh and malloc.sh.
#
#   folder              where sources stay between runs: $BUILD/suites
#   source_of PACKAGE   Debian's source of it, of the suite that runs here, unpacked as $folder/PACKAGE;
#                       fails, saying why, where apt cannot
#   judged NAME RUN     RUN is a function that runs a suite in an empty folder, `. ` being that folder,
#                       by the words `under CMD…` for what is to be judged, and prints a line a test:
#                       VERDICT NAME, the verdict ok or anything else. It is called with glibc's malloc
#                       and with ours; what is ok under glibc's and not under ours, or is not there at
#                       all, is run for a second time and then counts. On a line of its own: SUITE,
#                       tests, ok under glibc's, ok under ours
#   sum_of_suites       the table; fails where anything was worse under ours
#
# glibc's malloc is preloaded too (its libc.so.6), so that it also is what a program has that is linked
# to another one.

. "$ROOT/tests/glibcs.sh"
folder=$BUILD/suites
mkdir -p "$folder"
libc=$(ldd "$(command -v cat)" | awk '$1 ~ /^libc\.so/ {print $3}')
table=()
worse=()

source_of() {
  local package=$1 own=$folder/apt mirror
  [[ -e $folder/$package.whole ]] && return
  [[ -e $own/ready ]] || {
    mirror=$(debian_mirror)
    [[ -n $mirror ]] || { echo 'apt knows no mirror of Debian here'; return 1; }
    mkdir -p "$own"/lists/partial "$own"/archives/partial
    : >"$own/status"
    # shellcheck disable=SC1091
    echo "deb-src $mirror $(. /etc/os-release && echo "${VERSION_CODENAME:-sid}") main" >"$own/sources"
    apt_of_ "$folder" update >&2 && touch "$own/ready" || { echo 'apt cannot fetch its lists'; return 1; }
  }
  rm -rf "${folder:?}/$package" "$folder/fetched"
  mkdir "$folder/fetched"
  (cd "$folder/fetched" && apt_of_ "$folder" source --download-only "$package" >&2) ||
    { echo "apt cannot fetch the source of $package"; return 1; }
  dpkg-source --no-check --extract "$folder"/fetched/*.dsc "$folder/$package" >&2 ||
    { echo "the source of $package cannot be unpacked"; return 1; }
  rm -rf "$folder/fetched"
  touch "$folder/$package.whole"
}

# Runs a command under the malloc that is judged now, with no network but its own, so that a suite
# that wants port numbers finds them free.
under() {
  local alone=()
  ((EUID != 0)) || alone=(unshare --net sh -c 'ip link set lo up 2>/dev/null; exec "$@"' sh)
  "${alone[@]}" env LD_PRELOAD="$judged_malloc" timeout --kill-after=10 "${limit:-1800}" "$@"
}

verdicts_of() {
  local into=$1 run=$2
  judged_malloc=$3
  rm -rf suite
  mkdir suite
  # A suite in which a test failed ends with that; what it ends with is no verdict here.
  { (cd suite && set +e && trap - ERR && "$run") </dev/null 2>"$into.errors" || true; } | sort -u >"$into"
  rm -rf suite
}

judged() {
  local name=$1 run=$2 all passed
  [[ ${name%%,*} =~ ^(${SUITES:-.*})$ ]] || return 0
  verdicts_of glibc "$run" "$libc"
  verdicts_of ours "$run" "${library:-$libc}"
  # What is ok under glibc's alone.
  missing_ok() { comm -23 <(grep '^ok ' glibc) <(grep '^ok ' "$@" | sort -u); }
  if [[ $(missing_ok -h ours) ]]; then
    # A second time, as some suites depend on how busy the machine is.
    verdicts_of again "$run" "${library:-$libc}"
    while IFS= read -r test; do
      worse+=("$name: ${test#ok }: $(grep -m 1 -hvF "ok ${test#ok }" <(grep -hF -- " ${test#ok }" again) || echo 'not run')")
    done < <(missing_ok -h ours again)
  fi
  all=$(cut -d' ' -f2- glibc | sort -u | wc -l)
  passed=$(grep -c '^ok ' glibc || true)
  ((passed > 0)) || fail "no test of $name is ok under glibc's malloc: $(tail -n 5 glibc.errors ours.errors)"
  table+=("$(printf '%-34s %7d %7d %7d' "$name" "$all" "$passed" "$(grep -c '^ok ' ours || true)")")
  printf '%s\n' "${table[-1]}"
}

sum_of_suites() {
  printf '\n%-34s %7s %7s %7s\n' suite tests glibc ours
  printf '%s\n' "${table[@]}"
  ((${#worse[@]} == 0)) || fail "ok under glibc's malloc, twice not under ours:$(printf '\n  %s' "${worse[@]}")"
}
