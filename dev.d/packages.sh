# dev.d/packages.sh - which packages each command needs, and their installation by apt.
# Sourced by ./dev.

build_packages=(g++ cmake ninja-build pkgconf libfmt-dev libexpected-dev libcli11-dev
                nlohmann-json3-dev libelf-dev)
test_packages=(libgtest-dev jq gdb procps)
# Real programs that tests look into, and the libraries that take malloc's place. Those that come
# with a service are kept apart: see need_services.
program_packages=(python3-minimal nodejs default-jdk-headless golang-go strace util-linux
                  libjemalloc-dev libgoogle-perftools-dev libmimalloc-dev
                  lua5.4 sqlite3 git xz-utils)
service_packages=(redis-server postgresql nginx-light)
# With what outside suites are fetched and built that judge the malloc.
suite_packages=(dpkg-dev perl tcl8.6-dev libxml2-dev)
long_packages=(clang libclang-rt-dev debootstrap "${suite_packages[@]}")
aarch64_packages=(g++-aarch64-linux-gnu libc6-dev-arm64-cross qemu-user)
lint_packages=(clang-format-19 clang-tidy-19)

# missing_of PACKAGE...: those that are not installed.
missing_of() {
  local have
  have=" $(dpkg-query -W -f '${Package}=${db:Status-Status} ' "$@" 2>/dev/null)"
  for package; do [[ $have == *" $package=installed "* ]] || printf '%s ' "$package"; done
}

as_root() {
  if ((EUID == 0)); then "$@"; else sudo "$@"; fi
}
may_be_root() {
  ((EUID == 0)) && return
  command -v sudo >/dev/null && { [[ -t 0 ]] || sudo -n true 2>/dev/null; }
}

apt_get() {
  as_root env DEBIAN_FRONTEND=noninteractive NEEDRESTART_SUSPEND=1 LC_ALL=C.UTF-8 \
    apt-get -y -q -o DPkg::Lock::Timeout=300 -o Dpkg::Use-Pty=0 "$@"
}
have_lists() { compgen -G '/var/lib/apt/lists/*_Packages*' >/dev/null; }
# Lists carry the mirror's date, not the day they were fetched, so old ones show by what apt cannot
# find or fetch: then, and when there are none, they are fetched.
apt_install() {
  have_lists || apt_get update || return
  apt_get install --no-install-recommends "$@" && return
  apt_get update && apt_get install --no-install-recommends "$@"
}

# need WHAT-FOR PACKAGE...
need() {
  local purpose=$1 missing
  shift
  [[ -n ${STRATA_NO_INSTALL:-} ]] && return
  command -v dpkg-query >/dev/null && command -v apt-get >/dev/null ||
    fail "cannot install what $purpose needs" "this system has no apt" \
      "install the likes of: $* ; then set STRATA_NO_INSTALL=1"
  missing=$(missing_of "$@")
  missing=${missing% }
  [[ -z $missing ]] && return
  may_be_root || fail "$purpose needs packages, and installing them needs root" "missing: $missing" \
    "run \`apt-get install --no-install-recommends $missing\` as root, then this again"
  say "For $purpose: apt-get install --no-install-recommends $missing"
  ((EUID == 0)) || sudo -v || exit 2  # asks here, where it can be seen
  # shellcheck disable=SC2086  # a list of names
  step "installing for $purpose" apt_install $missing ||
    fail "cannot install what $purpose needs" "apt-get failed, see above" \
      "check /etc/apt/sources.list and the network"
}

# need_all: what `./dev test --all` wants more than `./dev test`. What is not to be had here, as not
# every distribution has a browser as a package, is a reason to skip.
not_offered=()
need_all() {
  need "tests with real programs" "${program_packages[@]}"
  need_services
  if [[ -n ${STRATA_NO_INSTALL:-} || -n $(apt-cache search --names-only '^chromium$') ]]; then
    need "tests with a browser" chromium
  else
    not_offered+=('needs chromium')
  fi
  # By its version, as gcc-multilib itself cannot stand beside compilers for other machines.
  [[ $(uname -m) != x86_64 ]] ||
    need "programs of 32 bits" "gcc-$(cc -dumpversion | cut -d. -f1)-multilib"
  [[ $(uname -m) != x86_64 ]] || need "the malloc for aarch64" "${aarch64_packages[@]}"
  need "the long tests" "${long_packages[@]}"
  # Python's own tests, which have its version in their name.
  [[ -n ${STRATA_NO_INSTALL:-} ]] ||
    need "python's own tests" "libpython$(dpkg-query -W -f '${Version}' python3-minimal | cut -d. -f1,2)-testsuite"
}

# Programs that are services start when installed and with every boot after. On a machine that
# systemd runs, somebody's own, that is not ours to cause: their tests are skipped unless they are
# there already (CI=true: the machine is thrown away). Elsewhere they are installed, and a
# policy-rc.d(8) keeps them from starting; it answers no only while this script lives, and takes
# itself away should the script be killed.
need_services() {
  local missing
  missing=$(missing_of "${service_packages[@]}")
  [[ -z $missing || -n ${STRATA_NO_INSTALL:-} ]] && return
  if [[ -d /run/systemd/system && ${CI:-} != true ]]; then
    say "Not installed, as they would run as services, so their tests are skipped: $missing"
    not_offered+=('needs (redis-server|nginx|postgres)')
    return
  fi
  may_be_root || need "tests with real programs" "${service_packages[@]}"
  if [[ ! -e /usr/sbin/policy-rc.d ]]; then
    guard=/usr/sbin/policy-rc.d
    printf '#!/bin/sh\n# From Strata'\''s ./dev, for as long as it installs.\n%s\n%s\n' \
      "kill -0 $$ 2>/dev/null && exit 101" 'rm -f "$0"; exit 0' | as_root tee "$guard" >/dev/null
    as_root chmod 755 "$guard"
  fi
  need "tests with real programs" "${service_packages[@]}"
  [[ -n $guard ]] && as_root rm -f "$guard"
  guard=
}
