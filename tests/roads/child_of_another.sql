-- A superuser, or a group's member, makes another's table a child or a partition of the owner's: who owns the child puts code behind it.

-- as ann
CREATE TABLE shop.all_events (user_id bigint, item_id bigint, at int); INSERT INTO shop.all_events SELECT user_id, item_id, at FROM shop.events; CREATE TABLE shop.parts (user_id bigint, item_id bigint, at int) PARTITION BY LIST (at); CREATE TABLE shop.part0 PARTITION OF shop.parts FOR VALUES IN (0, 1, 2, 3, 4, 5); INSERT INTO shop.parts SELECT user_id, item_id, at FROM shop.events;

-- expect: ok
SELECT affinity.train_recommender('m', 'shop.all_events', kind => 'transition', time_col => 'at'); SELECT affinity.grant_model('m', 'web'); SELECT affinity.train_recommender('p', 'shop.parts', kind => 'transition', time_col => 'at'); SELECT affinity.grant_model('p', 'web');

-- as mallory
CREATE TABLE mal.child (user_id bigint, item_id bigint, at int); CREATE TABLE mal.part (user_id bigint, item_id bigint, at int);

-- as postgres
ALTER TABLE mal.child INHERIT shop.all_events; ALTER TABLE shop.parts ATTACH PARTITION mal.part FOR VALUES IN (9);

-- as mallory
CREATE INDEX ON mal.child ((evil.num(1))); CREATE INDEX ON mal.part ((evil.num(1)));

-- as web
-- expect: 42501
SELECT * FROM affinity.recommend('m', 2);

-- expect: 42501
SELECT * FROM affinity.recommend('p', 2);

-- as postgres
-- expect: 42501
SELECT affinity.retrain('m');

-- expect: 42501
SELECT affinity.retrain('p');

-- A partition by itself is no more than itself: the parent is not read with it.
-- as ann
-- expect: ok
SELECT affinity.train_recommender('q', 'shop.part0', kind => 'transition', time_col => 'at'); SELECT affinity.grant_model('q', 'web');

-- as web
-- expect: ok
SELECT * FROM affinity.recommend('q', 2);
