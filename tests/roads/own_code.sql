-- What must go on working: a model's owner with functions, views, domains and row security of her own, read for whom she grants it, by a superuser, by a member of her role;
-- functions of an extension's in it; a function of hers that sets its own path.

-- as postgres
CREATE EXTENSION citext; CREATE EXTENSION unaccent; CREATE ROLE roads_member LOGIN; GRANT ann TO roads_member;

-- as ann
SET search_path = shop, public; CREATE DOMAIN shop.positive AS bigint CHECK (VALUE >= 0); CREATE TYPE shop.kind AS ENUM ('view', 'buy'); CREATE TABLE shop.lookup AS SELECT 'view'::text AS what;

CREATE FUNCTION shop.clean(t text) RETURNS text LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$ BEGIN RETURN lower(public.unaccent(t)); END $$; CREATE FUNCTION shop.known(t text) RETURNS boolean LANGUAGE sql STABLE SET search_path = shop, pg_temp AS 'SELECT EXISTS (SELECT FROM lookup l WHERE l.what = t)'; CREATE FUNCTION shop.bare(t text) RETURNS boolean LANGUAGE sql STABLE AS 'SELECT EXISTS (SELECT FROM lookup l WHERE l.what = t)'; CREATE FUNCTION shop.atomic(t text) RETURNS boolean LANGUAGE sql STABLE BEGIN ATOMIC SELECT EXISTS (SELECT FROM shop.lookup l WHERE l.what = t); END;

CREATE VIEW shop.seen AS SELECT user_id, item_id::shop.positive AS item_id, at, 'view'::shop.kind AS kind, random() AS r FROM shop.events WHERE shop.known(shop.clean(what)) AND shop.bare(what) AND shop.atomic(what);

-- expect: ok
SET search_path = shop, public; SELECT affinity.train_recommender('m', 'shop.seen', kind => 'transition', time_col => 'at', event_col => 'kind'); SELECT affinity.grant_model('m', 'web');

-- as web
-- expect: ok
SELECT 1 / (source = 'transition')::int FROM affinity.recommend('m', 3, k => 1);

-- expect: ok
SELECT 1 / (count(*) > 0)::int FROM affinity.recommend_all('m');

-- as postgres
-- expect: ok
SELECT 1 / (source = 'transition')::int FROM affinity.recommend('m', 3, k => 1);

-- expect: ok
SELECT affinity.retrain('m'); SELECT affinity.report('m');

-- as roads_member
-- expect: ok
SELECT affinity.retrain('m'); SELECT * FROM affinity.recommend('m', 3, k => 1);

-- as ann
-- expect: ok
SELECT affinity.retrain('m');

-- expect: ok
SELECT affinity.train('r', 'shop.rows', 'y'); SELECT affinity.retrain('r');

-- A superuser's own views, with volatile functions, are his own to read.
-- as postgres
CREATE FUNCTION public.own(n bigint) RETURNS bigint LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS 'BEGIN PERFORM random(); RETURN n; END'; CREATE TABLE public.events AS TABLE shop.events; CREATE VIEW public.v AS SELECT user_id, public.own(item_id) AS item_id, at FROM public.events WHERE random() >= 0;

-- expect: ok
SELECT affinity.train_recommender('p', 'public.v', kind => 'transition', time_col => 'at'); SELECT affinity.retrain('p'); SELECT affinity.grant_model('p', 'web'); SELECT affinity.report('p');

CREATE TEMP TABLE mine AS TABLE public.events;

-- expect: ok
SELECT affinity.train_recommender('t', 'mine', kind => 'transition', time_col => 'at'); SELECT affinity.retrain('t'); SELECT * FROM affinity.recommend('t', 2);

-- as web
CREATE TEMP TABLE mine AS SELECT g::bigint AS u FROM generate_series(1, 40) g;

-- expect: ok
SELECT 1 / (count(*) > 0)::int FROM mine, affinity.recommend('p', mine.u, k => 2);

-- as postgres
ALTER ROLE roads_member RENAME TO roads_gone;

-- Row security that asks a superuser's function of no arguments for the tenant, also where the caller reads.
-- as postgres
CREATE SCHEMA app; GRANT USAGE ON SCHEMA app TO public; CREATE FUNCTION app.tenant() RETURNS text LANGUAGE sql STABLE AS $$ SELECT current_setting('app.tenant', true) $$;

-- as ann
CREATE TABLE shop.tenants AS TABLE shop.events; ALTER TABLE shop.tenants ENABLE ROW LEVEL SECURITY; CREATE POLICY p ON shop.tenants USING (app.tenant() IS NULL OR what = app.tenant()); GRANT SELECT ON shop.tenants TO web;

-- expect: ok
SELECT affinity.train_recommender('tenants', 'shop.tenants', kind => 'popularity', params => '{"read_as": "caller"}'); SELECT affinity.grant_model('tenants', 'web', 'all');

-- as web
-- expect: ok
SELECT 1 / (count(*) > 0)::int FROM affinity.recommend('tenants', 1, k => 2);
