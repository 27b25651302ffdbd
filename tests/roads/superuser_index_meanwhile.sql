-- A superuser's model stands on another's plain table; while a statement of his reads it again and again, the table gets an index, statistics or a partition
-- whose expression the planner evaluates.
-- Closed: for a superuser's model the relation's owner reads; whatever is made in between runs as he does.

-- as mallory
CREATE TABLE mal.events AS SELECT u::bigint AS user_id, ((u + 2 * s) % 12)::bigint AS item_id, s AS at FROM generate_series(1, 400) u, generate_series(0, 5) s;

-- as postgres
-- expect: ok
SELECT affinity.train_recommender('m', 'mal.events', kind => 'transition', time_col => 'at');

-- meanwhile mallory
SELECT pg_sleep(0.02);; CREATE INDEX bad ON mal.events ((evil.num(1)));; SELECT pg_sleep(0.01);; DROP INDEX mal.bad

-- as postgres
SELECT count(*) FROM generate_series(1, 20000) u, affinity.recommend('m', u % 400, k => 3);

DO $$ BEGIN FOR i IN 1 .. 300 LOOP BEGIN PERFORM affinity.retrain('m'); EXCEPTION WHEN insufficient_privilege THEN END; END LOOP; END $$;
