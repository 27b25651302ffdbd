-- Nothing that is called runs DDL as the extension's owner, so that no event trigger is met on the way, also one whose function was given to somebody.

-- as postgres
CREATE SCHEMA lib; GRANT CREATE, USAGE ON SCHEMA lib TO mallory; CREATE FUNCTION lib.seen() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN END'; CREATE EVENT TRIGGER seen ON ddl_command_start EXECUTE FUNCTION lib.seen(); CREATE EVENT TRIGGER dropped ON sql_drop EXECUTE FUNCTION lib.seen();

-- as mallory
SELECT 1;

-- as postgres
ALTER FUNCTION lib.seen() OWNER TO mallory;

-- as mallory
SELECT affinity.version();

-- The trigger's own fault is not ours: the function is written anew without DDL of a superuser after it.
CREATE OR REPLACE FUNCTION lib.seen() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM evil.grab(); END $$;

-- as ann
-- expect: ok
SELECT affinity.train_recommender('m', 'shop.events', kind => 'transition', time_col => 'at'); SELECT affinity.retrain('m'); SELECT affinity.grant_model('m', 'web'); SELECT affinity.revoke_model('m', 'web'); SELECT affinity.report('m'); SELECT * FROM affinity.recommend('m', 2);

-- as postgres
-- expect: ok
SELECT affinity.retrain('m'); SELECT affinity.alter_owner('m', 'web'); SELECT * FROM affinity.check(); SELECT affinity.drop_model('m');
