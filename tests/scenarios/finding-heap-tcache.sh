# What threads' caches hold is found where it is much; with tcache_max as advised it is, to the byte,
# less by what was foreseen.
. "$(dirname "$0")/../scenario.sh"
. "$ROOT/tests/ledger.sh"
. "$ROOT/tests/heap.sh"

unset GLIBC_TUNABLES
specimen heap-caches
heap_of
cached=$(json .tcache.bytes)
# mallinfo2() counts no caches; a chunk is 8 bytes more than its block. The main thread has one too.
equals "$cached" "$(($(stated cached.bytes) + 8 * $(stated cached.chunks) + 32))" 'what was freed'
above=$(json '[.sizes[] | select(.chunk_bytes > 272) | .chunk_bytes * .cached_chunks] | add')
run strata explain --json "$target"
equals "$(json '.findings[] | select(.id == "heap-tcache") | .bytes')" "$cached" 'its bytes'
json '.findings[] | select(.id == "heap-tcache") | .text' >text
grep -q "^Freed, and kept in 17 thread caches: $(($(stated cached.chunks) + 1)) chunks" text ||
  fail "not how many: $(<text)"
end_specimen

export GLIBC_TUNABLES=glibc.malloc.tcache_max=256
specimen heap-caches
unset GLIBC_TUNABLES
heap_of
equals "$(json .tcache.bytes)" "$((cached - above))" 'what caches hold with tcache_max=256'
run strata explain --json "$target"
json '[.findings[].id] | index("heap-tcache") == null' >/dev/null
end_specimen

for name in heap-arenas heap-many-arenas threads; do
  specimen "$name"
  run strata explain --json "$target"
  json '[.findings[].id] | index("heap-tcache") == null' >/dev/null
  end_specimen
done
