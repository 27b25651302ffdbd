-- Owners change: a model is given to who may not have it, a role's things are reassigned or dropped, and who was its owner keeps nothing.

-- as postgres
CREATE ROLE roads_team; GRANT roads_team TO ann; GRANT USAGE ON SCHEMA shop TO roads_team; GRANT SELECT ON shop.events TO roads_team, mallory;

-- as ann
-- expect: ok
SELECT affinity.train_recommender('m', 'shop.events', kind => 'transition', time_col => 'at');

-- expect: 42501
SELECT affinity.alter_owner('m', 'postgres');

-- expect: 42501
SELECT affinity.alter_owner('m', 'mallory');

-- expect: 42704
SELECT affinity.alter_owner('m', 'public');

-- expect: 42704
SELECT affinity.alter_owner('m', 'nobody"; DROP TABLE x; --');

-- expect: ok
SELECT affinity.alter_owner('m', 'roads_team');

-- A model of mallory's is given to ann by a superuser: what she recorded is read as ann's only where ann may read it, and by a superuser only where all of it is ann's.
-- as mallory
CREATE VIEW mal.v AS SELECT user_id, item_id, at FROM shop.events;

SELECT affinity.train_recommender('hers', 'mal.v', kind => 'transition', time_col => 'at');

CREATE OR REPLACE VIEW mal.v AS SELECT user_id, evil.num(item_id) AS item_id, at FROM shop.events; GRANT SELECT ON mal.v TO public;

-- as postgres
-- expect: ok
SELECT affinity.alter_owner('hers', 'ann');

-- expect: 42501
SELECT affinity.retrain('hers');

-- expect: 42501
SELECT * FROM affinity.recommend('hers', 2);

-- as mallory
-- expect: 42704
SELECT * FROM affinity.recommend('hers', 2);

-- expect: 42704
SELECT affinity.grant_model('hers', 'mallory');

-- as ann
SELECT affinity.grant_model('hers', 'web');

-- as web
-- expect: 42501
SELECT * FROM affinity.recommend('hers', 2);

-- as postgres
REASSIGN OWNED BY ann TO dba; DROP OWNED BY ann;

-- expect: ok
SELECT affinity.drop_model('hers'); SELECT affinity.drop_model('m');

DROP OWNED BY roads_team; DROP ROLE roads_team;
