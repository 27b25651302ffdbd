-- One session is several roles one after another, with prepared statements, kept plans and a cached model: each time the rights of the one that calls count.

-- as postgres
CREATE ROLE roads_app LOGIN; GRANT web, mallory TO roads_app;

-- as ann
-- expect: ok
SELECT affinity.train_recommender('m', 'shop.events', kind => 'transition', time_col => 'at'); SELECT affinity.grant_model('m', 'web');

-- as roads_app
SET ROLE web; PREPARE p AS SELECT * FROM affinity.recommend('m', 2);

-- expect: ok
EXECUTE p;

SET ROLE mallory;

-- expect: 42704
EXECUTE p;

-- expect: 42704
SELECT * FROM affinity.recommend_all('m');

CREATE FUNCTION mal.list() RETURNS bigint LANGUAGE plpgsql AS $$ BEGIN RETURN (SELECT count(*) FROM affinity.recommend('m', 2)); END $$;

-- expect: 42704
SELECT mal.list();

SET ROLE web;

-- expect: ok
SELECT mal.list();

-- as ann
SELECT affinity.revoke_model('m', 'web');

-- as roads_app
-- expect: 42704
EXECUTE p;

-- expect: 42704
SELECT mal.list();

BEGIN; SAVEPOINT s;

SET LOCAL ROLE ann;

ROLLBACK;

-- expect: 42704
EXECUTE p;

-- as ann
CREATE VIEW shop.evil AS SELECT user_id, item_id, at FROM shop.events WHERE set_config('role', 'postgres', false) IS NOT NULL OR true;

SELECT affinity.train_recommender('e', 'shop.evil', kind => 'transition', time_col => 'at');

-- as postgres
SELECT affinity.retrain('e');

-- expect: ok
SELECT 1 / (current_user = 'postgres')::int;

ALTER ROLE roads_app RENAME TO roads_gone;
