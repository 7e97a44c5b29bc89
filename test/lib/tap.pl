#!/usr/bin/perl
# tap.pl --counts FILE [--jobs N] [--limit SECONDS] [--seconds N] LABEL=COMMAND ...
#
# Runs each COMMAND, reads the TAP that it prints, and writes "passed failed
# skipped" to FILE and the labels of what failed to FILE.failed.  A command that
# exits with an error or breaks off counts as one more failure; so does one that
# bails out, which ends itself and not the others.  Each may take SECONDS, all
# together N; what does not get its turn by then has failed, by name.
use strict;
use warnings;

use Getopt::Long;
use List::Util 'min';
use TAP::Harness;

my ($counts, $jobs, $limit, $seconds) = (undef, 1, 600);
GetOptions('counts=s' => \$counts, 'jobs=i' => \$jobs, 'limit=i' => \$limit, 'seconds=i' => \$seconds)
  or exit 2;
my $until = defined $seconds ? time + $seconds : undef;

my (%command, @tests);
for my $argument (@ARGV)
{
	my ($label, $command) = split /=/, $argument, 2;
	$command{$label} = $command;
	push @tests, $label;
}
exit 0 unless @tests;

my $harness = TAP::Harness->new(
	{
		jobs => $jobs,
		timer => 1,
		failures => 1,
		comments => 0,
		color => 0,
		merge => 0,
		exec => sub {
			my ($self, $label) = @_;
			my $left = defined $until ? $until - time : $limit;
			return [ 'printf', '1..1\nnot ok 1 - has its turn in time\n' ] if $left <= 0;
			return [ 'timeout', '--kill-after=20', min($left, $limit), 'bash', '-c',
				"set -o pipefail; $command{$label} | sed -u 's/^Bail out!/# bailed out:/'" ];
		},
	});
my $result = $harness->runtests(@tests);

my ($passed, $failed, $skipped) = (0, 0, 0);
my @bad;
for my $parser ($result->parsers)
{
	my $bad = scalar $parser->failed;
	$bad ||= 1 if $parser->has_problems;
	$failed += $bad;
	my $skip = scalar $parser->skipped;
	$skipped += $parser->skip_all ? 1 : $skip;
	$passed += scalar($parser->actual_passed) - $skip - scalar($parser->todo);
}
for my $label ($result->descriptions)
{
	my ($parser) = $result->parsers($label);
	push @bad, $label if $parser->has_problems;
}

sub spill
{
	my ($file, $text) = @_;
	open my $fh, '>', $file or die "could not write $file: $!";
	print $fh $text;
	close $fh or die "could not write $file: $!";
}
spill("$counts.failed", join('', map { "$_\n" } @bad));
spill($counts, "$passed $failed $skipped\n");
