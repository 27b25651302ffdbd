-- A superuser trained on another's table; it becomes a view with code: as a call, a cast, an operator, an aggregate, a window function, in a subquery,
-- behind a second view, behind a materialised view's neighbour, as a security barrier.
-- Closed: for a superuser's model the relation's owner reads, and only what is all his or a superuser's.

-- as mallory
CREATE TABLE mal.base AS SELECT u::bigint AS user_id, ((u + 2 * s) % 12)::bigint AS item_id, s AS at FROM generate_series(1, 40) u, generate_series(0, 5) s;

CREATE VIEW mal.events AS TABLE mal.base;

-- as postgres
-- expect: ok
SELECT affinity.train_recommender('m', 'mal.events', kind => 'transition', time_col => 'at'); SELECT affinity.train_recommender('c', 'mal.events', kind => 'transition', time_col => 'at', params => '{"read_as": "caller"}'); SELECT affinity.grant_model('m', 'web');

-- as mallory
CREATE FUNCTION evil.two(a bigint, b bigint) RETURNS bigint LANGUAGE plpgsql AS $$ BEGIN PERFORM evil.grab(); RETURN b; END $$;

CREATE AGGREGATE evil.agg(bigint) (SFUNC = evil.two, STYPE = bigint);

CREATE OPERATOR evil.### (FUNCTION = evil.two, LEFTARG = bigint, RIGHTARG = bigint);

CREATE OR REPLACE VIEW mal.events AS SELECT user_id, evil.num(item_id) AS item_id, at FROM mal.base;

-- as postgres
SELECT affinity.retrain('m'); 

SELECT * FROM affinity.recommend('m', 2);

SELECT * FROM affinity.recommend_all('m');

SELECT * FROM affinity.evaluate('m');

SELECT affinity.report('m');

SELECT affinity.score('m', 2::bigint, 4::bigint);

SELECT * FROM affinity.recommend('c', 2);

SELECT * FROM affinity.evaluate('c');

SELECT affinity.report('c');

SELECT affinity.retrain('c');

SELECT * FROM affinity.check();

-- as mallory
CREATE OR REPLACE VIEW mal.events AS SELECT user_id, evil.agg(item_id) OVER (PARTITION BY user_id, at) AS item_id, at FROM mal.base;

-- as postgres
SELECT affinity.retrain('m');

SELECT * FROM affinity.recommend('m', 2);

-- as web
SELECT * FROM affinity.recommend('m', 2);

-- as mallory
CREATE OR REPLACE VIEW mal.events AS SELECT user_id, item_id OPERATOR(evil.###) item_id AS item_id, at FROM mal.base;

-- as postgres
SELECT affinity.retrain('m');

SELECT * FROM affinity.recommend('m', 2);

-- as mallory
CREATE OR REPLACE VIEW mal.second AS SELECT user_id, item_id, at FROM mal.base WHERE (SELECT evil.grab());

CREATE OR REPLACE VIEW mal.events WITH (security_barrier) AS SELECT * FROM mal.second;

-- as postgres
SELECT affinity.retrain('m');

SELECT * FROM affinity.recommend('m', 2);

-- as mallory
CREATE TYPE evil.pair AS (x text);

CREATE FUNCTION evil.cast(text) RETURNS evil.pair LANGUAGE plpgsql AS $$ BEGIN PERFORM evil.grab(); RETURN ROW($1); END $$;

CREATE OR REPLACE FUNCTION evil.totext(evil.pair) RETURNS text LANGUAGE plpgsql AS $$ BEGIN PERFORM evil.grab(); RETURN 'x'; END $$;

CREATE CAST (evil.pair AS text) WITH FUNCTION evil.totext(evil.pair);

CREATE OR REPLACE VIEW mal.events AS SELECT user_id, item_id, at FROM mal.base WHERE (ROW('a')::evil.pair)::text = 'x';

-- as postgres
SELECT affinity.retrain('m');

SELECT * FROM affinity.recommend('m', 2);

-- as mallory
CREATE DOMAIN evil.checked AS bigint CHECK (evil.num(VALUE) IS NOT NULL);

CREATE DOMAIN evil.over AS evil.checked;

CREATE OR REPLACE VIEW mal.events AS SELECT user_id, item_id::evil.over::bigint AS item_id, at FROM mal.base;

-- as postgres
SELECT affinity.retrain('m');

SELECT * FROM affinity.recommend('m', 2);

-- as mallory
CREATE OR REPLACE VIEW mal.events AS SELECT user_id, (array_fill(item_id, ARRAY[1])::text::evil.over[])[1]::bigint AS item_id, at FROM mal.base;

-- as postgres
SELECT affinity.retrain('m');

SELECT * FROM affinity.recommend('m', 2);

-- as mallory
CREATE TYPE evil.row AS (x evil.over);

CREATE OR REPLACE VIEW mal.events AS SELECT b.user_id, (jsonb_populate_record(NULL::evil.row, '{"x": 1}')).x::bigint AS item_id, at FROM mal.base b;

-- as postgres
SELECT affinity.retrain('m');

SELECT * FROM affinity.recommend('m', 2);

-- as mallory
CREATE OR REPLACE VIEW mal.events AS SELECT b.user_id, b.item_id, b.at FROM mal.base b, LATERAL jsonb_to_record('{"x": 1}') AS r(x evil.over);

-- as postgres
SELECT affinity.retrain('m');

SELECT * FROM affinity.recommend('m', 2);

-- as mallory
CREATE OR REPLACE VIEW mal.events AS SELECT b.user_id, b.item_id, b.at FROM mal.base b WHERE query_to_xml('SELECT evil.grab()', true, true, '') IS NOT NULL;

-- as postgres
SELECT affinity.retrain('m');

SELECT * FROM affinity.recommend('m', 2);

-- as mallory
CREATE OR REPLACE VIEW mal.events AS SELECT b.user_id, b.item_id, b.at FROM mal.base b WHERE ts_rewrite('a'::tsquery, 'SELECT evil.q(), ''b''::tsquery') IS NOT NULL;

CREATE FUNCTION evil.q() RETURNS tsquery LANGUAGE plpgsql AS $$ BEGIN PERFORM evil.grab(); RETURN 'a'::tsquery; END $$;

-- as postgres
SELECT affinity.retrain('m');

SELECT * FROM affinity.recommend('m', 2);

-- as mallory
CREATE OR REPLACE VIEW mal.events AS SELECT b.user_id, b.item_id, b.at FROM mal.base b, ts_stat('SELECT evil.v()') s;

CREATE OR REPLACE FUNCTION evil.v() RETURNS tsvector LANGUAGE plpgsql AS $$ BEGIN PERFORM evil.grab(); RETURN 'a'::tsvector; END $$;

-- as postgres
SELECT affinity.retrain('m');

SELECT * FROM affinity.recommend('m', 2);

SELECT * FROM affinity.recommend('c', 2);
