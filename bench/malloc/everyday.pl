# Lines split, counted, joined and sorted.
use strict;
use warnings;
my (%count, @lines);
for my $i (1 .. 60_000) {
  my @words = map { 'word' . ($_ * $i * 7919 % 5003) } 1 .. 12;
  push @lines, join ' ', @words;
  $count{$_}++ for @words;
}
my @often = sort { $count{$b} <=> $count{$a} || $a cmp $b } keys %count;
my @reversed = map { join ' ', reverse split / / } @lines;
@reversed = sort @reversed;
print scalar(@often), " $often[0] ", length($reversed[0]), "\n";
