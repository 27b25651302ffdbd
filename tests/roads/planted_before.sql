-- While anybody could create in public, a stranger left a function there that a function of the owner's calls by a bare name. Its body would be written into the query, so that nobody
-- is told of it.
-- Closed: names that are looked up where others could put something are refused; of a path that is closed by now, each function is asked for before it runs.

-- as postgres
GRANT CREATE ON SCHEMA public TO public;

-- as mallory
SET check_function_bodies = off; CREATE TABLE mal.seen (who text); GRANT ALL ON mal.seen TO public; CREATE FUNCTION mal.write() RETURNS TABLE (n int) LANGUAGE sql STABLE AS $$ WITH x AS (INSERT INTO mal.seen SELECT current_user RETURNING 1) SELECT 1 FROM x $$;

CREATE FUNCTION public.total(i bigint) RETURNS bigint LANGUAGE sql VOLATILE AS $$ SELECT i + 0 * length(query_to_xml('SELECT * FROM mal.write()', true, true, '')::text) $$;

-- as postgres
REVOKE CREATE ON SCHEMA public FROM public; ALTER SCHEMA public OWNER TO postgres;

-- as ann
CREATE FUNCTION shop.sum_of(i bigint) RETURNS bigint LANGUAGE plpgsql AS $$ BEGIN RETURN i; END $$; CREATE VIEW shop.sums AS SELECT user_id, shop.sum_of(item_id) AS item_id, at FROM shop.events;

-- expect: ok
SELECT affinity.train_recommender('m', 'shop.sums', kind => 'transition', time_col => 'at'); SELECT affinity.grant_model('m', 'mallory');

CREATE OR REPLACE FUNCTION shop.sum_of(i bigint) RETURNS bigint LANGUAGE plpgsql AS $$ BEGIN RETURN total(i); END $$;

-- as mallory
-- expect: 42501
SELECT * FROM affinity.recommend('m', 2, k => 3);

-- as ann
ALTER FUNCTION shop.sum_of SET search_path = public, pg_temp;

-- as mallory
-- expect: 42501
SELECT * FROM affinity.recommend('m', 2, k => 3);

-- as ann
CREATE OR REPLACE FUNCTION shop.sum_of(i bigint) RETURNS bigint LANGUAGE sql AS $$ SELECT public.total(i) $$;

-- as mallory
-- expect: 42501
SELECT * FROM affinity.recommend('m', 2, k => 3);

-- expect: none
SELECT * FROM mal.seen WHERE who <> 'mallory';
