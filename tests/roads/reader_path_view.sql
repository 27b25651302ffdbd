-- A granted reader puts functions of his own on his search path, where a function behind the owner's view calls a bare name.
-- Closed: reading as another sets the search path to that of the model's owner; a language that keeps what an earlier call found, as plpgsql does, needs a path of the function's own.

-- author web

-- as postgres
CREATE FUNCTION evil.lower(t text) RETURNS text LANGUAGE plpgsql AS $$ BEGIN PERFORM evil.grab(); RETURN t; END $$;
ALTER FUNCTION evil.lower(text) OWNER TO web;

CREATE FUNCTION evil.plain(t text) RETURNS text LANGUAGE plpgsql AS $$ BEGIN PERFORM evil.grab(); RETURN t; END $$;
ALTER FUNCTION evil.plain(text) OWNER TO web;

-- as ann
CREATE FUNCTION shop.plain(t text) RETURNS text LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN RETURN t; END $$;

CREATE FUNCTION shop.clean(t text) RETURNS text LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN RETURN plain(lower(t)); END $$;

CREATE VIEW shop.clean_events AS SELECT user_id, item_id, at, shop.clean(what) AS what FROM shop.events;

-- expect: ok
SET search_path = shop; SELECT affinity.train_recommender('m', 'shop.clean_events', kind => 'transition', time_col => 'at', event_col => 'what');

SELECT affinity.grant_model('m', 'web');

-- as web
SET search_path = evil, pg_catalog;

-- expect: 42501
SELECT * FROM affinity.recommend('m', 2, k => 3);

-- expect: 42501
SELECT * FROM affinity.recommend_all('m', k => 3);

-- expect: 42501
SELECT affinity.score('m', 2::bigint, 4::bigint);

-- as ann
ALTER FUNCTION shop.clean(text) SET search_path = shop, pg_temp; ALTER FUNCTION shop.plain(text) SET search_path = pg_catalog, pg_temp;

-- as web
-- expect: ok
SELECT * FROM affinity.recommend('m', 2, k => 3);

-- expect: ok
SELECT * FROM affinity.recommend_all('m', k => 3);

-- expect: ok
SELECT affinity.score('m', 2::bigint, 4::bigint);

SELECT * FROM affinity.evaluate('m');

SELECT * FROM affinity.evaluate('m', 'shop.clean_events');

SELECT affinity.report('m');

SELECT * FROM affinity.compare(ARRAY['m', 'm'], 'shop.clean_events');

SELECT affinity.retrain('m');
