\echo Use "CREATE EXTENSION pg_affinity" to load this file. \quit

-- The SQL face of pg_affinity 0.1.0, by chapter. Every function's symbol is `<name>_wrapper` in the library; tests/signatures.rs holds
-- the signatures here against it. Everything is qualified and nothing is replaced: the schema may belong to somebody else.

-- ## The schema and the version

GRANT USAGE ON SCHEMA affinity TO PUBLIC;

CREATE FUNCTION affinity.version() RETURNS text
AS 'MODULE_PATHNAME', 'version_wrapper' LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION affinity.version() IS 'The version of the library that is loaded.';

-- ## The store

-- ## Training

-- ## Models

-- ## Scoring rows

-- ## Quality

-- ## Recommendations
