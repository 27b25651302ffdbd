-- A granted reader makes a temporary domain of a name that a function of the owner's looks up by a bare name: on a path that does not name pg_temp, types are looked for there
-- first. Its CHECK would run as the owner; what it calls is the system's, or a function whose body the planner writes into the query, of which Postgres tells nobody.
-- Closed: such a path is refused, and so is a session with anything temporary that code could stand behind; no body is written into a query meanwhile.

-- author web

-- as ann
CREATE DOMAIN shop.code AS text; ALTER TABLE shop.events ADD st shop.code DEFAULT 'paid';

CREATE FUNCTION shop.is_paid(s shop.code) RETURNS boolean LANGUAGE sql STABLE SET search_path = shop AS $$ SELECT s = 'paid'::code $$; CREATE VIEW shop.bought AS SELECT user_id, item_id, at FROM shop.events WHERE shop.is_paid(st);

SET search_path = shop; CREATE FUNCTION shop.is_bought(s text) RETURNS boolean LANGUAGE plpgsql STABLE AS $$ DECLARE c code := s; BEGIN RETURN c = 'paid'; END $$; CREATE VIEW shop.declared AS SELECT user_id, item_id, at FROM shop.events WHERE shop.is_bought(st);

-- expect: ok
SET search_path = shop; SELECT affinity.train_recommender(m, ('shop.' || v)::regclass, kind => 'transition', time_col => 'at') FROM (VALUES ('m', 'bought'), ('d', 'declared')) t (m, v); SELECT affinity.grant_model('m', 'web'), affinity.grant_model('d', 'web');

-- as web
SET check_function_bodies = off; CREATE TABLE evil.seen (who text); GRANT ALL ON evil.seen TO public; CREATE FUNCTION evil.write() RETURNS TABLE (a int) LANGUAGE sql STABLE AS $$ WITH x AS (INSERT INTO evil.seen SELECT current_user RETURNING 1) SELECT 1 FROM x $$;

CREATE DOMAIN pg_temp.code AS text CHECK (query_to_xml('SELECT * FROM evil.write()', true, true, '') IS NOT NULL);

-- expect: 42501
SELECT * FROM affinity.recommend('m', 2, k => 1);

-- What the session's first call of the function found is kept by plpgsql.
SET search_path = pg_temp; SELECT shop.is_bought('paid');

-- expect: 42501
SELECT * FROM affinity.recommend('d', 2, k => 1);

DISCARD TEMP;

-- expect: 42501
SELECT * FROM affinity.recommend('d', 2, k => 1);

-- as ann
ALTER FUNCTION shop.is_paid SET search_path = shop, pg_temp; ALTER FUNCTION shop.is_bought SET search_path = shop, pg_temp;

-- as web
CREATE TEMP TABLE mine (code int, t text);

-- expect: ok
SELECT 1 / (source = 'transition')::int FROM affinity.recommend('m', 3, k => 1); SELECT 1 / (source = 'transition')::int FROM affinity.recommend('d', 3, k => 1);

CREATE DOMAIN pg_temp.code AS text CHECK (query_to_xml('SELECT * FROM evil.write()', true, true, '') IS NOT NULL);

-- expect: 42501
SELECT * FROM affinity.recommend('m', 2, k => 1);

DISCARD TEMP; CREATE DOMAIN evil.bad AS text CHECK (query_to_xml('SELECT * FROM evil.write()', true, true, '') IS NOT NULL); CREATE TEMP TABLE code (b evil.bad);

-- expect: 42501
SELECT * FROM affinity.recommend('m', 2, k => 1);

-- expect: none
SELECT * FROM evil.seen WHERE who <> 'web';
