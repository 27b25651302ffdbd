-- Somebody makes a schema affinity, or affinity_internal, before the superuser installs the extension, to own it, to plant a table, a function, an operator in it.
-- Closed: a schema that is there is an error.

-- author installer
-- raw

-- as installer
CREATE SCHEMA affinity; GRANT ALL ON SCHEMA affinity TO public;

-- as postgres
-- expect: 42P06
CREATE EXTENSION pg_affinity;

-- as installer
DROP SCHEMA affinity; CREATE SCHEMA affinity_internal;

-- as postgres
-- expect: 42P06
CREATE EXTENSION pg_affinity;

-- as installer
-- expect: 42501
CREATE EXTENSION pg_affinity;

DROP SCHEMA affinity_internal;

-- expect: 42501
CREATE EXTENSION pg_affinity;

-- as dba
-- expect: 42501
CREATE EXTENSION pg_affinity;

-- as postgres
-- expect: ok
CREATE EXTENSION pg_affinity;

-- as installer
-- expect: 42501
ALTER SCHEMA affinity RENAME TO away;

-- expect: 42501
CREATE FUNCTION affinity.recommend(text, integer) RETURNS int LANGUAGE plpgsql AS 'BEGIN PERFORM evil.grab(); RETURN 1; END';

-- expect: 42501
CREATE TABLE affinity_internal.stored_models (x int);

-- expect: 42501
DROP SCHEMA affinity_internal CASCADE;

-- expect: 42501
ALTER EXTENSION pg_affinity SET SCHEMA public;

-- as postgres
-- expect: ok
SELECT affinity.train_recommender('m', 'shop.events', kind => 'popularity');

-- expect: none
SELECT nspname FROM pg_namespace WHERE nspname ~ '^affinity' AND nspowner::regrole <> 'postgres'::regrole;
