-- What must go on working: row security by a setting of the caller's, a granted reader of a plain table, a superuser's own tables and views, a group.

-- as postgres
GRANT SELECT ON shop.events TO web;

-- as ann
ALTER TABLE shop.events ENABLE ROW LEVEL SECURITY; CREATE POLICY own ON shop.events USING (user_id = current_setting('shop.customer', true)::bigint);

-- expect: ok
SELECT affinity.train_recommender('m', 'shop.events', kind => 'transition', time_col => 'at', params => '{"read_as": "caller"}'); SELECT affinity.train_recommender('plain', 'shop.events', kind => 'transition', time_col => 'at');

SELECT affinity.grant_model('m', 'web'); SELECT affinity.grant_model('plain', 'web');

-- as web
SET shop.customer = '2';

-- expect: ok
SELECT 1 / (source = 'transition')::int FROM affinity.recommend('m', 2, k => 1);

-- expect: ok
SELECT 1 / (source <> 'transition')::int FROM affinity.recommend('m', 3, k => 1);

-- expect: ok
SELECT 1 / (source = 'transition')::int FROM affinity.recommend('plain', 3, k => 1);

-- as postgres
CREATE SCHEMA top; CREATE TABLE top.events AS TABLE shop.events; CREATE VIEW top.v AS SELECT * FROM top.events;

-- expect: ok
SELECT affinity.train_recommender('t', 'top.events', kind => 'transition', time_col => 'at'); SELECT affinity.train_recommender('v', 'top.v', kind => 'transition', time_col => 'at'); SELECT affinity.grant_model('t', 'web'); SELECT affinity.grant_model('v', 'web'); SELECT affinity.retrain('t'); SELECT affinity.retrain('v');

-- as web
-- expect: ok
SELECT 1 / (source = 'transition')::int FROM affinity.recommend('v', 3, k => 1);

-- expect: ok
SELECT 1 / (source = 'transition')::int FROM affinity.recommend('t', 3, k => 1);

-- A superuser's model of another's plain table: trained again, asked, and asked by whom it was granted to.
-- as postgres
-- expect: ok
SELECT affinity.train_recommender('hers', 'shop.events', kind => 'transition', time_col => 'at'); SELECT affinity.retrain('hers');

-- expect: ok
SELECT 1 / (source = 'transition')::int FROM affinity.recommend('hers', 3, k => 1);

SELECT affinity.grant_model('hers', 'web');

-- expect: ok
SELECT affinity.retrain('plain');

-- expect: ok
SELECT 1 / (source = 'transition')::int FROM affinity.recommend('plain', 3, k => 1);

-- as web
-- expect: ok
SELECT 1 / (source = 'transition')::int FROM affinity.recommend('hers', 3, k => 1);

-- as postgres
CREATE ROLE roads_team; GRANT roads_team TO ann, web; GRANT USAGE, CREATE ON SCHEMA shop TO roads_team;

-- as ann
CREATE TABLE shop.team AS TABLE shop.events; ALTER TABLE shop.team OWNER TO roads_team;

-- expect: ok
SELECT affinity.train_recommender('team', 'shop.team', kind => 'transition', time_col => 'at'); SELECT affinity.alter_owner('team', 'roads_team');

-- as web
-- expect: ok
SELECT affinity.retrain('team'); SELECT affinity.report('team');
