-- A superuser trains again on another's view that calls what a superuser owns and that runs the text that it is given: tablefunc's crosstab, dblink, the
-- extension's own functions, a superuser's function.
-- Closed: for a superuser's model the relation's owner reads.

-- as postgres
CREATE EXTENSION tablefunc;

CREATE TABLE public.grantable AS SELECT 1; SELECT affinity.train_recommender('secret', 'shop.events', kind => 'popularity');

GRANT SELECT ON shop.events TO public;

CREATE FUNCTION public.run(t text) RETURNS int LANGUAGE plpgsql STABLE AS $$ DECLARE n int; BEGIN EXECUTE t INTO n; RETURN n; END $$;

-- as mallory
CREATE VIEW mal.a AS SELECT user_id, item_id, at FROM shop.events; CREATE VIEW mal.b AS SELECT user_id, item_id, at FROM shop.events; CREATE VIEW mal.c AS SELECT user_id, item_id, at FROM shop.events;

-- as postgres
-- expect: ok
SELECT affinity.train_recommender('a', 'mal.a', kind => 'transition', time_col => 'at', deploy => 'always'); SELECT affinity.train_recommender('b', 'mal.b', kind => 'transition', time_col => 'at'); SELECT affinity.train_recommender('c', 'mal.c', kind => 'transition', time_col => 'at');

-- as mallory
CREATE OR REPLACE VIEW mal.a AS SELECT e.user_id, e.item_id, e.at FROM shop.events e WHERE EXISTS (SELECT FROM public.crosstab('SELECT evil.word(''a''), ''b''::text, ''c''::text') AS t(r text, x text));

CREATE OR REPLACE VIEW mal.b AS SELECT e.user_id, e.item_id, e.at FROM shop.events e WHERE public.run('SELECT evil.num(1)::int') = 1;

CREATE OR REPLACE VIEW mal.c AS SELECT e.user_id, e.item_id, e.at FROM shop.events e WHERE affinity.grant_model('secret', 'mallory') IS NOT NULL;

-- as postgres
SELECT affinity.retrain('a');

SELECT * FROM affinity.recommend('a', 2, k => 3);

SELECT affinity.report('a');

SELECT * FROM affinity.evaluate('a');

SELECT affinity.retrain('b');

SELECT * FROM affinity.recommend('b', 2, k => 3);

SELECT * FROM affinity.recommend_all('b', k => 3);

SELECT affinity.retrain('c');

SELECT * FROM affinity.recommend('c', 2, k => 3);

-- as mallory
-- expect: none
SELECT * FROM affinity.models;
