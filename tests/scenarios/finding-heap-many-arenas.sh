# Memory that is free in many arenas is found; with MALLOC_ARENA_MAX=2 as much of it is gone as was
# foreseen at most, where threads work one after the other.
. "$(dirname "$0")/../scenario.sh"
needs jq

many() { json '.findings[] | select(.id == "heap-many-arenas") | '"$1"; }
anonymous() { awk '/^RssAnon/ { print $2 * 1024 }' "/proc/$target/status"; }

unset MALLOC_ARENA_MAX GLIBC_TUNABLES
specimen heap-many-arenas
run strata explain --json "$target"
grep -q "^Free and resident in 6 of $(stated arenas) arenas" <<<"$(many .text)" ||
  fail "not in how many: $(many .text)"
foreseen=$(many .bytes)
freed=$(stated thread.0.freed.bytes)
holds "$foreseen >= 5 * $freed && $foreseen <= 5 * $freed + (1 << 20)" 'what five threads freed'
before=$(anonymous)
end_specimen

export MALLOC_ARENA_MAX=2
specimen heap-many-arenas
unset MALLOC_ARENA_MAX
equals "$(stated arenas)" 2 'arenas by MALLOC_ARENA_MAX'
saved=$((before - $(anonymous)))
# Besides what is free, an arena is made of some KiB itself.
holds "$saved <= $foreseen + (64 << 10)" "more than the $foreseen foreseen at most"
holds "$saved >= $foreseen * 9 / 10" "far less than the $foreseen foreseen"
run strata explain --json "$target"
json '[.findings[].id] | index("heap-many-arenas") == null' >/dev/null
end_specimen

for name in threads heap-arenas heap-caches; do
  specimen "$name"
  run strata explain --json "$target"
  json '[.findings[].id] | index("heap-many-arenas") == null' >/dev/null
  end_specimen
done
