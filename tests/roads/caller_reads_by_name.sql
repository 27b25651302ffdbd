-- A model that reads as its caller stands on a stranger's view, which calls a function of the extension's that reads what its argument names; behind that stands code whose body the
-- planner writes into the query.
-- Closed: only what is immutable of the functions of superusers is called by another's view, and no body is written in.

-- as postgres
CREATE SCHEMA web AUTHORIZATION web;

-- as web
CREATE TABLE web.secrets AS SELECT 'of web'::text AS s;

-- as mallory
SET check_function_bodies = off; CREATE TABLE mal.ev AS SELECT u AS user_id, (u * i) % 50 AS item_id FROM generate_series(1, 100) u, generate_series(1, 8) i; CREATE TABLE mal.r AS SELECT i, i % 7 AS a, i % 5 > 2 AS y FROM generate_series(1, 400) i; CREATE TABLE mal.seen (who text, s text); GRANT ALL ON ALL TABLES IN SCHEMA mal TO public;

SELECT affinity.train('rows', 'mal.r', 'y', kind => 'logistic'); SELECT affinity.grant_model('rows', 'public', 'all');

CREATE FUNCTION mal.write() RETURNS TABLE (n int) LANGUAGE sql STABLE AS $$ WITH x AS (INSERT INTO mal.seen SELECT current_user, s FROM web.secrets RETURNING 1) SELECT 1 FROM x $$; CREATE VIEW mal.with_code AS SELECT r.* FROM mal.r, mal.write(); CREATE VIEW mal.events AS SELECT user_id, item_id FROM mal.ev; GRANT SELECT ON mal.with_code, mal.events TO public;

-- expect: ok
SELECT affinity.train_recommender('m', 'mal.events', kind => 'item_knn', params => '{"read_as": "caller"}'); SELECT affinity.grant_model('m', 'public', 'all');

CREATE OR REPLACE VIEW mal.events AS SELECT user_id, item_id FROM mal.ev WHERE (SELECT count(*) FROM affinity.evaluate('rows', ('mal.with' || '_code')::regclass, 'y', all_rows => true)) >= 0;

-- as web
-- expect: 42501
SELECT * FROM affinity.recommend('m', 1, k => 2);

-- as mallory
CREATE OR REPLACE VIEW mal.events AS SELECT user_id, item_id FROM mal.ev WHERE affinity.report('rows', ('mal.with' || '_code')::regclass) IS NOT NULL;

-- as web
-- expect: 42501
SELECT * FROM affinity.recommend('m', 1, k => 2);

-- as mallory
CREATE OR REPLACE VIEW mal.events AS SELECT user_id, item_id FROM mal.ev WHERE table_to_xml(('web.sec' || 'rets')::regclass, true, true, '') IS NOT NULL;

-- as web
-- expect: 42501
SELECT * FROM affinity.recommend('m', 1, k => 2);

-- expect: 42501
SELECT * FROM affinity.evaluate('m', 'mal.events');

-- as mallory
-- expect: none
SELECT * FROM mal.seen WHERE who <> 'mallory';
