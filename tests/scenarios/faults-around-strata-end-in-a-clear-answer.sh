# What strata itself stands in fails it: no room, no descriptors, a full disk, a closed output, no
# /proc, a file system that hides processes. Each is said, with its cause; never a partial silence.
. "$(dirname "$0")/../scenario.sh"
. "$ROOT/tests/faults.sh"

specimen threads
real=$STRATA
# in_front COMMAND…: strata is from now on run by COMMAND, which has "$@" for strata's own words
in_front() {
  printf '#!/bin/bash\nreal=%q\n%s\n' "$real" "$1" >strata-in-front
  chmod 755 strata-in-front
  STRATA=$PWD/strata-in-front
}
most=()
# Whether strata's own start is allowed: with shared libraries it takes files and memory by itself.
starts() { "$STRATA" --version >/dev/null 2>&1; }

in_front 'exec "$real" "$@" >/dev/full'
fault 'standard output is a full disk' 2 'No space left on device' explain "$target"
in_front 'exec "$real" "$@" >&-'
fault 'standard output is closed' 2 'standard output' explain "$target"
in_front 'exec "$real" "$@" 2>&-'
fault 'standard error is closed' 0 '' explain "$target"
in_front 'exec "$real" "$@" <&- >stdout-of-it 2>&-; '
fault 'standard input and error are closed' 0 '' explain --freeze "$target"
for files in 3 4 5 6 7 8 10; do
  in_front "ulimit -n $files; exec \"\$real\" \"\$@\""
  starts || continue
  fault "only $files files may be open" '0 2 3' "$([[ $files -gt 6 ]] || echo 'Too many open files')" explain --json "$target"
  fault "only $files files may be open: --freeze" '0 2 3' "$([[ $files -gt 6 ]] || echo 'Too many open files')" explain --freeze --json "$target"
done
if ! under_sanitizer; then
  threads=$target
  specimen many-mappings
  for mib in 6 8 10 12 16; do
    in_front "ulimit -v $((mib << 10)); exec \"\$real\" \"\$@\""
    starts || continue
    fault "20,000 mappings in $mib MiB of address space" '0 2 3' \
      "$([[ $mib -gt 6 ]] || echo 'no memory left')" explain "$target"
  done
  end_specimen
  target=$threads
fi
if ((EUID == 0)); then
  in_front 'exec setpriv --reuid 65534 --regid 65534 --clear-groups "$real" "$@"'
  if setpriv --reuid 65534 --regid 65534 --clear-groups "$real" --version >/dev/null 2>&1; then
    fault 'another user'"'"'s process' 2 'ermi' explain "$target"
    fault 'another user'"'"'s process: map' 2 'ermi' map "$target"
    fault 'another user'"'"'s process: --freeze' 2 'ermi' explain --freeze "$target"
    fault 'the first process, as nobody' 2 'ermi' explain 1
  fi
  in_front 'exec setpriv --bounding-set -all --inh-caps -all "$real" "$@"'
  fault 'root without a single capability' '0 2 3' '' explain --json "$target"
  if unshare --mount true 2>/dev/null; then
    in_front 'exec unshare --mount bash -c '"'"'umount -l /proc; exec "$0" "$@"'"'"' "$real" "$@"'
    fault 'no /proc' 2 '/proc' explain "$target"
    fault 'no /proc: by name' 2 '/proc' explain threads
    in_front 'exec unshare --mount bash -c '"'"'
      mount -t proc -o hidepid=2 proc /proc && chmod 755 . &&
      exec setpriv --reuid 65534 --regid 65534 --clear-groups "$0" "$@"'"'"' "$real" "$@"'
    fault '/proc with hidepid=2, as nobody' 2 'hidepid' explain "$target"
  fi
fi
for without in pagemap_scan procmap_query pfn ptrace smaps pagemap_scan,procmap_query,pfn,smaps nonsense; do
  in_front "STRATA_WITHOUT=$without exec \"\$real\" \"\$@\""
  fault "STRATA_WITHOUT=$without" '0 2 3' '' explain --json "$target"
done
