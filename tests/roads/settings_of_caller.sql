-- The caller sets what he may before he asks another's model: no setting of his makes his code run, and none stays changed.

-- author web

-- as web
CREATE FUNCTION evil.lower(t text) RETURNS text LANGUAGE plpgsql AS $$ BEGIN PERFORM evil.grab(); RETURN t; END $$; CREATE FUNCTION evil.eq(text, text) RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN PERFORM evil.grab(); RETURN true; END $$; CREATE OPERATOR evil.= (FUNCTION = evil.eq, LEFTARG = text, RIGHTARG = text); CREATE FUNCTION evil.int8(t text) RETURNS bigint LANGUAGE plpgsql AS $$ BEGIN PERFORM evil.grab(); RETURN 1; END $$; CREATE DOMAIN evil.text AS pg_catalog.text CHECK (evil.word(VALUE) IS NOT NULL); CREATE DOMAIN evil.int8 AS bigint CHECK (evil.num(VALUE) IS NOT NULL); CREATE TABLE evil.pg_class AS SELECT 1 AS oid; CREATE TABLE evil.stored_models (x int);

-- as ann
CREATE FUNCTION shop.yes(t text) RETURNS boolean LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$ DECLARE n text := lower(t); BEGIN RETURN n = 'view' AND (SELECT count(*) FROM pg_class) > 0; END $$;

CREATE VIEW shop.v AS SELECT user_id, item_id, at FROM shop.events WHERE shop.yes(what);

-- expect: ok
SELECT affinity.train_recommender('m', 'shop.v', kind => 'transition', time_col => 'at'); SELECT affinity.grant_model('m', 'web');

-- as web
-- One of the two is there, by the server's version.
SET force_parallel_mode = on;

SET debug_parallel_query = on;

-- expect: ok
SET search_path = evil, pg_temp, pg_catalog; SET plan_cache_mode = force_generic_plan; SET min_parallel_table_scan_size = 0; SET parallel_setup_cost = 0; SET parallel_tuple_cost = 0; SET max_parallel_workers_per_gather = 4; SET constraint_exclusion = on; SET standard_conforming_strings = off; SET transform_null_equals = on; SET row_security = off; SET quote_all_identifiers = on; SET check_function_bodies = off; SET xmlbinary = hex; SET bytea_output = 'escape'; SET DateStyle = 'SQL, DMY'; SET IntervalStyle = sql_standard; SET extra_float_digits = -15; SET enable_seqscan = off; SET default_transaction_isolation = serializable;

-- expect: ok
SELECT * FROM affinity.recommend('m', 2);

-- expect: ok
SELECT * FROM affinity.recommend_all('m');

-- expect: ok
SELECT affinity.score('m', 2::bigint, 4::bigint);

-- expect: ok
SELECT affinity.report('m');

-- expect: ok
SELECT * FROM affinity.evaluate('m');

-- expect: ok
SELECT * FROM affinity.models;

SELECT affinity.train_recommender('mine', 'evil.stored_models', kind => 'popularity');

-- expect: ok
SELECT * FROM affinity.check();

-- expect: ok
SELECT 1 OPERATOR(pg_catalog./) (pg_catalog.current_setting('search_path') OPERATOR(pg_catalog.=) 'evil, pg_temp, pg_catalog' AND pg_catalog.current_setting('max_parallel_workers_per_gather') OPERATOR(pg_catalog.=) '4')::pg_catalog.int4;
