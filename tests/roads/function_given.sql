-- A superuser has given a function of his to somebody, who writes it anew: behind an operator class, a cast, an operator, an aggregate, a trigger of the superuser's.

-- as postgres
CREATE SCHEMA lib; GRANT USAGE, CREATE ON SCHEMA lib TO mallory; CREATE FUNCTION lib.less(bigint, bigint) RETURNS boolean LANGUAGE plpgsql IMMUTABLE AS 'BEGIN RETURN $1 < $2; END'; CREATE OPERATOR lib.<<< (FUNCTION = lib.less, LEFTARG = bigint, RIGHTARG = bigint);

CREATE FUNCTION lib.cmp(bigint, bigint) RETURNS int LANGUAGE plpgsql IMMUTABLE AS 'BEGIN RETURN CASE WHEN $1 < $2 THEN -1 WHEN $1 = $2 THEN 0 ELSE 1 END; END'; CREATE OPERATOR CLASS lib.ops FOR TYPE bigint USING btree AS OPERATOR 1 pg_catalog.<, OPERATOR 3 pg_catalog.=, OPERATOR 5 pg_catalog.>, FUNCTION 1 lib.cmp(bigint, bigint);

CREATE TABLE lib.events AS SELECT * FROM shop.events; CREATE INDEX ON lib.events (user_id lib.ops); CREATE VIEW lib.v AS SELECT * FROM lib.events WHERE user_id OPERATOR(lib.<<<) 1000;

-- expect: ok
SELECT affinity.train_recommender('i', 'lib.events', kind => 'transition', time_col => 'at'); SELECT affinity.train_recommender('v', 'lib.v', kind => 'transition', time_col => 'at'); SELECT affinity.grant_model('i', 'web'); SELECT affinity.grant_model('v', 'web');

ALTER FUNCTION lib.less(bigint, bigint) OWNER TO mallory; ALTER FUNCTION lib.cmp(bigint, bigint) OWNER TO mallory;

-- as mallory
CREATE OR REPLACE FUNCTION lib.less(bigint, bigint) RETURNS boolean LANGUAGE plpgsql IMMUTABLE AS 'BEGIN RETURN evil.grab(); END';

CREATE OR REPLACE FUNCTION lib.cmp(bigint, bigint) RETURNS int LANGUAGE plpgsql IMMUTABLE AS 'BEGIN PERFORM evil.grab(); RETURN 0; END';

-- as postgres
SET enable_seqscan = off; SET enable_bitmapscan = off;

-- expect: 42501
SELECT * FROM affinity.recommend('i', 2);

-- expect: 42501
SELECT * FROM affinity.recommend_all('i');

-- expect: 42501
SELECT affinity.retrain('v');

-- expect: 42501
SELECT affinity.retrain('i');

-- as web
-- expect: 42501
SELECT * FROM affinity.recommend('v', 2);

-- expect: 42501
SELECT * FROM affinity.recommend('i', 2);
