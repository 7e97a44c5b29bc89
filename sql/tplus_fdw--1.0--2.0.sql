/* sql/tplus_fdw--1.0--2.0.sql */

-- complain if script is sourced in psql, rather than via ALTER EXTENSION
\echo Use "ALTER EXTENSION tplus_fdw UPDATE TO '2.0'" to load this file. \quit
