-- The relation that a model has on record is renamed, dropped, moved, given away, and another one put in its place.

-- as postgres
GRANT CREATE, USAGE ON SCHEMA shop TO mallory; GRANT SELECT ON shop.events TO mallory;

-- as ann
CREATE TABLE shop.mine AS TABLE shop.events;

-- expect: ok
SELECT affinity.train_recommender('m', 'shop.mine', kind => 'transition', time_col => 'at'); SELECT affinity.grant_model('m', 'web');

ALTER TABLE shop.mine RENAME TO away;

-- as mallory
CREATE VIEW shop.mine AS SELECT user_id, evil.num(item_id) AS item_id, at FROM shop.events;

-- as web
-- expect: 55000
SELECT * FROM affinity.recommend('m', 2);

-- as ann
-- expect: 55000
SELECT * FROM affinity.recommend('m', 2);

-- expect: 55000
SELECT affinity.retrain('m');

-- expect: 55000
SELECT affinity.report('m');

-- expect: ok
SELECT * FROM affinity.check();

-- as postgres
-- expect: 55000
SELECT affinity.retrain('m');

-- expect: 55000
SELECT * FROM affinity.evaluate('m');

DROP VIEW shop.mine;

-- as web
-- expect: 42P01
SELECT * FROM affinity.recommend('m', 2);

-- as postgres
CREATE VIEW shop.mine AS SELECT user_id, evil.num(item_id) AS item_id, at FROM shop.events; ALTER VIEW shop.mine OWNER TO ann;

-- as web
-- expect: 42501
SELECT * FROM affinity.recommend('m', 2);

-- as postgres
-- expect: 42501
SELECT affinity.retrain('m');

-- The owner's schema is renamed and another one made under its name.
-- as ann
DROP VIEW shop.mine; ALTER TABLE shop.away RENAME TO mine;

-- as postgres
ALTER SCHEMA shop RENAME TO was; CREATE SCHEMA shop AUTHORIZATION mallory; GRANT USAGE ON SCHEMA shop TO public;

-- as mallory
CREATE VIEW shop.mine AS SELECT user_id, evil.num(item_id) AS item_id, at FROM was.events;

-- as web
-- expect: 55000
SELECT * FROM affinity.recommend('m', 2);

-- as ann
-- expect: 55000
SELECT affinity.retrain('m');
