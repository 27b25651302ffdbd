-- Behind a superuser's model stands a view over a view of another's: the inner one is not locked, and becomes one that calls what is volatile, or runs a text.
-- Closed: as for an index.

-- as postgres
CREATE EXTENSION tablefunc; SELECT affinity.train_recommender('secret', 'shop.events', kind => 'popularity');

-- as mallory
CREATE TABLE mal.base AS SELECT u::bigint AS user_id, ((u + 2 * s) % 12)::bigint AS item_id, s AS at FROM generate_series(1, 40) u, generate_series(0, 5) s; CREATE VIEW mal.inner AS SELECT user_id, item_id, at FROM mal.base; CREATE VIEW mal.events AS SELECT * FROM mal.inner;

-- as postgres
-- expect: ok
SELECT affinity.train_recommender('m', 'mal.events', kind => 'transition', time_col => 'at');

-- meanwhile mallory
CREATE OR REPLACE VIEW mal.inner AS SELECT user_id, item_id, at FROM mal.base WHERE user_id <> 2 OR affinity.grant_model('secret', 'mallory') IS NOT NULL;; CREATE OR REPLACE VIEW mal.inner AS SELECT user_id, item_id, at FROM mal.base;; SELECT pg_sleep(0.01);; CREATE OR REPLACE VIEW mal.inner AS SELECT b.user_id, b.item_id, b.at FROM mal.base b WHERE EXISTS (SELECT FROM public.crosstab('SELECT evil.word(''a''), ''b''::text, ''c''::text') AS t(r text, x text));; CREATE OR REPLACE VIEW mal.inner AS SELECT user_id, item_id, at FROM mal.base;; SELECT pg_sleep(0.01)

-- as postgres
DO $$ BEGIN FOR i IN 1 .. 150 LOOP BEGIN PERFORM affinity.retrain('m'); EXCEPTION WHEN OTHERS THEN END; BEGIN PERFORM count(*) FROM generate_series(1, 100) u, affinity.recommend('m', u % 40); EXCEPTION WHEN OTHERS THEN END; END LOOP; END $$;

-- until now
-- as mallory
-- expect: none
SELECT model FROM affinity.models WHERE model = 'secret';
