-- affinity.max_stored bounds what a role keeps: by many models, many versions, savepoints, or a setting of its own it stores no more.

-- as postgres
ALTER DATABASE affinity_roads SET affinity.max_stored = 1; GRANT SELECT ON shop.events TO mallory;

-- as mallory
-- Before the library is loaded it is a name like any other, and is refused when it is.
SET affinity.max_stored = -1;

CREATE TABLE mal.wide AS SELECT u::bigint AS user_id, (u * 7919 % 30011)::bigint AS item_id, 1 AS at FROM generate_series(1, 60000) u;

DO $$ BEGIN FOR i IN 1 .. 12 LOOP BEGIN PERFORM affinity.train_recommender('w' || i, 'mal.wide', kind => 'popularity', time_col => 'at', params => '{"holdout": 0}'); EXCEPTION WHEN configuration_limit_exceeded THEN NULL; END; END LOOP; END $$;

-- expect: none
SELECT sum(bytes) FROM affinity.models HAVING sum(bytes) > 1048576;

BEGIN; SAVEPOINT a;

SELECT affinity.train_recommender('v1', 'mal.wide', kind => 'popularity', time_col => 'at'); 

SAVEPOINT b; SELECT affinity.train_recommender('v2', 'mal.wide', kind => 'popularity', time_col => 'at');

ROLLBACK TO b; RELEASE a; COMMIT;

-- as postgres
-- expect: none
SELECT owner, sum(bytes) FROM affinity.stored_versions GROUP BY 1 HAVING sum(bytes) > 1048576 AND owner = 'mallory';

-- expect: none
SELECT sum(length(w.data)) FROM affinity.stored_weights w JOIN affinity.stored_models m ON m.id = w.model_id AND m.owner = 'mallory' HAVING sum(length(w.data)) > 1048576;
