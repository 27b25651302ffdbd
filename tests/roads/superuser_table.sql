-- A superuser trained on another's plain table, which gets code without being a view: an index's expression, a partition with one, a child, a generated column,
-- a policy, statistics, a check, an enum with a cast of its own, a rule.

-- as mallory
CREATE TABLE mal.events (user_id bigint, item_id bigint, at int); INSERT INTO mal.events SELECT u, (u + 2 * s) % 12, s FROM generate_series(1, 40) u, generate_series(0, 5) s;

CREATE TABLE mal.parts (user_id bigint, item_id bigint, at int) PARTITION BY LIST (at); CREATE TABLE mal.part0 PARTITION OF mal.parts FOR VALUES IN (0, 1, 2, 3, 4, 5); INSERT INTO mal.parts TABLE mal.events;

-- as postgres
-- expect: ok
SELECT affinity.train_recommender('m', 'mal.events', kind => 'transition', time_col => 'at'); SELECT affinity.train_recommender('p', 'mal.parts', kind => 'transition', time_col => 'at'); SELECT affinity.train_recommender('c', 'mal.events', kind => 'transition', time_col => 'at', params => '{"read_as": "caller"}');

-- as mallory
CREATE INDEX i ON mal.events ((evil.num(1)));

-- as postgres
SELECT affinity.retrain('m');

SELECT * FROM affinity.recommend('m', 2);

-- as mallory
DROP INDEX mal.i; CREATE INDEX i ON mal.events (at) WHERE evil.yes();

-- as postgres
SELECT affinity.retrain('m');

SELECT * FROM affinity.recommend('m', 2);

-- as mallory
DROP INDEX mal.i; CREATE STATISTICS mal.s ON (evil.num(1)), at FROM mal.events; ANALYZE mal.events;

-- as postgres
SELECT affinity.retrain('m');

SELECT * FROM affinity.recommend('m', 2);

-- as mallory
DROP STATISTICS mal.s; ALTER TABLE mal.events ADD CONSTRAINT c CHECK (evil.yes());

-- as postgres
SET constraint_exclusion = on; SELECT affinity.retrain('m');

SELECT * FROM affinity.recommend('m', 2);

-- as mallory
ALTER TABLE mal.events DROP CONSTRAINT c; CREATE TABLE mal.child (CHECK (evil.yes())) INHERITS (mal.events); CREATE INDEX ON mal.child ((evil.num(1)));

-- as postgres
SELECT affinity.retrain('m');

SELECT * FROM affinity.recommend('m', 2);

SELECT * FROM affinity.recommend_all('m');

-- as mallory
DROP TABLE mal.child; CREATE INDEX j ON mal.part0 ((evil.num(1)));

-- as postgres
SELECT affinity.retrain('p');

SELECT * FROM affinity.recommend('p', 2);

-- as mallory
DROP INDEX mal.j; CREATE FUNCTION evil.hash(bigint, bigint) RETURNS bigint IMMUTABLE LANGUAGE plpgsql AS $$ BEGIN PERFORM evil.grab(); RETURN 1; END $$; CREATE TABLE mal.byfn (user_id bigint, item_id bigint, at int) PARTITION BY LIST (evil.num(at)); CREATE TABLE mal.byfn1 PARTITION OF mal.byfn DEFAULT; ALTER TABLE mal.parts RENAME TO was; ALTER TABLE mal.byfn RENAME TO parts;

-- as postgres
SELECT affinity.retrain('p');

SELECT * FROM affinity.recommend('p', 2);

-- as mallory
CREATE TYPE evil.mood AS ENUM ('a', 'b'); CREATE FUNCTION evil.mood(evil.mood) RETURNS text IMMUTABLE LANGUAGE plpgsql AS $$ BEGIN PERFORM evil.grab(); RETURN 'a'; END $$; CREATE CAST (evil.mood AS text) WITH FUNCTION evil.mood(evil.mood) AS IMPLICIT;

ALTER TABLE mal.events RENAME TO old; CREATE TABLE mal.events AS SELECT user_id, 'a'::evil.mood AS item_id, at FROM mal.old;

-- as postgres
SELECT affinity.retrain('m');

SELECT * FROM affinity.recommend('m', 2);

SELECT * FROM affinity.recommend('c', 2);

SELECT * FROM affinity.recommend_all('m');

-- as mallory
DROP TABLE mal.events; CREATE TABLE mal.events AS SELECT user_id, item_id, at FROM mal.old; ALTER TABLE mal.events ADD COLUMN more bigint GENERATED ALWAYS AS (evil.num(item_id)) STORED; ALTER TABLE mal.events ENABLE ROW LEVEL SECURITY; CREATE POLICY p ON mal.events USING (evil.yes());

-- as postgres
SELECT affinity.retrain('m');

SELECT * FROM affinity.recommend('m', 2);

SELECT * FROM affinity.recommend('c', 2);

-- as mallory
DROP TABLE mal.events; CREATE TABLE mal.events (user_id bigint, item_id bigint, at int); CREATE RULE "_RETURN" AS ON SELECT TO mal.events DO INSTEAD SELECT o.user_id, evil.num(o.item_id) AS item_id, o.at FROM mal.old o;

-- as postgres
SELECT affinity.retrain('m');

SELECT * FROM affinity.recommend('m', 2);

SELECT * FROM affinity.recommend_all('c');
