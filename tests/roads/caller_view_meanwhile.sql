-- A model that reads as its caller stands on a view over a view; the inner one, which the question whose code it is does not lock, becomes one with a function whose body the planner
-- writes into the query, while the planner waits for its lock.
-- Closed: no body is written into a query meanwhile, and each function is asked for before it runs.

-- as postgres
CREATE SCHEMA web AUTHORIZATION web;

-- as web
CREATE TABLE web.secrets AS SELECT 'of web'::text AS s;

-- as mallory
SET check_function_bodies = off; CREATE TABLE mal.ev AS SELECT u AS user_id, (u * i) % 50 AS item_id FROM generate_series(1, 100) u, generate_series(1, 8) i; CREATE TABLE mal.seen (who text, s text); GRANT ALL ON ALL TABLES IN SCHEMA mal TO public;

CREATE FUNCTION mal.write() RETURNS TABLE (n int) LANGUAGE sql STABLE AS $$ WITH x AS (INSERT INTO mal.seen SELECT current_user, s FROM web.secrets RETURNING 1) SELECT 1 FROM x $$; CREATE FUNCTION mal.plus(n int) RETURNS int LANGUAGE sql AS $$ SELECT n + 0 * length(query_to_xml('SELECT * FROM mal.write()', true, true, '')::text) $$; CREATE VIEW mal.inner_events AS SELECT user_id, item_id FROM mal.ev; CREATE VIEW mal.events AS SELECT * FROM mal.inner_events; GRANT SELECT ON mal.inner_events, mal.events TO public;

-- expect: ok
SELECT affinity.train_recommender('m', 'mal.events', kind => 'item_knn', params => '{"read_as": "caller"}'); SELECT affinity.grant_model('m', 'public', 'all');

-- as web
-- expect: ok
SELECT * FROM affinity.recommend('m', 1, k => 2);

-- meanwhile mallory
BEGIN; CREATE OR REPLACE VIEW mal.inner_events AS SELECT e.user_id, e.item_id FROM mal.ev e, mal.write() s; SELECT pg_sleep(0.03); COMMIT;; CREATE OR REPLACE VIEW mal.inner_events AS SELECT user_id, item_id FROM mal.ev;; SELECT pg_sleep(0.01);; BEGIN; CREATE OR REPLACE VIEW mal.inner_events AS SELECT user_id, mal.plus(item_id) AS item_id FROM mal.ev e; SELECT pg_sleep(0.03); COMMIT;; CREATE OR REPLACE VIEW mal.inner_events AS SELECT user_id, item_id FROM mal.ev;; SELECT pg_sleep(0.01)

-- as web
DO $$ BEGIN FOR i IN 1 .. 60 LOOP BEGIN PERFORM count(*) FROM affinity.recommend('m', i % 40); EXCEPTION WHEN OTHERS THEN END; PERFORM pg_sleep(0.005); END LOOP; END $$;

-- until now
-- as mallory
-- expect: none
SELECT * FROM mal.seen WHERE who <> 'mallory';
