# Each arena of glibc's malloc is listed with the threads that take from it, and each thread's cache
# under its name, which is the target's choice and so never raw.
. "$(dirname "$0")/../scenario.sh"

specimen threads
run strata heap --json "$target"
exits_with 0
for ((i = 0; i + 1 < $(stated threads); ++i)); do
  tid=$(stated "thread.$i.tid") name=$(stated "thread.$i.name")
  # Of a name without a letter nothing is known.
  is='.name == (if $name == "" then null else $name end)'
  json "[.tcache.threads[] | select(.tid == \$tid)] | length == 1 and (.[0] | $is)" \
    --argjson tid "$tid" --arg name "$name" >/dev/null
  json "[.arenas[].threads[] | select(.tid == \$tid)] | length == 1 and (.[0] | $is)" \
    --argjson tid "$tid" --arg name "$name" >/dev/null
done
json '[.arenas[] | select((.threads | length) != .attached_threads)] == []' >/dev/null

run strata heap "$target"
says 'Threads, by the arena that they take from'
says "main arena  threads ($target)"
says "$(stated thread.0.name) ($(stated thread.0.tid))"
says "$(stated thread.2.name) ($(stated thread.2.tid))"
end_specimen
