-- Columns of another's types: an enum with a cast, a domain with a check, a composite, an array and a range of them, a cast made later; the owner's own table has them.

-- as mallory
CREATE TYPE mal.mood AS ENUM ('a', 'b'); CREATE DOMAIN mal.num AS bigint; CREATE TYPE mal.pair AS (x bigint, y mal.num); CREATE TYPE mal.span AS RANGE (subtype = bigint); GRANT USAGE ON TYPE mal.mood, mal.num, mal.pair, mal.span TO public;

-- as ann
CREATE TABLE shop.typed AS SELECT user_id, item_id::mal.num AS item_id, at, CASE WHEN at % 2 = 0 THEN 'a' ELSE 'b' END::mal.mood AS what, ROW(1, 2)::mal.pair AS pair, ARRAY['a']::mal.mood[] AS moods, '[1,2)'::mal.span AS span FROM shop.events; CREATE TABLE shop.plain AS SELECT user_id, item_id, at, moods FROM shop.typed;

-- expect: ok
SELECT affinity.train_recommender('m', 'shop.typed', kind => 'transition', time_col => 'at', event_col => 'what'); SELECT affinity.grant_model('m', 'web'); SELECT affinity.train_recommender('p', 'shop.plain', kind => 'transition', time_col => 'at'); SELECT affinity.grant_model('p', 'web');

-- as mallory
CREATE FUNCTION mal.text(mal.mood) RETURNS text IMMUTABLE LANGUAGE plpgsql AS $$ BEGIN PERFORM evil.grab(); RETURN 'a'; END $$; CREATE CAST (mal.mood AS text) WITH FUNCTION mal.text(mal.mood) AS IMPLICIT; ALTER DOMAIN mal.num ADD CONSTRAINT c CHECK (evil.num(VALUE) IS NOT NULL) NOT VALID;

-- as web
-- expect: 42501
SELECT * FROM affinity.recommend('m', 2);

-- expect: 42501
SELECT * FROM affinity.recommend_all('m');

-- expect: 42501
SELECT * FROM affinity.recommend('p', 2);

-- as postgres
-- expect: 42501
SELECT affinity.retrain('m');

-- expect: 42501
SELECT affinity.retrain('p');

SELECT * FROM affinity.check();
