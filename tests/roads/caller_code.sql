-- A model that reads as its caller, whose owner puts code behind it: for the stranger, the database's owner, an administrator who may make roles.

-- author ann
-- powerful dba

-- as postgres
ALTER ROLE dba CREATEROLE; GRANT SELECT ON ALL TABLES IN SCHEMA shop TO dba, web;

-- as ann
CREATE VIEW shop.v AS SELECT user_id, item_id, at FROM shop.events; GRANT SELECT ON shop.v TO public;

-- expect: ok
SELECT affinity.train_recommender('m', 'shop.v', kind => 'transition', time_col => 'at', params => '{"read_as": "caller"}'); SELECT affinity.train_recommender('t', 'shop.events', kind => 'transition', time_col => 'at', params => '{"read_as": "caller"}');

SELECT affinity.grant_model('m', 'public'); SELECT affinity.grant_model('t', 'public');

-- as web
-- expect: ok
SELECT * FROM affinity.recommend('m', 2);

-- as ann
CREATE OR REPLACE VIEW shop.v AS SELECT user_id, evil.num(item_id) AS item_id, at FROM shop.events;

CREATE INDEX ON shop.events ((evil.num(1)));

-- as dba
SELECT * FROM affinity.recommend('m', 2);

SELECT * FROM affinity.recommend_all('m');

SELECT * FROM affinity.evaluate('m');

SELECT affinity.report('m');

SELECT * FROM affinity.recommend('t', 2);

SELECT affinity.score('t', 2::bigint, 4::bigint);

SELECT affinity.retrain('t');

-- as web
SELECT * FROM affinity.recommend('m', 2);

SELECT * FROM affinity.recommend('t', 2);

SELECT * FROM affinity.compare(ARRAY['m'], 'shop.v');

-- as postgres
SELECT * FROM affinity.recommend('m', 2);

SELECT affinity.retrain('m');
