#!/usr/bin/env bash
# tests/checks/docs.sh: every ```console block in README.md and docs/ runs and says what is printed.
#
#     ```console
#     $ build/release/bin/specimens/threads &      a line to type; a last "\" continues it
#     ...                                          stands for any lines, also none
#     ready
#     $ strata explain $!                          $! is what was last started by &
#     process 4242, threads                        the lines up to the next "$ " are what it prints
#     ```
#
# A block is one shell, in an empty folder where build/release is the tree under test; strata and the
# specimens are on the PATH too. What is started by & has a stdin that stays open, as at a terminal,
# and is given the time to say "ready" or to fall asleep; it is ended with the block. A command
# must succeed, unless the next one is `echo $?`: then its status is what is printed. A block
# "```console root" shows what only root can see, and is run by root alone. Other fences (```sh) are
# not run: they are for what installs, or asks.
#
# A tree of accounts that is printed has to add up, as printed: see sums().
#
# Both sides are compared after this is put for what differs from run to run:
#   <size>     a number with B, KiB … TiB, kB, byte or bytes          <percent>  a number with %
#   <time>     a number with ns, µs, us, ms, s or min; dates and times of day
#   <address>  0x…, and ranges of bare hexadecimal as in /proc/PID/maps
#   <n>        a decimal fraction or version; a whole number of three digits and more, or with
#              thousands apart by commas; the PIDs and TIDs of what & started
#   specimen-XXXXXX  a specimen's temporary file
#   nothing    bars of block characters; what bash says of jobs ([1] 4242); space at the end
# and runs of spaces are one. Whole numbers below 100 stay: "8 threads" must be true.
set -euo pipefail
export LC_ALL=C.UTF-8 NO_COLOR=1
cd "$(dirname "$0")/../.."
root=${ROOT:-$PWD}
strata=${STRATA:-$root/build/release/bin/strata}
specimens=${SPECIMENS:-${strata%/*}/specimens}

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

# take_blocks FILE INTO: INTO/BLOCK/COMMAND.{text,line,expected}; what is malformed goes to stderr.
take_blocks() {
  awk -v into="$2" -v root="$((EUID == 0))" '
    function complain(text) { printf "%s:%d: %s\n", FILENAME, FNR, text > "/dev/stderr"; bad = 1 }
    function start_command() {
      k++
      base = sprintf("%s/%03d/%03d", into, b, k)
      print FNR > (base ".line")
      printf "" > (base ".expected")
      close(base ".line"); close(base ".expected")
    }
    !fence && /^ *```/ {
      fence = 1
      indent = match($0, /`/) - 1
      kind = substr($0, indent + 4)
      console = kind == "console" || (kind == "console root" && root)
      if (kind == "console root") kind = "console"
      if (kind ~ /^console./) complain("a block is ```console or it is not run: " kind)
      if (console) { b++; k = 0; system(sprintf("mkdir -p %s/%03d", into, b)) }
      next
    }
    fence && /^ *```$/ {
      if (console && !k) complain("a console block without a command")
      fence = continued = 0
      next
    }
    fence && console {
      line = substr($0, indent + 1)
      if (!continued && substr(line, 1, 2) == "$ ") { start_command(); line = substr(line, 3); typed = 1 }
      else typed = continued
      if (!k) { complain("a console block begins with \"$ \""); next }
      print line > (base (typed ? ".text" : ".expected"))
      continued = typed && line ~ /\\$/
    }
    END { if (fence) complain("a block is not closed"); exit bad }' "$1"
}

# In a block's shell, after COMMAND was started in the background: waits until it stands.
settle() {
  local pid=$1 output=$2 looks=0 states
  for ((tries = 0; tries < 600; tries++)); do
    grep -qi '\<ready\>' "$output" && break
    states=$(sed -sn 's/^State:\t\(.\).*/\1/p' /proc/"$pid"/task/*/status 2>/dev/null | tr -d '\n')
    [[ -n $states ]] || break
    if [[ $states == *[!ST]* ]]; then looks=0; else looks=$((looks + 1)); fi
    ((looks == 10)) && break
    sleep 0.1
  done
  { echo "$pid"; ls "/proc/$pid/task" 2>/dev/null; } >>pids || true
}

# run_block FOLDER: one shell for its commands; leaves COMMAND.actual and COMMAND.status.
run_block() {
  local text command
  {
    declare -f settle
    # Typed at a terminal a program in the background would keep its stdin, so here it does.
    echo 'exec 9<>"$FOLDER/stdin"; trap "exit 143" TERM; trap "kill \$(jobs -p) 2>/dev/null" EXIT; last=0'
    for text in "$1"/*.text; do
      command=${text%.text}
      printf '{ (exit $last)\n'
      if tail -n 1 "$text" | grep -q '&$' && ! grep -q '[|<]' "$text"; then
        sed '$s/&$/<\&9 \&/' "$text"
      else
        cat "$text"
      fi
      printf '} >"%s.actual" 2>&1; last=$?; echo $last >"%s.status"\n' "$command" "$command"
      tail -n 1 "$text" | grep -q '&$' && printf '(cd "$FOLDER" && settle $! "%s.actual")\n' "$command"
    done
    true
  } >"$1/shell"
  mkfifo "$1/stdin"
  : >"$1/pids"
  mkdir -p "$1/home/build"
  ln -s "$(dirname "$(dirname "$strata")")" "$1/home/build/release"
  (cd "$1/home" && FOLDER=$1 PATH="${strata%/*}:$specimens:$PATH" timeout -k 5 120 bash "$1/shell" </dev/null) ||
    true  # what did not end leaves no status
}

normalise() {
  local unit='(B|[KMGT]iB|kB|bytes?)' number='[0-9]+([.,][0-9]+)*'
  sed -E \
    -e '/^\[[0-9]+\][-+]? +([0-9]+$|Stopped|Running|Terminated|Done)/d' \
    -e 's/[▀▁▂▃▄▅▆▇█▉▊▋▌▍▎▏▐░▒▓]+//g' \
    -e 's/\<specimen-[A-Za-z0-9]{6}\>/specimen-XXXXXX/g' \
    -e 's/\<0x[0-9a-f]+\>/<address>/g' \
    -e 's/\<[0-9a-f]{6,16}-[0-9a-f]{6,16}\>/<address>/g' \
    -e 's/\<[0-9]{4}-[0-9]{2}-[0-9]{2}([T ][0-9:.]+(Z|[-+][0-9:]+)?)?/<time>/g' \
    -e 's/\<[0-9]{2}:[0-9]{2}(:[0-9]{2})?\>/<time>/g' \
    -e "s/\\<$number ?$unit\\>/<size>/g" \
    -e "s/(< ?)?\\<$number ?%/<percent>/g" \
    -e "s/\\<$number ?(ns|µs|us|ms|s|min)\\>/<time>/g" \
    -e 's/\<[0-9]+(\.[0-9]+)+\>/<n>/g' \
    -e 's/\<[0-9]{1,3}(,[0-9]{3})+\>/<n>/g' \
    -e 's/\<[0-9]{3,}\>/<n>/g' \
    -e 's/[ \t]+/ /g' -e 's/ $//'
}
hide_pids() { sed -E "$(sed -E 's,^[0-9]+$,s/\\<&\\>/99999/g,' "$1")"; }

# matches EXPECTED ACTUAL: line by line, "..." for any lines. What is between two of them is
# looked for at its first place, which is found if any is.
matches() {
  awk '
    NR == FNR { want[++w] = $0; next }
    { got[++g] = $0 }
    function fits(from, to, at,   i) {
      if (at + to - from > g) return 0
      for (i = from; i <= to; i++) if (want[i] != got[at + i - from]) return 0
      return 1
    }
    END {
      at = 1; open = 0
      for (i = 1; i <= w; i = last + 2) {
        last = i - 1
        while (last < w && want[last + 1] != "...") last++
        closed = last == w
        if (last >= i) {
          if (closed) { if (open) { if (g - (last - i) < at) exit 1; at = g - (last - i) } }
          while (!fits(i, last, at)) { if (!open || closed || at > g) exit 1; at++ }
          at += last - i + 1
        }
        open = !closed
      }
      exit !(at > g || (w && want[w] == "..."))
    }' "$1" "$2"
}

# check FILE...: runs their blocks; prints where what was said is not what is printed.
check() {
  local file block text command line status allowed bad=0
  for file; do
    rm -rf "$scratch/blocks"
    mkdir -p "$scratch/blocks"
    take_blocks "$file" "$scratch/blocks" 2>&1 || bad=1
    for block in "$scratch"/blocks/*/; do
      [[ -d $block ]] || continue
      block=${block%/}
      compgen -G "$block/*.text" >/dev/null || continue
      run_block "$block"
      for text in "$block"/*.text; do
        command=${text%.text}
        line=$(cat "$command.line")
        status=$(cat "$command.status" 2>/dev/null) || status="none: it did not end in time"
        next=$(printf '%s/%03d.text' "$block" $((10#${command##*/} + 1)))
        allowed=0
        [[ -f $next && $(cat "$next") == 'echo $?' ]] && allowed=$status
        normalise <"$command.expected" >"$command.want"
        touch "$command.actual"
        hide_pids "$block/pids" <"$command.actual" | normalise >"$command.got"
        if [[ $status != "$allowed" ]] || ! matches "$command.want" "$command.got"; then
          bad=1
          printf '%s:%s: $ %s\n' "${file#"$root/"}" "$line" "$(cat "$text")"
          [[ $status != "$allowed" ]] && echo "  exit status $status"
          diff -u --label printed --label said "$command.want" "$command.got" | sed 's/^/  /' || true
        fi
        commands=$((commands + 1))
      done
    done
  done
  return "$bad"
}

# sums FILE...: since sizes are put aside above, this holds the printed ones to each other. In each
# printed tree of accounts the rows below an account add up to it in RESIDENT, % and ANON, within
# what rounding takes. What a "..." may have cut makes them at most as much; of the first level
# nothing may be cut. The resident size above the tree and the sum below it, which is given in
# bytes too, are the tree's. Says how many trees it held to this.
sums() {
  perl -CSD -Mutf8 -e '
    my %unit = (B => 1, KiB => 2**10, MiB => 2**20, GiB => 2**30, TiB => 2**40, "%" => 1);
    my ($trees, $bad, $fence, $said, $columns, @rows) = (0, 0, 0);
    sub complain { print "$ARGV:$.: $_[0]\n"; $bad = 1 }
    sub size { my ($n, $u) = @_; ($n * $unit{$u}, $u eq "B" ? 0 : 0.05 * $unit{$u}) }
    sub hold {  # ROW COLUMN: its rows below it
      my ($row, $c) = @_;
      my ($whole, $slack) = @{$row->{cells}[$c]};
      my $sum = 0;
      for (@{$row->{below}}) { $sum += $_->{cells}[$c][0]; $slack += $_->{cells}[$c][1] }
      $slack *= 1.0001;  # 0.05 is no binary fraction
      return if $sum <= $whole + $slack && ($row->{cut} || $sum >= $whole - $slack);
      complain("what is below \"$row->{name}\" adds up to $sum, not $whole (" . ("RESIDENT", "%", "ANON")[$c] . ")");
    }
    sub end_tree {
      for my $row (@rows) { if (@{$row->{below}}) { hold($row, $_) for 0 .. 2 } }
      $trees++ if @rows;
      complain("a tree of accounts without rows") if !@rows;
      same("the size resident", @$said) if $said;
      $columns = 0;
    }
    sub same {  # WHAT NUMBER UNIT
      my ($what, @size) = @_;
      my ($value, $slack) = size(@size);
      my ($root, $rounded) = @rows ? @{$rows[0]{cells}[0]} : return;
      complain("$what is @size, and the tree says $rows[0]{text}") if abs($value - $root) > $slack + $rounded;
    }
    while (<>) {
      chomp;
      if (/^ *```/) { end_tree() if $columns; $fence = !$fence && /console/; @rows = (); $said = undef }
      next if !$fence;
      $said = [$1, $2] if /: ([\d.]+) (\w*B) resident of /;
      if (/^ +RESIDENT +% +ANON +(.*?)ACCOUNT$/) {
        end_tree() if $columns;
        @rows = (); $columns = 3 + (() = $1 =~ /\w+/g);
        next;
      }
      if ($columns) {
        if (/^\.\.\.$/) { for (my $r = $rows[-1]; $r; $r = $r->{above}) { $r->{cut} = 1 if $r->{above} } next }
        my ($rest, @cells) = ($_);
        while (@cells < $columns && $rest =~ s/^ *([\d.]+) ([KMGT]iB|B|%)(?= )//) { push @cells, [size($1, $2), "$1 $2"] }
        if (@cells == $columns && $rest =~ /^  ((?:[│ ] )*[├└] )?(.*)/) {
          my ($depth, $name) = (length($1 // "") / 2, $2);
          my ($above) = grep { $_->{depth} == $depth - 1 } reverse @rows;
          complain("\"$name\" hangs on nothing") if $depth && !$above;
          push @rows, {cells => \@cells, name => $name, depth => $depth, below => [], above => $above, text => $cells[0][2]};
          push @{$above->{below}}, $rows[-1] if $above;
          next;
        }
        end_tree();
      }
      same("the sum", $1, $2), same("the sum in bytes", $3, "B")
        if /^ *the accounts. sum ([\d.]+) (\w*B) equals VmRSS, to the byte \((\d+)\)/;
    } continue { if (eof) { end_tree() if $columns; $fence = 0; close ARGV } }
    print "$trees trees add up\n" if !$bad;
    exit $bad' "$@"
}

# The check itself: each of these blocks is right, or wrong, and must be found so.
try() {  # try VERDICT LINE...
  local verdict=$1 status=0
  shift
  printf '%s\n' 'text' '```console' "$@" '```' >"$scratch/try.md"
  check "$scratch/try.md" >"$scratch/said" || status=$?
  [[ ($verdict == good && $status == 0) || ($verdict == bad && $status != 0 && -s $scratch/said) ]] && return
  echo "the check is broken: this block should be $verdict (status $status)"
  cat "$scratch/try.md" "$scratch/said"
  exit 1
}
commands=0
try good '$ echo "8 threads, 12.5 MiB at 0x7f00, 31.2 %"' '8 threads, 964 KiB at 0x7fff12, 4 %'
try good '$ seq 5' '1' '...' '4' '5'
try good '$ seq 5' '...'
try good '$ seq 5' '...' '2' '...' '5' '...'
try good '$ false' '$ echo $?' '1'
try good '$ sleep 100 &' '[1] 4242' '$ echo process $!' 'process 4242'
try good '$ cat &' '$ kill -0 $!'
try good '$ printf "%s %s\n" \' '   a b' 'a b'
try good '$ A=1' '$ echo $A' '1'
try bad '$ echo 8 threads' '9 threads'
try bad '$ echo 12 MiB' '12 pages'
try bad '$ seq 5' '1' '...' '4'
try bad '$ seq 5' '...' '3' '2' '...'
try bad '$ seq 5'
try bad '$ true' 'a line'
try bad '$ false'
try bad '$ echo a; false' 'a'
try bad '$ false' '$ echo $?' '2'
try bad '$ nothing-of-this-name' '...'
try bad '$ exit 0' '$ true'
try bad 'a line before any command' '$ true'
try bad 'no command at all'


try_sums() {  # try_sums VERDICT LINE...: of a tree below its heading
  local verdict=$1 status=0
  shift
  printf '%s\n' '```console' '$ strata explain 1' 'it (1): 9.0 MiB resident of 1 GiB' \
    '   RESIDENT        %      ANON   VIRTUAL  ACCOUNT' "$@" '```' >"$scratch/try.md"
  sums "$scratch/try.md" >"$scratch/said" || status=$?
  [[ ($verdict == good && $status == 0 && $(<"$scratch/said") == '1 trees add up') ||
    ($verdict == bad && $status != 0 && -s $scratch/said) ]] && return
  echo "the check is broken: this tree should be $verdict (status $status)"
  cat "$scratch/try.md" "$scratch/said"
  exit 1
}
root_row='    9.0 MiB  100.0 %   6.1 MiB   8.1 GiB  resident'
heap_row='    6.0 MiB   66.7 %   6.0 MiB   8.0 GiB  ├ heap'
code_row='    3.0 MiB   33.3 %  12.0 KiB       0 B  └ code and data'
try_sums good "$root_row" "$heap_row" "$code_row"
try_sums good "$root_row" "$heap_row" '    4.0 MiB   44.4 %   4.0 MiB       1 B  │ ├ a' '...' "$code_row" '...' '' \
  "  the accounts' sum 9.0 MiB equals VmRSS, to the byte (9437184)"
try_sums good "$root_row" "$heap_row" "$code_row" '    3.0 MiB   33.3 %  12.0 KiB       1 B    └ libc.so.6' \
  '    2.9 MiB   32.3 %  12.0 KiB       1 B      ├ 5.0 MiB' '  100.0 KiB    1.0 %       0 B       1 B      └ … 3 more'
try_sums bad "$root_row" "$heap_row" '    4.0 MiB   44.4 %   4.0 MiB       1 B  │ └ a' "$code_row"
try_sums bad "$root_row" "$heap_row" '    7.0 MiB   44.4 %   4.0 MiB       1 B  │ └ a' '...' "$code_row"
try_sums bad "$root_row" "$heap_row" '...'
try_sums bad "$root_row" "$code_row"
try_sums bad "$root_row" "${heap_row/66.7/67.9}" "$code_row"
try_sums bad "$root_row" "${heap_row/   6.0 MiB   8/   7.0 MiB   8}" "$code_row"
try_sums bad "${root_row/9.0/9.8}" "${heap_row/6.0 MiB/6.8 MiB}" "$code_row"  # not the 9.0 above it
try_sums bad "$root_row" "$heap_row" "$code_row" "  the accounts' sum 9.0 MiB equals VmRSS, to the byte (9637184)"
try_sums bad

[[ -x $strata ]] || { echo "there is no $strata"; exit 1; }
commands=0
pages=()
[[ -f $root/README.md ]] && pages=("$root/README.md")
while IFS= read -r page; do pages+=("$page"); done < <(find "$root/docs" -name '*.md' | sort)
sums "$root/README.md" >"$scratch/said" || { cat "$scratch/said"; exit 1; }
[[ $(<"$scratch/said") == [1-9]* ]] || { echo "README.md prints no tree that adds up"; exit 1; }
sums "${pages[@]}"
check "${pages[@]}"
((commands)) || { echo "README.md and docs/ have no console block"; exit 1; }
echo "$commands commands said what is printed"
