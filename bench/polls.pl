# The table of docs/requests.md, measured in the cluster of the bench.
use strict;
use warnings;

use TplusPolls;
use TplusSim;

sub sql
{
	my ($sql) = @_;
	open my $psql, '-|', 'psql', '-XAtq', '-v', 'ON_ERROR_STOP=1', '-c', $sql or die "psql: $!";
	my $out = join '', <$psql>;
	close $psql or die "psql failed: $sql";
	chomp $out;
	return $out;
}

my $sim = TplusSim->new;
$sim->tenant('first');
sql('CREATE EXTENSION IF NOT EXISTS tplus_fdw');
sql('DROP SERVER IF EXISTS erp CASCADE');
sql("CREATE SERVER erp FOREIGN DATA WRAPPER tplus_fdw OPTIONS (base_url '" . $sim->url . "', requests_per_second '0')");
sql("CREATE USER MAPPING FOR CURRENT_USER SERVER erp OPTIONS (app_key 'first', app_secret 'sim-secret', open_token 'sim-open-token')");
print "requests of a first run | of one that finds nothing | 1 changed record | 250\n";
print '| `', shift @$_, '` | … | ', join(' | ', @$_), " |\n" for TplusPolls::measure($sim, \&sql);
