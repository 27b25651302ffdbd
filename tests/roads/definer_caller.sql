-- A SECURITY DEFINER function of a superuser, or of ann, calls the extension with a name or a user that the caller chooses: models are the definer's to use, the code is not the caller's.

-- as postgres
CREATE SCHEMA api; GRANT USAGE ON SCHEMA api TO public; CREATE FUNCTION api.list(m text, u bigint) RETURNS bigint LANGUAGE sql SECURITY DEFINER AS 'SELECT count(*) FROM affinity.recommend(m, u)'; CREATE FUNCTION api.again(m text) RETURNS text LANGUAGE sql SECURITY DEFINER AS 'SELECT kind FROM affinity.retrain(m)'; CREATE FUNCTION api.page(m text) RETURNS text LANGUAGE sql SECURITY DEFINER AS 'SELECT affinity.report(m)';

-- as mallory
CREATE VIEW mal.events AS SELECT u::bigint AS user_id, ((u + 2 * s) % 12)::bigint AS item_id, s AS at FROM generate_series(1, 40) u, generate_series(0, 5) s;

-- expect: ok
SELECT affinity.train_recommender('m', 'mal.events', kind => 'transition', time_col => 'at'); SELECT affinity.train_recommender('c', 'mal.events', kind => 'transition', time_col => 'at', params => '{"read_as": "caller"}');

CREATE OR REPLACE VIEW mal.events AS SELECT u::bigint AS user_id, evil.num(((u + 2 * s) % 12)::bigint) AS item_id, s AS at FROM generate_series(1, 40) u, generate_series(0, 5) s;

SELECT api.list('m', 2);

SELECT api.list('c', 2);

SELECT api.again('m');

SELECT api.again('c');

SELECT api.page('m');

SELECT api.page('c');

-- as ann
CREATE FUNCTION shop.list(m text, u bigint) RETURNS bigint LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog AS 'SELECT count(*) FROM affinity.recommend(m, u)';

-- as mallory
SELECT affinity.grant_model('m', 'ann'); SELECT affinity.grant_model('c', 'ann');

SELECT shop.list('m', 2);

SELECT shop.list('c', 2);

SELECT affinity.alter_owner('m', 'ann');

SELECT affinity.alter_owner('c', 'postgres');
