-- titles => and items => name a relation of the caller's choice: it is read with the caller's rights, never the owner's; and what an owner recorded as items is part of
-- what is asked before others have it read.

-- as postgres
GRANT SELECT ON shop.events TO mallory;

-- as ann
-- expect: ok
SELECT affinity.train_recommender('m', 'shop.events', kind => 'transition', time_col => 'at'); SELECT affinity.grant_model('m', 'mallory');

-- as mallory
CREATE VIEW mal.titles AS SELECT i::bigint AS item_id, evil.word('t') AS title FROM generate_series(0, 11) i;

SELECT affinity.report('m', titles => 'mal.titles');

SELECT affinity.report('m', titles => 'shop.items');

SELECT * FROM affinity.evaluate('m', 'mal.titles');

CREATE VIEW mal.items AS SELECT i::bigint AS item_id, 'x' || i % 3 AS class FROM generate_series(0, 11) i;

-- expect: ok
SELECT affinity.train_recommender('i', 'shop.events', kind => 'auto', time_col => 'at', items => 'mal.items');

CREATE OR REPLACE VIEW mal.items AS SELECT i::bigint AS item_id, evil.word('x') AS class FROM generate_series(0, 11) i;

SELECT affinity.grant_model('i', 'public');

-- as postgres
SELECT affinity.retrain('i');

SELECT * FROM affinity.recommend('i', 2);

SELECT affinity.report('i');

-- as web
SELECT * FROM affinity.recommend('i', 2);

-- A superuser's model with another's items.
-- as mallory
CREATE VIEW mal.plain AS SELECT i::bigint AS item_id, 'x' || i % 3 AS class FROM generate_series(0, 11) i;

-- as postgres
-- expect: ok
SELECT affinity.train_recommender('p', 'shop.events', kind => 'auto', time_col => 'at', items => 'mal.plain');

-- as mallory
CREATE OR REPLACE VIEW mal.plain AS SELECT i::bigint AS item_id, evil.word('x') AS class FROM generate_series(0, 11) i;

-- as postgres
SELECT affinity.retrain('p');

SELECT affinity.report('p');

SELECT * FROM affinity.recommend('p', 2);
