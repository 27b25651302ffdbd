-- What Postgres calls without a plan while the owner reads for somebody else: a trigger on a stranger's table that her function writes to, the difference of a range's bounds and an
-- operator that are asked for estimates. Of these object_access_hook says nothing.
-- Closed: what would be refused is called by way of a hook, and refused there.

-- as mallory
CREATE TABLE mal.log (x int); CREATE TABLE mal.seen (who text); GRANT ALL ON mal.log, mal.seen TO public; CREATE FUNCTION mal.note() RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN IF current_user <> 'mallory' THEN INSERT INTO mal.seen SELECT current_user; PERFORM evil.grab(); END IF; RETURN true; END $$;

CREATE FUNCTION mal.difference(float8, float8) RETURNS float8 LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN PERFORM mal.note(); RETURN $1 - $2; END $$; CREATE TYPE mal.span AS RANGE (SUBTYPE = float8, SUBTYPE_DIFF = mal.difference); ALTER FUNCTION mal.difference VOLATILE; CREATE TABLE mal.spans AS SELECT ('[' || i || ',' || i + 5 || ')')::mal.span AS r FROM generate_series(1, 500) i; ANALYZE mal.spans; GRANT SELECT ON mal.spans TO public;

CREATE FUNCTION mal.less(int, int) RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN PERFORM mal.note(); RETURN true; END $$; CREATE OPERATOR mal.<<< (FUNCTION = int4lt, LEFTARG = int, RIGHTARG = int, COMMUTATOR = OPERATOR(mal.>>>), RESTRICT = scalarltsel); CREATE OPERATOR mal.>>> (FUNCTION = mal.less, LEFTARG = int, RIGHTARG = int, COMMUTATOR = OPERATOR(mal.<<<), RESTRICT = scalargtsel); CREATE TABLE mal.numbers AS SELECT i FROM generate_series(1, 500) i; ANALYZE mal.numbers; GRANT SELECT ON mal.numbers TO public;

-- as ann
CREATE FUNCTION shop.logs(s text) RETURNS boolean LANGUAGE plpgsql SET search_path = shop, pg_temp AS $$ BEGIN INSERT INTO mal.log VALUES (1); RETURN true; END $$; CREATE FUNCTION shop.spans(s text) RETURNS boolean LANGUAGE plpgsql SET search_path = shop, pg_temp AS $$ BEGIN PERFORM count(*) FROM mal.spans WHERE r OPERATOR(pg_catalog.&&) '[100,200)'::mal.span; RETURN true; END $$; CREATE FUNCTION shop.numbers(s text) RETURNS boolean LANGUAGE plpgsql SET search_path = shop, pg_temp AS $$ BEGIN PERFORM count(*) FROM mal.numbers WHERE 3 OPERATOR(mal.<<<) i; RETURN true; END $$;

CREATE VIEW shop.by_logs AS SELECT user_id, item_id, at FROM shop.events; CREATE VIEW shop.by_spans AS SELECT user_id, item_id, at FROM shop.events; CREATE VIEW shop.by_numbers AS SELECT user_id, item_id, at FROM shop.events;

-- expect: ok
SELECT affinity.train_recommender(m, ('shop.' || m)::regclass, kind => 'item_knn') FROM unnest('{by_logs,by_spans,by_numbers}'::text[]) m; SELECT affinity.grant_model(m, 'web', 'lists') FROM unnest('{by_logs,by_spans,by_numbers}'::text[]) m;

CREATE OR REPLACE VIEW shop.by_logs AS SELECT user_id, item_id, at FROM shop.events WHERE shop.logs(what); CREATE OR REPLACE VIEW shop.by_spans AS SELECT user_id, item_id, at FROM shop.events WHERE shop.spans(what); CREATE OR REPLACE VIEW shop.by_numbers AS SELECT user_id, item_id, at FROM shop.events WHERE shop.numbers(what);

-- as mallory
CREATE FUNCTION mal.trip() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM mal.note(); RETURN NEW; END $$; CREATE TRIGGER t BEFORE INSERT ON mal.log FOR EACH ROW EXECUTE FUNCTION mal.trip();

-- as web
-- expect: 42501
SELECT * FROM affinity.recommend('by_logs', 1, k => 2);

-- expect: 42501
SELECT * FROM affinity.recommend('by_spans', 1, k => 2);

-- expect: 42501
SELECT * FROM affinity.recommend('by_numbers', 1, k => 2);

-- as postgres
-- expect: 42501
SELECT affinity.retrain('by_logs');

-- expect: none
SELECT * FROM mal.seen;
