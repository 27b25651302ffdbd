-- In one statement a model is used by who may, in a function that runs as its owner, and by who may not: what is kept for the statement is kept for the role.

-- as ann
-- expect: ok
SELECT affinity.train_recommender('m', 'shop.events', kind => 'transition', time_col => 'at'); SELECT affinity.train('r', 'shop.rows', 'y'); 

CREATE FUNCTION shop.list(u bigint) RETURNS bigint LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog AS 'SELECT count(*) FROM affinity.recommend(''m'', u)'; CREATE FUNCTION shop.score() RETURNS float8 LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog AS 'SELECT affinity.predict(''r'', t) FROM (SELECT 1 AS a, 2 AS b) t';

-- as mallory
-- expect: ok
SELECT shop.list(2), shop.score();

-- expect: 42704
SELECT shop.list(2), (SELECT count(*) FROM affinity.recommend('m', 2));

-- expect: 42704
SELECT shop.list(u), affinity.score('m', u, 1::bigint) FROM generate_series(1::bigint, 3) u;

-- expect: 42704
SELECT shop.score(), affinity.predict('r', t) FROM (SELECT 1 AS a, 2 AS b) t;

-- expect: 42704
WITH a AS MATERIALIZED (SELECT shop.list(2) AS n) SELECT n, affinity.report('m') FROM a;
