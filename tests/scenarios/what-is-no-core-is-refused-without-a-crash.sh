# A directory, a FIFO, an empty file, a text and an executable as TARGET: an error at once, naming it.
. "$(dirname "$0")/../scenario.sh"

mkdir folder
mkfifo fifo
: >empty
echo 'this is no core' >text
cp "$STRATA" executable
head -c 100 "$STRATA" >cut-short
printf '\177ELF' >magic
for name in folder fifo empty text executable cut-short magic /dev/null /dev/zero ./no-such-file; do
  [[ $name == */* ]] || name=./$name
  for command in explain map page; do
    time_limit=10 run strata $command $name $([[ $command != page ]] || echo 0x1000)
    exits_with 2
    [[ ! -s stdout ]] || fail 'something is on stdout'
    error_says "$name"
  done
done
