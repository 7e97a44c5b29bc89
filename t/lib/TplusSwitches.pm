package TplusSwitches;

=pod

=head1 NAME

TplusSwitches - every behaviour of the simulator that reading may meet

=head1 SYNOPSIS

  my @choices = TplusSwitches::choices();    # { name, set => { switch => value } }
  my @apart = TplusSwitches::apart();        # what holds for one operation alone
  clash($one->{set}, $other->{set})          # speak of the same switch?
  TplusSwitches::unknown($sim)               # switches of the simulator not listed here

=cut

use strict;
use warnings;

use Exporter 'import';

our @EXPORT_OK = qw(clash);

# A value is that of the switch, or a hash where one switch needs another.
my @axes = (
	[ 'Query.shape', qw(Data data data.Rows result result_text value DataSource.Rows) ],
	[ 'QueryPage.shape', qw(array data data.Rows result result_text value DataSource.Rows) ],
	[   'QueryPage.total_count',
		qw(absent low high zero text page null),
		{ 'QueryPage.total_count' => 'low', total_count_by => 40 } ],
	[ 'Query.total_count', { 'Query.shape' => 'Data', 'Query.total_count' => 'exact' } ],
	[ 'total_count_at', 'last' ],
	[ 'envelope_code', '0', '200', { 'Query.shape' => 'Data', envelope_code => '0' } ],
	[ 'Query.empty_reply', qw(array object null string nothing) ],
	[ 'QueryPage.empty_reply', qw(array object null string nothing) ],
	[ 'Query.tail_error', map { { 'Query.shape' => 'Data', 'Query.tail_error' => $_ } } qw(last all) ],
	[ 'QueryPage.tail_error', qw(last all) ],
	[ 'refs', qw(nested dotted) ],
	[ 'bools', qw(truefalse json 01 int cn) ],
	[ 'numbers', qw(text json json6 exp) ],
	[ 'ids', 'int' ],
	[ 'ts_key', 'TS' ],
	[ 'ts_form', 'upper' ],
	[ 'nulls', qw(empty absent) ],
	[ 'dates', qw(datetime t) ],
	[ 'tax_rate', 'enum' ],
	[ 'custom_fields', 'dynamic' ],
	[ 'escape', 'ascii' ],
	[ 'spacing', qw(spaced lines) ],
	[ 'bom', 'true' ],
	[ 'content_type', 'text/plain' ],
	[ 'select_fields', 'ignored' ],
	[ 'unknown_select', qw(error null) ],
	[ 'select_case', 'exact' ],
	[ 'default_fields', 'Code,Name' ],
	[   'drop_fields',
		qw(ID Code Name Disabled MadeRecordDate Ts Specification InventoryClass.Code),
		{ drop_fields => 'Specification,AvagCost,priuserdefnvc1', drop_when => 'null' } ],
	[ 'Query.disabled_default', 'all' ],
	[ 'QueryPage.disabled_default', 'all' ],
	(map { my $at = $_; map { [ "$at$_", qw(ignored none error) ] } qw(bool_json bool_text bool_01 bool_int) } 'Query.', 'QueryPage.'),
	[ 'made_compare', qw(ge gt le lt ignored error) ],
	[ 'made_zone', 'utc' ],
	[ 'made_time', 'true' ],
	[ 'text_match', qw(cs exact) ],
	[ 'like_percent', 'false' ],
	[ 'like_wildcards', qw(always off) ],
	[ 'empty_filter', 'match' ],
	[ 'update_dates', 'honoured' ],
	[ 'Query.ts_compare', qw(ge eq ignored error) ],
	[ 'QueryPage.ts_compare', qw(ge eq ignored error) ],
	[ 'unknown_param', 'error' ],
	[ 'Query.ignored_params', qw(Code ID Disabled InventoryClass PageSize Ts SelectFields) ],
	[ 'QueryPage.ignored_params', qw(Code ID Disabled InventoryClass PageSize PageIndex SelectFields) ],
	[ 'param_case', 'exact' ],
	[ 'relaxed_json', 'true' ],
	[ 'Query.order', qw(ts_desc code id random unstable) ],
	[ 'QueryPage.order', qw(ts ts_desc id random unstable) ],
	[ 'Query.page_index', qw(honoured error) ],
	[ 'QueryPage.page_index', qw(ignored error) ],
	[ 'page_base', '0' ],
	[ 'past_end', qw(last first) ],
	[ 'Query.page_size', 'ignored', { 'Query.page_size' => 'ignored', 'Query.default_page_size' => 13 } ],
	[ 'QueryPage.page_size', 'ignored' ],
	[ 'Query.default_page_size', 25 ],
	[ 'QueryPage.default_page_size', 0 ],
	[ 'Query.max_rows', 0, 1, 3, 7, 33 ],
	[ 'QueryPage.max_rows', 0, 1, 3, 7, 29 ],
	[ 'Query.max_bytes', 1500, 30000 ],
	[ 'QueryPage.max_bytes', 1500, 30000 ],
	[ 'over_cap', 'error', map { { over_cap => 'error', "$_.max_rows" => 20 } } qw(Query QueryPage) ],
	[ 'offset_from', 'asked', map { { offset_from => 'asked', $_ => 7 } } 'QueryPage.max_rows', 'Query.max_rows' ],
	[ 'path_case', 'insensitive' ],
	[ 'gzip', qw(on always) ],
	[ 'transfer', qw(chunked close), { transfer => 'chunked', chunk_bytes => 7 } ],
	[ 'keepalive_max', 1, 3 ],
	[ 'latency_ms', 1 ],
	[ 'latency_row_ms', 0.01 ],
);

# Switches that other tests are for: tokens, limits, and what only a calibration
# can find out.
my %elsewhere = map { $_ => 1 } qw(
  total_count_by drop_when no_date chunk_bytes rate_limit rate_burst max_concurrent rate_status rate_retry_after
  rate_retry_form quota auth known_app app_secret business_secret open_tokens
  refresh_token auth_code code_ttl certificate app_ticket ticket_ttl
  resend_interval message_secret expires_in refresh_expires_in refresh_ms
  refresh_commit token_refused refresh_refused concurrent_refused
  token_error_status access_survives refresh_survives token_code
  token_numbers token_omit self_built_down barren_params id_filter);

my @choices;
for my $axis (@axes)
{
	my ($switch, @values) = @$axis;
	for my $value (@values)
	{
		my $set = ref $value ? $value : { $switch => $value };
		push @choices,
		  { set => $set, name => join(',', map { "$_=$set->{$_}" } sort keys %$set) };
	}
}

# What holds for one operation does not for the other: read by its cursor, a
# server that behaves so at Query has to be read on by page numbers.
my $cut = { 'Query.max_bytes' => 1500, 'Query.order' => 'code' };
my @between = (
	# Query overlooks the flag and hides nothing; QueryPage hides
	{ 'Query.ignored_params' => 'Disabled', 'Query.disabled_default' => 'all' },
	{ 'Query.ignored_params' => 'Disabled', 'Query.disabled_default' => 'all', 'QueryPage.bool_json' => 'none' },
	{ (map { ("Query.$_" => 'none') } qw(bool_json bool_text bool_01)), 'Query.disabled_default' => 'all' },
	# and the other way about
	{ 'QueryPage.ignored_params' => 'Disabled', 'QueryPage.disabled_default' => 'all' },
	{ 'QueryPage.ignored_params' => 'Disabled' },
	# Query hides and cannot be asked, QueryPage can, or hides nothing
	{ 'Query.ignored_params' => 'Disabled' },
	{ (map { ("Query.$_" => 'none') } qw(bool_json bool_text bool_01)), 'QueryPage.disabled_default' => 'all' },
	{ (map { ("Query.$_" => 'error') } qw(bool_json bool_text bool_01)) },
	# each understands another spelling
	{ 'Query.bool_json' => 'none', 'QueryPage.bool_json' => 'error', 'QueryPage.bool_text' => 'ignored' },
	# and of patterns
	{ 'Query.ignored_params' => 'Name', 'QueryPage.like_percent' => 'false' },
	{ 'Query.like_percent' => 'false', 'QueryPage.ignored_params' => 'Name' });
my @apart = map { my $of = $_; map { { %$of, %$_ } } {}, $cut } @between;

# Do two choices speak of the same switch?
sub clash
{
	my ($one, $other) = @_;
	my %both = (%$one, %$other);

	# Rows without names have no place for a field that comes now and then.
	return 1 if $both{drop_when} && grep { $_ eq 'data.Rows' } values %both;
	for my $switch (keys %$one)
	{
		my ($plain) = $switch =~ /([^.]+)$/;
		return 1
		  if grep { $_ eq $switch || $_ eq $plain || ($switch eq $plain && /\.\Q$plain\E$/) } keys %$other;
	}
	return 0;
}

sub choices { return @choices }

sub apart
{
	return map { my $set = $_; { set => $set, name => join ',', map { "$_=$set->{$_}" } sort keys %$set } } @apart;
}

# The switches that the simulator has and nobody thought of here.
sub unknown
{
	my ($sim) = @_;
	my %listed = %elsewhere;
	for my $choice (@choices)
	{
		$listed{ s/.*\.//r } = 1 for keys %{ $choice->{set} };
	}
	my $switches = $sim->control('GET', '/switches');
	return grep { !$listed{$_} } map { ref $_ ? $_->{name} : $_ } ref $switches eq 'HASH' ? sort keys %$switches : @$switches;
}

1;
