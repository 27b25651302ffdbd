-- The owner's table gets and loses a policy, an index, a partition and statistics with her code, while a granted reader and an administrator call her model that reads as its caller, in many short statements.
-- Closed: as for an index.

-- author ann
-- powerful dba

-- as postgres
ALTER ROLE dba CREATEROLE;

-- as ann
CREATE TABLE shop.parts (user_id bigint, item_id bigint, at int) PARTITION BY LIST (at); CREATE TABLE shop.part0 PARTITION OF shop.parts FOR VALUES IN (0, 1, 2, 3, 4, 5); INSERT INTO shop.parts SELECT user_id, item_id, at FROM shop.events; GRANT SELECT ON shop.parts, shop.part0 TO public;

-- expect: ok
SELECT affinity.train_recommender('m', 'shop.parts', kind => 'transition', time_col => 'at', params => '{"read_as": "caller"}'); SELECT affinity.grant_model('m', 'public');

-- meanwhile ann
CREATE TABLE shop.bad (user_id bigint, item_id bigint, at int);; CREATE INDEX ON shop.bad ((evil.num(1)));; ALTER TABLE shop.parts ATTACH PARTITION shop.bad FOR VALUES IN (9);; ALTER TABLE shop.parts DETACH PARTITION shop.bad;; DROP TABLE shop.bad;; CREATE STATISTICS shop.s ON (evil.num(1)), at FROM shop.part0;; DROP STATISTICS shop.s;; ALTER TABLE shop.parts ENABLE ROW LEVEL SECURITY;; CREATE POLICY p ON shop.parts USING (evil.yes());; DROP POLICY p ON shop.parts;; ALTER TABLE shop.parts DISABLE ROW LEVEL SECURITY

-- as dba
DO $$ BEGIN FOR i IN 1 .. 1500 LOOP BEGIN PERFORM * FROM affinity.recommend('m', i % 40); EXCEPTION WHEN OTHERS THEN END; COMMIT; END LOOP; END $$;

-- as web
DO $$ BEGIN FOR i IN 1 .. 1500 LOOP BEGIN PERFORM * FROM affinity.recommend('m', i % 40); EXCEPTION WHEN OTHERS THEN END; COMMIT; END LOOP; END $$;
