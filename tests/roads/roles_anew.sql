-- A role is dropped and made again under its name, or another takes its name: the new one inherits neither the models nor the grants of the old one.

-- as postgres
CREATE ROLE roads_old LOGIN; GRANT SELECT ON shop.events TO roads_old; CREATE ROLE roads_reader LOGIN; GRANT SELECT ON shop.events TO mallory;

-- as roads_old
-- expect: ok
SELECT affinity.train_recommender('m', 'shop.events', kind => 'transition', time_col => 'at');

-- expect: ok
SELECT affinity.grant_model('m', 'roads_reader');

-- as ann
SELECT affinity.train_recommender('hers', 'shop.events', kind => 'transition', time_col => 'at'); SELECT affinity.grant_model('hers', 'roads_reader');

-- as postgres
DROP OWNED BY roads_old; DROP ROLE roads_old; ALTER ROLE mallory RENAME TO roads_old; DROP ROLE roads_reader; ALTER ROLE web RENAME TO roads_reader; CREATE ROLE mallory LOGIN; CREATE ROLE web LOGIN;

-- as mallory
-- expect: none
SELECT * FROM affinity.models;

-- A new session of the same roles under their new names.
-- as roads_reader
-- expect: 42704
SELECT * FROM affinity.recommend('m', 2);

-- expect: 42704
SELECT * FROM affinity.recommend('hers', 2);

-- expect: none
SELECT * FROM affinity.models;

-- expect: none
SELECT * FROM affinity.versions;

-- expect: none
SELECT * FROM affinity.weights;

-- as ann
-- The grant of another role goes on; that of the one that is gone does not come back with it.
SELECT affinity.grant_model('hers', 'dba');

-- as roads_reader
-- expect: 42704
SELECT * FROM affinity.recommend('hers', 2);

-- expect: 42704
SELECT affinity.retrain('m');

-- expect: 42704
SELECT affinity.drop_model('m');

-- expect: 42710
SELECT affinity.train_recommender('m', 'shop.events', kind => 'popularity');

-- as postgres
-- expect: 42704
SELECT affinity.retrain('m');

-- expect: 42704
SELECT * FROM affinity.recommend('m', 2);

-- expect: ok
SELECT affinity.alter_owner('m', 'ann');

-- as ann
-- expect: ok
SELECT * FROM affinity.recommend('m', 2); 

-- as postgres
ALTER ROLE roads_old RENAME TO roads_gone; ALTER ROLE roads_reader RENAME TO roads_gone2;
