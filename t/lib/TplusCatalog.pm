package TplusCatalog;

=pod

=head1 NAME

TplusCatalog - the catalog of an extension as lines that can be compared

=head1 SYNOPSIS

  my $fresh = catalog_of($node, 'fresh');
  is_deeply(catalog_of($node, 'upgraded', $change), $fresh);

A line is one object (or a part of one: a column, a comment, a privilege that
the extension gave, a dependency) with all that the system catalogs have of it.
What the catalogs refer to is named; what only says how an object is stored, or
when it was made, is left out.  Which column refers to what is asked of
PostgreSQL, so that nothing of a later version is overlooked.

=cut

use strict;
use warnings;

use Exporter 'import';

our @EXPORT_OK = qw(catalog_of differences);

my $walker = <<'SQL';
SET search_path = pg_catalog;
SET client_min_messages = warning;

-- the members of the extension, and what belongs to them
CREATE TEMP TABLE part AS
WITH RECURSIVE member AS (
  SELECT classid, objid FROM pg_depend
   WHERE refclassid = 'pg_extension'::regclass AND deptype = 'e'
     AND refobjid = (SELECT oid FROM pg_extension WHERE extname = 'tplus_fdw')
  UNION
  SELECT d.classid, d.objid FROM pg_depend d JOIN member m
      ON d.refclassid = m.classid AND d.refobjid = m.objid AND d.deptype IN ('a', 'i'))
SELECT m.* FROM member m
 WHERE NOT EXISTS (SELECT FROM pg_class c
                    WHERE m.classid = 'pg_class'::regclass AND c.oid = m.objid
                      AND c.relnamespace = 'pg_toast'::regnamespace);

-- Triggers of foreign keys have their OID in their names.
CREATE FUNCTION pg_temp.named(class oid, object oid, part integer DEFAULT 0)
RETURNS text LANGUAGE sql AS $$
  SELECT regexp_replace(pg_describe_object(class, object, part),
                        '(RI_ConstraintTrigger_\w)_\d+', '\1')
$$;

-- A row of a catalog: references by name, expressions as text elsewhere.
CREATE FUNCTION pg_temp.plain(catalog regclass, content jsonb)
RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE
  col record;
  old jsonb;
BEGIN
  FOR col IN
    SELECT a.attname, a.atttypid::regtype::text AS type, k.pktable,
           a.attname ~ '^(oid|relfilenode|rel(pages|tuples|all(visible|frozen)|frozenxid|minmxid|rewrite)|attcacheoff|att(has)?missing(val)?|indcheckxmin)$'
           OR a.atttypid = 'pg_node_tree'::regtype AS skipped
      FROM pg_attribute a
      LEFT JOIN pg_get_catalog_foreign_keys() k
        ON k.fktable = catalog AND k.fkcols = ARRAY[a.attname::text]
     WHERE a.attrelid = catalog AND a.attnum > 0
  LOOP
    old := content -> col.attname;
    IF col.skipped OR old IS NULL OR old = 'null' THEN
      content := content - col.attname;
    ELSIF col.attname = 'reltoastrelid' THEN
      content := content || jsonb_build_object(col.attname, old <> '"0"');
    ELSIF col.attname = 'attoptions' THEN
      -- Some minor releases keep where the column was made there.
      content := content || jsonb_build_object(col.attname,
        (SELECT jsonb_agg(e ORDER BY e) FROM jsonb_array_elements_text(old) e WHERE e NOT LIKE 'pg_attver=%'));
    ELSIF col.type = 'aclitem[]' THEN
      content := content || jsonb_build_object(col.attname,
        (SELECT jsonb_agg(e ORDER BY e) FROM jsonb_array_elements(old) e));
    ELSIF col.type = 'oid' AND col.pktable IS NOT NULL THEN
      content := content || jsonb_build_object(col.attname, pg_temp.named(col.pktable, (old ->> 0)::oid));
    ELSIF col.type IN ('oid[]', 'oidvector') AND col.pktable IS NOT NULL THEN
      content := content || jsonb_build_object(col.attname,
        (SELECT jsonb_agg(pg_temp.named(col.pktable, e::oid) ORDER BY n)
           FROM jsonb_array_elements_text(old) WITH ORDINALITY AS x(e, n)));
    ELSIF col.attname IN ('tgname', 'conname') THEN
      content := content || jsonb_build_object(col.attname,
        regexp_replace(old ->> 0, '(RI_ConstraintTrigger_\w)_\d+', '\1'));
    END IF;
  END LOOP;
  RETURN content;
END
$$;

-- What is written as an expression, or as a query.
CREATE FUNCTION pg_temp.definition(class regclass, object oid)
RETURNS text LANGUAGE plpgsql AS $$
BEGIN
  RETURN CASE class
    WHEN 'pg_proc'::regclass THEN pg_get_functiondef(object)
    WHEN 'pg_rewrite'::regclass THEN pg_get_ruledef(object)
    WHEN 'pg_constraint'::regclass THEN pg_get_constraintdef(object)
    WHEN 'pg_trigger'::regclass THEN regexp_replace(pg_get_triggerdef(object), '(RI_ConstraintTrigger_\w)_\d+', '\1')
    WHEN 'pg_class'::regclass THEN
      (SELECT CASE WHEN relkind IN ('i', 'I') THEN pg_get_indexdef(object)
                   WHEN relkind = 'm' THEN pg_get_viewdef(object)
                   ELSE pg_get_expr(relpartbound, object) END FROM pg_class WHERE oid = object)
    WHEN 'pg_attrdef'::regclass THEN
      (SELECT pg_get_expr(adbin, adrelid) FROM pg_attrdef WHERE oid = object)
    WHEN 'pg_policy'::regclass THEN
      (SELECT format('USING %s CHECK %s', pg_get_expr(polqual, polrelid), pg_get_expr(polwithcheck, polrelid))
         FROM pg_policy WHERE oid = object)
    WHEN 'pg_statistic_ext'::regclass THEN pg_get_statisticsobjdef(object)
  END;
END
$$;

CREATE FUNCTION pg_temp.lines() RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
  c record;
BEGIN
  FOR c IN SELECT DISTINCT classid::regclass AS catalog FROM part LOOP
    RETURN QUERY EXECUTE format(
      'SELECT concat_ws('' '', pg_temp.named(classid, objid), pg_temp.plain(%1$L, to_jsonb(t)), pg_temp.definition(%1$L, objid))
         FROM %1$s t JOIN part ON classid = %1$L::regclass AND objid = t.oid', c.catalog);
  END LOOP;
  -- what is part of a relation without an OID of its own
  FOR c IN SELECT * FROM (VALUES ('pg_attribute', 'attrelid'), ('pg_index', 'indexrelid'),
      ('pg_sequence', 'seqrelid'), ('pg_foreign_table', 'ftrelid'), ('pg_inherits', 'inhrelid'),
      ('pg_partitioned_table', 'partrelid')) AS v(catalog, key) LOOP
    RETURN QUERY EXECUTE format(
      'SELECT %1$L || '' of '' || coalesce(pg_temp.plain(%1$L, to_jsonb(t))::text, ''?'')
         FROM pg_catalog.%1$I t JOIN part ON classid = ''pg_class''::regclass AND objid = t.%2$I', c.catalog, c.key);
  END LOOP;
  RETURN QUERY
    SELECT format('comment on %s: %s', pg_temp.named(classoid, objoid, objsubid), description)
      FROM pg_description JOIN part ON classid = classoid AND objid = objoid;
  RETURN QUERY
    SELECT format('initial privileges on %s (%s): %s', pg_temp.named(classoid, objoid, objsubid), privtype,
                  (SELECT array_agg(e::text ORDER BY e::text) FROM unnest(initprivs) e))
      FROM pg_init_privs JOIN part ON classid = classoid AND objid = objoid;
  RETURN QUERY
    SELECT format('%s needs %s (%s)', pg_temp.named(d.classid, d.objid, d.objsubid),
                  pg_temp.named(refclassid, refobjid, refobjsubid), deptype)
      FROM pg_depend d JOIN part USING (classid, objid);
  RETURN QUERY
    SELECT format('extension %s %s in %s, relocatable %s', extname, extversion, extnamespace::regnamespace, extrelocatable)
      FROM pg_extension WHERE extname = 'tplus_fdw';
  RETURN QUERY
    SELECT format('data of %s are dumped where "%s"', u.relation::regclass, u.condition)
      FROM pg_extension, unnest(extconfig, extcondition) AS u(relation, condition) WHERE extname = 'tplus_fdw';
END
$$;

SELECT replace(l, E'\n', '\n') FROM pg_temp.lines() AS l ORDER BY l COLLATE "C";
SQL

=pod

=head2 catalog_of($node, $database, $change)

The lines, sorted; with $change, those after this SQL, which is rolled back.

=cut

sub catalog_of
{
	my ($node, $database, $change) = @_;
	my $out = $node->safe_psql($database,
		join "\n", 'BEGIN;', 'SET LOCAL client_min_messages = warning;', $change // '', ';', $walker, 'ROLLBACK;');

	return [ split /\n/, $out ];
}

=pod

=head2 differences($one, $other)

The lines that only one of two has, each with a sign before it.

=cut

sub differences
{
	my ($one, $other) = @_;
	my %count;

	$count{$_}++ for @$one;
	$count{$_}-- for @$other;
	return map { ($count{$_} > 0 ? '+ ' : '- ') . $_ } grep { $count{$_} } sort keys %count;
}

1;
