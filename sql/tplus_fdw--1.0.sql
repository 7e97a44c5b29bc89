/* sql/tplus_fdw--1.0.sql */

-- complain if script is sourced in psql, rather than via CREATE EXTENSION
\echo Use "CREATE EXTENSION tplus_fdw" to load this file. \quit

CREATE FUNCTION tplus_fdw_handler()
RETURNS fdw_handler
AS 'MODULE_PATHNAME'
LANGUAGE C STRICT;

CREATE FUNCTION tplus_fdw_validator(text[], oid)
RETURNS void
AS 'MODULE_PATHNAME'
LANGUAGE C STRICT;

CREATE FOREIGN DATA WRAPPER tplus_fdw
  HANDLER tplus_fdw_handler
  VALIDATOR tplus_fdw_validator;

-- Tokens


-- Reading


-- Information

