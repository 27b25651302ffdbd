-- The same behind a policy of the owner's table, with row security that counts for her, too; and where a superuser owns the model.
-- Closed: as for a view.

-- author web

-- as web
CREATE FUNCTION evil.lower(t text) RETURNS text LANGUAGE plpgsql AS $$ BEGIN PERFORM evil.grab(); RETURN t; END $$;

-- as ann
CREATE FUNCTION shop.mine(t text) RETURNS boolean LANGUAGE plpgsql STABLE AS $$ BEGIN RETURN lower(t) = 'view'; END $$;

ALTER TABLE shop.events ENABLE ROW LEVEL SECURITY; ALTER TABLE shop.events FORCE ROW LEVEL SECURITY; CREATE POLICY p ON shop.events USING (shop.mine(what));

-- expect: ok
SELECT affinity.train_recommender('m', 'shop.events', kind => 'transition', time_col => 'at');

SELECT affinity.grant_model('m', 'web');

-- as postgres
CREATE FUNCTION public.mine(t text) RETURNS boolean LANGUAGE plpgsql STABLE AS $$ BEGIN RETURN lower(t) = 'view'; END $$;

CREATE TABLE public.events AS TABLE shop.events; CREATE VIEW public.v AS SELECT * FROM public.events WHERE public.mine(what);

-- expect: ok
SELECT affinity.train_recommender('pm', 'public.v', kind => 'transition', time_col => 'at');

SELECT affinity.grant_model('pm', 'web');

-- as web
SET search_path = evil, pg_catalog;

-- expect: 42501
SELECT * FROM affinity.recommend('m', 2, k => 3);

-- expect: 42501
SELECT * FROM affinity.recommend_all('m', k => 3);

-- expect: 42501
SELECT * FROM affinity.recommend('pm', 2, k => 3);

-- expect: 42501
SELECT * FROM affinity.recommend_all('pm', k => 3);

-- expect: 42501
SELECT affinity.score('pm', 2::bigint, 4::bigint);

-- as ann
ALTER FUNCTION shop.mine(text) SET search_path = pg_catalog, pg_temp;

-- as postgres
ALTER FUNCTION public.mine(text) SET search_path = pg_catalog, pg_temp;

-- as web
-- expect: ok
SELECT * FROM affinity.recommend('m', 2, k => 3);

-- expect: ok
SELECT * FROM affinity.recommend_all('m', k => 3);

-- expect: ok
SELECT * FROM affinity.recommend('pm', 2, k => 3);

-- expect: ok
SELECT * FROM affinity.recommend_all('pm', k => 3);

-- expect: ok
SELECT affinity.score('pm', 2::bigint, 4::bigint);

SELECT affinity.report('pm'); 

SELECT * FROM affinity.evaluate('pm');
