-- The lock on the relation goes with a subtransaction that fails; what was found out about the relation before must not hold after it, when somebody has put another one in
-- its place in the middle of the statement.

-- as postgres
GRANT CREATE ON SCHEMA shop TO mallory; GRANT SELECT ON shop.events TO mallory;

-- as ann
CREATE TABLE shop.mine AS TABLE shop.events;

-- expect: ok
SELECT affinity.train_recommender('m', 'shop.mine', kind => 'transition', time_col => 'at'); SELECT affinity.grant_model('m', 'web');

-- as postgres
CREATE FUNCTION public.again(n int) RETURNS bigint LANGUAGE plpgsql STABLE AS $$ DECLARE c bigint := 0; BEGIN FOR i IN 1 .. n LOOP BEGIN c := c + (SELECT count(*) FROM affinity.recommend('m', i % 40)); RAISE division_by_zero; EXCEPTION WHEN division_by_zero THEN PERFORM pg_sleep(0.001); WHEN OTHERS THEN END; END LOOP; RETURN c; END $$;

-- meanwhile ann
ALTER TABLE IF EXISTS shop.mine RENAME TO away;; SELECT pg_sleep(0.004);; ALTER TABLE shop.away RENAME TO mine;; SELECT pg_sleep(0.004)

-- meanwhile mallory
CREATE VIEW shop.mine AS SELECT user_id, evil.num(item_id) AS item_id, at FROM shop.events;; SELECT pg_sleep(0.002);; DROP VIEW shop.mine

-- as web
SELECT public.again(1000);

-- as postgres
SELECT public.again(1000);
