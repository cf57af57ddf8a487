# An anonymous mapping is booked to who holds the one pointer to it: a module's data, a stack from its
# pointer up, a block of malloc, another mapping. What nobody holds stays unexplained.
. "$(dirname "$0")/../scenario.sh"
. "$ROOT/tests/ledger.sh"

specimen owned-mappings
held_in() { equals "$(whose "$(stated "$1.address")")" "$2" "who holds $1"; }
evidence_of() { page_at "$(stated "$1.address")"; json '.layers[-1].evidence'; }

mapped
held_in data 'mapped / anonymous / held by owned-mappings'
held_in stack "mapped / anonymous / held from main's stack"
held_in thread "mapped / anonymous / held from threads' stacks"
held_in heap "mapped / anonymous / held from glibc's heap"
held_in chain "mapped / anonymous / held from main's stack"
held_in nobody unexplained

# The evidence is a word that is there: gdb's or the kernel's word for it is not needed, its place is.
for of in data:owned-mappings\'s\ data stack:main\'s\ stack thread:"thread keeper of one's stack" \
  heap:heap\ /\ glibc chain:held\ from\ main; do
  evidence=$(evidence_of "${of%%:*}")
  [[ $evidence == "a word at 0x"*"${of#*:}"*" points to its start" ]] ||
    fail "the evidence for ${of%%:*}: $evidence"
  address=${evidence#a word at } address=${address%% *}
  word=$(dd if="/proc/$target/mem" bs=8 count=1 skip=$((address)) iflag=skip_bytes status=none | od -An -tx8)
  equals "0x${word##*( )}" "$(printf '0x%016x' "$(stated "${of%%:*}.address")")" "the word at $address"
done

explained
equals "$(booked unexplained)" "$(stated nobody.resident)" 'unexplained'
