-- A model stands on a temporary table of a session that has ended; the next session's temporary schema has the same name, and in it a view of that name.

-- as ann
CREATE TEMP TABLE t AS TABLE shop.events;

-- expect: ok
SELECT affinity.train_recommender('m', 't', kind => 'transition', time_col => 'at'); SELECT affinity.grant_model('m', 'public');

-- leave ann
-- as mallory
CREATE TEMP VIEW t AS SELECT u::bigint AS user_id, evil.num(((u + 2 * s) % 12)::bigint) AS item_id, s AS at FROM generate_series(1, 40) u, generate_series(0, 5) s; GRANT SELECT ON t TO public;

SELECT * FROM affinity.recommend('m', 2);

-- as postgres
SELECT affinity.retrain('m');

SELECT * FROM affinity.recommend('m', 2);

SELECT affinity.report('m');

-- as ann
SELECT affinity.retrain('m');

-- as web
SELECT * FROM affinity.recommend('m', 2);
