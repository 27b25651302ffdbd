-- A session has kept its plan; then a function behind the view goes to somebody else, who writes it anew: by ALTER FUNCTION, by REASSIGN OWNED, by dropping it and making it again.

-- as postgres
CREATE SCHEMA lib; GRANT CREATE, USAGE ON SCHEMA lib TO ann, mallory; CREATE ROLE roads_helper; GRANT roads_helper TO postgres; GRANT CREATE, USAGE ON SCHEMA lib TO roads_helper;

-- as ann
CREATE FUNCTION lib.same(n bigint) RETURNS bigint LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, pg_temp AS 'BEGIN RETURN n; END'; CREATE FUNCTION lib.again(n bigint) RETURNS bigint LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, pg_temp AS 'BEGIN RETURN lib.inner(n); END'; CREATE FUNCTION lib.inner(n bigint) RETURNS bigint LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, pg_temp AS 'BEGIN RETURN n; END';

CREATE VIEW shop.v AS SELECT user_id, lib.same(item_id) AS item_id, at FROM shop.events; CREATE VIEW shop.w AS SELECT user_id, lib.again(item_id) AS item_id, at FROM shop.events;

-- expect: ok
SELECT affinity.train_recommender('m', 'shop.v', kind => 'transition', time_col => 'at'); SELECT affinity.train_recommender('w', 'shop.w', kind => 'transition', time_col => 'at'); SELECT affinity.grant_model('m', 'web'); SELECT affinity.grant_model('w', 'web');

-- as web
PREPARE p AS SELECT * FROM affinity.recommend('m', 2);

-- expect: ok
EXECUTE p;

-- expect: ok
SELECT * FROM affinity.recommend('w', 2);

-- as postgres
ALTER FUNCTION lib.same(bigint) OWNER TO mallory; DROP FUNCTION lib.inner(bigint);

-- as mallory
CREATE OR REPLACE FUNCTION lib.same(n bigint) RETURNS bigint LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, pg_temp AS 'BEGIN PERFORM evil.grab(); RETURN n; END'; CREATE FUNCTION lib.inner(n bigint) RETURNS bigint LANGUAGE plpgsql IMMUTABLE AS 'BEGIN PERFORM evil.grab(); RETURN n; END';

-- as web
-- expect: 42501
EXECUTE p;

-- expect: 42501
SELECT * FROM affinity.recommend('w', 2);

-- expect: 42501
SELECT * FROM affinity.recommend_all('w');

-- as postgres
-- expect: 42501
SELECT affinity.retrain('m');

-- expect: 42501
SELECT affinity.retrain('w');

-- expect: 42501
SELECT * FROM affinity.recommend('w', 2);

DROP OWNED BY roads_helper; DROP ROLE roads_helper;
