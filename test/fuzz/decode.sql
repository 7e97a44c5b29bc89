CREATE DOMAIN small AS int CHECK (VALUE < 100);

CREATE DOMAIN filled AS text NOT NULL CHECK (VALUE <> 'x');

CREATE TYPE mood AS ENUM ('sad', 'ok');

CREATE TYPE visit AS (note text, d date, days date[], at tstzrange);

CREATE TABLE fuzz (t text, v5 varchar(5), c3 char(3), n name, b bool,
  i2 int2, i4 int4, i8 int8, nu numeric, nu62 numeric(6,2), f4 float4, f8 float8,
  d date, ts timestamp, ts0 timestamp(0), tz timestamptz, tz3 timestamptz(3),
  j json, jb jsonb, u uuid, ti time, ttz timetz, iv interval, by bytea,
  ia int[], ta text[], r int4range, ip inet, bi bit(4), o oid, m mood,
  s small, f filled, path numeric, record jsonb,
  da date[], tr tstzrange, vi visit, errors jsonb);

