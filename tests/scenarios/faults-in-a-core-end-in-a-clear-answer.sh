# A core that is cut, lies about itself, or is enormous: an error or what can be said of it; never
# a crash, a hang, or memory without bound.
. "$(dirname "$0")/../scenario.sh"
. "$ROOT/tests/faults.sh"
needs gdb
[[ $(uname -m) == x86_64 ]] || skip 'writes ELF headers of 64 bits, little-endian'

specimen threads
gdb --nx --batch -p "$target" -ex 'generate-core-file whole' >gdb.said 2>&1 || fail "gdb: $(<gdb.said)"
end_specimen
target=
headers=$(od -An -t u8 -j 32 -N 8 whole | tr -d ' ')
count=$(od -An -t u2 -j 56 -N 2 whole | tr -d ' ')
size=$(stat -c %s whole)
all_ones='ff ff ff ff ff ff ff ff'

# lies WHAT EXITS COMMAND…   COMMAND changes the copy ./core
lies() {
  local what=$1 exits=$2
  shift 2
  cp --sparse=always whole core
  "$@"
  fault "$what: explain" "$exits" '' explain --json ./core
  fault "$what: map" "$exits" '' map --pages ./core
  fault "$what: page" "${exits/0/0 2}" "" page ./core 0x7ffff7ff0000
}
# every_header OFFSET BYTE…   in each program header, or only in the first, which is the notes'
every_header() {
  local i
  for ((i = 0; i < count; ++i)); do put core $((headers + i * 56 + $1)) "${@:2}"; done
}
every_load() {
  local i
  for ((i = 1; i < count; ++i)); do put core $((headers + i * 56 + $1)) "${@:2}"; done
}
notes=$(od -An -t u8 -j $((headers + 8)) -N 8 whole | tr -d ' ')

lies 'whole' 0 true
for part in 1 2 3 5 8 20 50 90 99; do
  lies "cut to $part %" '0 2 3' truncate -s $((size * part / 100)) core
done
for bytes in 1 4 16 63 64 120 1000 4096 10000; do
  lies "cut to $bytes bytes" '0 2 3' truncate -s $bytes core
done
lies 'another machine (aarch64)' 2 put core 18 b7 00
lies '32 bits' 2 put core 4 01
lies 'big-endian' 2 put core 5 02
lies 'a relocatable file' 2 put core 16 01 00
lies '65535 program headers' '0 2 3' put core 56 ff ff
lies 'no program headers' '0 2 3' put core 56 00 00
lies 'program headers of 1 byte' '0 2 3' put core 54 01 00
lies 'program headers at -1' '0 2 3' put core 32 $all_ones
lies 'every segment at file offset -1' '0 2 3' every_header 8 $all_ones
lies 'every mapping at address 0' '0 2 3' every_load 16 00 00 00 00 00 00 00 00
lies 'every mapping at the last address' '0 2 3' every_load 16 00 f0 ff ff ff ff ff ff
lies 'every mapping of 2^64-1 bytes in the file' '0 2 3' every_load 32 $all_ones
lies 'every mapping of 2^64-1 bytes' '0 2 3' every_load 40 $all_ones
lies 'every mapping of 128 TiB' '0 2 3' every_load 40 00 00 00 00 00 80 00 00
lies 'notes of 2^64-1 bytes' '0 2 3' put core $((headers + 32)) $all_ones
lies 'a note with a name of 4 GiB' '0 2 3' put core $notes ff ff ff ff
lies 'a note of 4 GiB' '0 2 3' put core $((notes + 4)) ff ff ff ff
lies 'notes that are noise' '0 2 3' eval 'head -c 4096 "$STRATA" | dd of=core bs=1 seek=$notes conv=notrunc status=none'
lies 'a sparse file of 8 TiB behind it' '0 2 3' truncate -s 8T core
rm core
truncate -s 8T core
fault 'nothing but a hole of 8 TiB' 2 '' explain ./core
