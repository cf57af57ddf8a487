#!/usr/bin/env bash
# tests/long/clean-root.sh: ./dev works on a Debian that has nothing installed but its smallest base,
# and what it builds runs redis-server on the Strata malloc there, and explains it.
#
#   clean-root.sh [--demo] [--worktree] [--keep] [SUITE]
#     --demo      ./dev demo and redis-server alone, without ./dev test after them
#     --worktree  the working tree as it is, not what is committed (so too where nothing is)
#     --keep      leaves the root behind and says where
#     SUITE       bookworm, unless said otherwise
#
# Makes the root by debootstrap from this machine's own mirror and keyrings, with its apt settings,
# so it works wherever apt works here. Packages that were fetched are kept under build/ for the next
# time. Its mounts and processes are in namespaces of their own and
# end with them, whatever happens; then the folder goes. Needs root, 4 GB under TMPDIR, 15 minutes.
set -euo pipefail
here=$(cd "$(dirname "$0")/../.." && pwd)
self=$here/tests/long/clean-root.sh

# --- inside the root: the program that README names, on what ./dev built ---
redis_server() {
  set -euo pipefail
  # It is not to run as a service.
  printf '#!/bin/sh\nexit 101\n' >/usr/sbin/policy-rc.d
  chmod 755 /usr/sbin/policy-rc.d
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends redis-server \
    >/tmp/redis.apt 2>&1 || { cat /tmp/redis.apt; return 1; }
  local strata=build/release/bin/strata socket=/tmp/redis.socket target tries
  "$strata" run -- redis-server --port 0 --unixsocket "$socket" --save '' --dir /tmp \
    >/tmp/redis.said 2>&1 &
  target=$!
  for ((tries = 0; tries < 600; ++tries)); do
    [[ $(redis-cli -s "$socket" PING 2>/dev/null) != PONG ]] || break
    sleep 0.1
  done
  redis-cli -s "$socket" EVAL \
    "for i = 1, 10000 do redis.call('SET', 'key:' .. i, string.rep('v', 100)) end" 0 >/dev/null ||
    { cat /tmp/redis.said; return 1; }
  "$strata" explain --freeze "$target" | tee /tmp/redis.explained
  # Both accounts of the text, and that nothing is left.
  grep -q ' strata$' /tmp/redis.explained
  grep -q "the accounts' sum .* equals VmRSS, to the byte" /tmp/redis.explained
  redis-cli -s "$socket" SHUTDOWN NOSAVE >/dev/null 2>&1 || true
  wait "$target"
}

# --- inside the namespaces: mounts, then ./dev ---
if [[ ${1:-} == --inside ]]; then
  root=$2 cache=$3
  shift 3
  # As a machine's own root is: a mount of its own, and open to its other users.
  mount --bind "$root" "$root"
  chmod 755 "$root"
  mount -t proc proc "$root/proc"
  # debootstrap made the device nodes; where it was not allowed to, those from here serve.
  (: >"$root/dev/null") 2>/dev/null || mount --bind /dev "$root/dev"
  mount -t tmpfs tmpfs "$root/dev/shm"
  mount --bind "$cache" "$root/var/cache/apt/archives"
  mount -t sysfs -o ro sysfs "$root/sys" || echo "no /sys in the root: refused here"
  for step; do
    begun=$SECONDS
    echo "== $step"
    status=0
    command="./dev $step"
    [[ $step != redis-server ]] || command="$(declare -f redis_server); redis_server"
    # Nothing of this machine's environment but how it reaches the network.
    env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root CI=true \
      ${http_proxy+http_proxy="$http_proxy"} ${https_proxy+https_proxy="$https_proxy"} \
      chroot "$root" bash -c "cd /strata && $command" </dev/null || status=$?
    echo "== $step: status $status, $((SECONDS - begun)) s"
    ((status == 0)) || exit 1
  done
  exit 0
fi

steps=(demo redis-server test)
source=commit
keep=
suite=bookworm
for argument; do
  case $argument in
    --demo) steps=(demo redis-server) ;;
    --worktree) source=worktree ;;
    --keep) keep=1 ;;
    -*) echo "clean-root.sh does not know $argument"; exit 2 ;;
    *) suite=$argument ;;
  esac
done

skip() { echo "$1"; exit 77; }
((EUID == 0)) || skip "debootstrap needs root"
command -v debootstrap >/dev/null || skip "debootstrap is not installed; ./dev test --all installs it"
unshare --mount --pid --fork true 2>/dev/null || skip "no new namespaces may be made here"

# Of all that apt fetches from, the place of this suite's main component.
mirror=$(apt-get indextargets --format '$(CODENAME) $(COMPONENT) $(IDENTIFIER) $(REPO_URI)' |
  awk -v suite="$suite" '$1 == suite && $2 == "main" && $3 == "Packages" {print $4; exit}')
[[ -n $mirror ]] || skip "apt has no lists of $suite here; debootstrap would not know its mirror"

root=$(mktemp -d "${TMPDIR:-/tmp}/clean-root.XXXXXX")
cache=${BUILD:-$here/build/dev}/archives/$suite  # packages alone; lists are fetched anew
mkdir -p "$cache/partial"
inside=
finish() {
  # With the first process of its PID namespace all others go, and with them the mounts.
  if [[ -n $inside ]]; then kill -KILL "$inside" 2>/dev/null || true; wait "$inside" 2>/dev/null || true; fi
  if [[ -n $keep ]]; then echo "left behind: $root"; else rm -rf --one-file-system "$root"; fi
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

# run COMMAND...: in namespaces; in the background, so that a signal here is heeded at once.
run() {
  unshare --mount --pid --fork --kill-child --propagation private "$@" &
  inside=$!
  local status=0
  wait "$inside" || status=$?
  inside=
  return "$status"
}

begun=$SECONDS
run debootstrap --variant=minbase --cache-dir="$cache" "$suite" "$root" "$mirror" >"$root.log" 2>&1 || {
  tail -n 20 "$root.log"
  rm -f "$root.log"
  echo "debootstrap failed"
  exit 1
}
rm -f "$root.log"
echo "== debootstrap $suite: $((SECONDS - begun)) s, $(du -sm --one-file-system "$root" | cut -f 1) MB"

# apt is to reach what it reaches here: sources, keys, certificates, names. What fetches packages
# and lists is then as in any root, and the cleanliness stays: not one package was added.
rm -rf "$root/etc/apt"
cp -a /etc/apt "$root/etc/apt"
for path in /usr/share/keyrings /etc/ssl/certs /usr/share/ca-certificates \
  /usr/local/share/ca-certificates; do
  [[ -d $path ]] && mkdir -p "$root$path" && cp -a "$path/." "$root$path/"
done
for path in /etc/resolv.conf /etc/hosts; do [[ -e $path ]] && cp -L "$path" "$root$path"; done

mkdir "$root/strata"
if [[ $source == commit ]] && git -C "$here" rev-parse -q --verify HEAD >/dev/null 2>&1; then
  git -C "$here" archive HEAD | tar -x -C "$root/strata"
else
  tar -c -C "$here" --exclude=./build --exclude=./.git . | tar -x -C "$root/strata"
fi

run bash "$self" --inside "$root" "$cache" "${steps[@]}" || { echo "FAILED in a clean root"; exit 1; }
echo "works in a clean root"
