-- What must go on working: after a reader's list the session plans as before. Postgres keeps the expressions of indexes and partitions as they were simplified first.

-- as ann
CREATE TABLE shop.ev AS SELECT 'U' || u AS u, ((u * i) % 50)::bigint AS item_id FROM generate_series(1, 3000) u, generate_series(1, 8) i; CREATE FUNCTION shop.norm(s text) RETURNS text LANGUAGE sql IMMUTABLE AS $$ SELECT lower(s) $$; CREATE UNIQUE INDEX ON shop.ev (shop.norm(u), item_id) WHERE shop.norm(u) = 'zzz'; CREATE INDEX ev_norm ON shop.ev (shop.norm(u)); ANALYZE shop.ev; CREATE VIEW shop.by_name AS SELECT shop.norm(u) AS user_id, item_id FROM shop.ev; GRANT SELECT, INSERT ON shop.ev, shop.by_name TO web;

-- expect: ok
SELECT affinity.train_recommender('n', 'shop.by_name', kind => 'item_knn'); SELECT affinity.grant_model('n', 'web', 'lists');

-- as web
-- expect: ok
SELECT 1 / (count(*) > 0)::int FROM affinity.recommend('n', 'u7'::text, k => 2);

-- expect: ok
INSERT INTO shop.ev VALUES ('ZZZ', 1) ON CONFLICT (shop.norm(u), item_id) WHERE shop.norm(u) = 'zzz' DO NOTHING;

-- expect: ok
CREATE FUNCTION pg_temp.plan() RETURNS text LANGUAGE plpgsql AS $$ DECLARE l text; p text := ''; BEGIN FOR l IN EXPLAIN SELECT * FROM shop.ev WHERE shop.norm(u) = 'u7' LOOP p := p || l; END LOOP; RETURN p; END $$; SELECT 1 / (pg_temp.plan() ~ 'ev_norm')::int;
