# A file can be slow or dead (NFS, FUSE): none that a target maps is opened from its first thread's
# stop until its last is let go. Retries open none again.
. "$(dirname "$0")/../scenario.sh"
needs strace

opens_of_files() { grep -cE 'openat\([^,]*, "(map_files/|root/)' "$1" || true; }

traced() {  # leaves what was called before, in and after the stop
  strace -f -e trace=openat,ptrace -o calls "$STRATA" explain --freeze --freeze-limit 30s "$target" \
    >/dev/null 2>errors || skip "strace cannot trace here: $(<errors)"
  local first last
  first=$(grep -n PTRACE_INTERRUPT calls | head -n 1) last=$(grep -n PTRACE_DETACH calls | tail -n 1)
  [[ $first && $last ]] || fail 'it was not stopped'
  head -n "$((${first%%:*} - 1))" calls >before
  sed -n "${first%%:*},${last%%:*}p" calls >standing
}

for name in threads glibc-heap; do
  specimen "$name"
  traced
  holds "$(opens_of_files before) > 0" "$name: files are opened before"
  equals "$(opens_of_files standing)" 0 "$name: files opened while it stands"
  equals "$(opens_of_files calls)" "$(opens_of_files before)" "$name: files opened in all"
  # By inode: each file is opened once, with a look at it before.
  equals "$(grep -oE '"(map_files|root)/[^"]*"' calls | sort | uniq -d)" '' "$name: opened twice"
  end_specimen
done
