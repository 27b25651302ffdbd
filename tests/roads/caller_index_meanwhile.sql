-- The same where the model reads as its caller: who calls is a member of everything but the owner, and the owner writes the code.
-- Closed: each function is asked for when Postgres makes it ready to run, in the planner, too.

-- author ann
-- powerful dba

-- as postgres
ALTER ROLE dba CREATEROLE; GRANT SELECT ON shop.events TO dba, web;

-- as ann
-- expect: ok
SELECT affinity.train_recommender('m', 'shop.events', kind => 'transition', time_col => 'at', params => '{"read_as": "caller"}'); SELECT affinity.grant_model('m', 'public');

-- meanwhile ann
SELECT pg_sleep(0.02);; CREATE INDEX bad ON shop.events ((evil.num(1)));; SELECT pg_sleep(0.01);; DROP INDEX shop.bad

-- as dba
SELECT count(*) FROM generate_series(1, 20000) u, affinity.recommend('m', u % 40, k => 3);

-- as web
SELECT count(*) FROM generate_series(1, 20000) u, affinity.recommend('m', u % 40, k => 3);
