# Each thread's stack is an account of its name and TID: all that it holds, what it uses now, what it
# has used, its thread-local blocks, its guard.
. "$(dirname "$0")/../scenario.sh"
. "$ROOT/tests/ledger.sh"

account_of() {  # a thread may have an empty name
  local name tid
  name=$(stated "thread.$1.name") tid=$(stated "thread.$1.tid")
  if [[ -n $name ]]; then printf 'stacks / %s (%s)' "$name" "$tid"; else printf 'stacks / thread %s' "$tid"; fi
}

specimen threads
explained
equals "$(json '.target.threads')" "$(stated threads)" threads
for i in 0 1 2 3; do
  stack=$(account_of $i) size=$(stated stack.$i.size)
  equals "$(($(booked "$stack" virtual) - $(booked "$stack / guard" virtual)))" "$size" \
    "$stack: its size without its guard"
  equals "$(booked "$stack / guard" resident)" 0 "$stack: its guard"
  holds "$(booked "$stack / below the stack pointer") >= $(stated stack.$i.resident_at_least) - 4096" \
    "$stack: what deep calls have touched"
  holds "$(booked "$stack / thread-local storage") >= $(stated tls.$i.size)" "$stack: its blocks"
  # A barrier's wait is a few frames; the red zone below the stack pointer counts with them.
  holds "$(booked "$stack / used" virtual) < 8192" "$stack: what it uses"
  equals "$(booked "$stack")" "$(kernel_says resident "$(stated stack.$i.address)" "$size")" \
    "$stack: all of it"
done

# Each of its addresses is found again as a part of that stack.
for part in local:used touched:below\ the\ stack\ pointer tls:thread-local\ storage; do
  key=${part%:*}.1.address
  [[ ${part%:*} != local ]] || key=thread.1.local
  page_at "$(stated "$key")"
  equals "$(json '.layers[-1].account | join(" / ")')" "$(account_of 1) / ${part#*:}" "$key"
  equals "$(json .space.thread)" "$(stated thread.1.tid)" "$key: its thread"
done

# A mapping's purpose is the whole stack, however little of it is used.
mapped
for i in 0 1 2 3; do
  # Since 2.42 glibc's guards may lie within a mapping, and neighbouring stacks share one.
  [[ $(whose "$(stated stack.$i.address)") != stacks ]] || continue
  equals "$(json '.mappings[] | select(.start == $start) | .purpose | join(" / ")' \
    --arg start "$(stated stack.$i.address)")" "$(account_of $i)" "what map says of stack $i"
done
