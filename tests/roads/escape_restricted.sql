-- Code of the owner runs as the owner inside a superuser's statement, as it may, and tries to get out: by roles, settings, prepared statements, cursors, temporary
-- objects, deferred triggers, errors, subtransactions, recursion.

-- as mallory
CREATE TABLE mal.log (x int); CREATE FUNCTION mal.trip() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM evil.grab(); RETURN NEW; END $$; CREATE CONSTRAINT TRIGGER t AFTER INSERT ON mal.log DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION mal.trip();

CREATE TABLE mal.base AS SELECT u::bigint AS user_id, ((u + 2 * s) % 12)::bigint AS item_id, s AS at FROM generate_series(1, 40) u, generate_series(0, 5) s;

CREATE FUNCTION mal.out(what text) RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN BEGIN EXECUTE what; EXCEPTION WHEN OTHERS THEN END; RETURN true; END $$;

CREATE VIEW mal.events AS SELECT * FROM mal.base WHERE user_id <> 1 OR (mal.out('RESET ROLE; SELECT evil.grab()') AND mal.out('SET SESSION AUTHORIZATION postgres; SELECT evil.grab()') AND mal.out('SET ROLE postgres; SELECT evil.grab()')
    AND mal.out('RESET SESSION AUTHORIZATION; SELECT evil.grab()') AND mal.out('INSERT INTO mal.log VALUES (1)') AND mal.out('SET CONSTRAINTS ALL IMMEDIATE') AND mal.out('CREATE TEMP TABLE pg_class (x int)') AND mal.out('DECLARE c CURSOR WITH HOLD FOR SELECT evil.grab()')
    AND mal.out('PREPARE recommend AS SELECT evil.grab()') AND mal.out('SET search_path = evil, pg_catalog') AND mal.out('SELECT set_config(''search_path'', ''evil'', false)') AND mal.out('LISTEN x') AND mal.out('COMMIT') AND mal.out('SET session_replication_role = replica')
    AND mal.out('SET local_preload_libraries = ''evil''') AND mal.out('SET default_tablespace = x') AND mal.out('DISCARD ALL') AND mal.out('DO ''BEGIN PERFORM evil.grab(); END''') AND mal.out('CREATE FUNCTION pg_temp.f() RETURNS int LANGUAGE sql AS ''SELECT 1''')
    AND mal.out('SELECT lo_export(1, ''/tmp/x'')') AND mal.out('SELECT affinity.grant_model(''p'', ''mallory'')') AND mal.out('SELECT affinity.drop_model(''p'')'));

-- expect: ok
SELECT affinity.train_recommender('m', 'mal.events', kind => 'transition', time_col => 'at');

SELECT affinity.grant_model('m', 'public');

-- as postgres
SELECT affinity.train_recommender('p', 'shop.events', kind => 'popularity');

SELECT * FROM affinity.recommend('m', 1);

SELECT * FROM affinity.recommend_all('m');

SELECT affinity.retrain('m');

SELECT affinity.report('m');

BEGIN; SELECT * FROM affinity.recommend('m', 1); COMMIT;

-- expect: ok
SELECT 1 / (current_user = 'postgres' AND current_setting('search_path') = '"$user", public')::int;

SELECT evil.word(current_user) WHERE current_user <> 'postgres';

-- as mallory
-- expect: none
SELECT model FROM affinity.models WHERE model = 'p';

-- An error, a recursion without end, and a view of a thousand views.
CREATE FUNCTION mal.deep(n int) RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN RETURN mal.deep(n + 1); END $$;

CREATE OR REPLACE VIEW mal.events AS SELECT * FROM mal.base WHERE mal.deep(1);

-- as postgres
-- expect: 54001
SELECT * FROM affinity.recommend('m', 1);

-- expect: 54001
SELECT affinity.retrain('m');

-- expect: ok
SELECT 1 / (current_user = 'postgres' AND current_setting('search_path') = '"$user", public')::int;

-- as mallory
CREATE OR REPLACE VIEW mal.events AS SELECT * FROM mal.base WHERE 1 / (user_id - user_id) = 1;

DO $$ BEGIN FOR i IN 1 .. 300 LOOP EXECUTE format('CREATE VIEW mal.v%s AS SELECT * FROM mal.%s', i, CASE i WHEN 1 THEN 'base' ELSE 'v' || i - 1 END); END LOOP; END $$;

-- as postgres
-- expect: 22012
SELECT * FROM affinity.recommend('m', 1);

DO $$ BEGIN PERFORM * FROM affinity.recommend('m', 1); EXCEPTION WHEN OTHERS THEN RAISE NOTICE 'as %', current_user; END $$;

-- expect: ok
SELECT 1 / (current_user = 'postgres' AND current_setting('search_path') = '"$user", public')::int;

-- as mallory
CREATE OR REPLACE VIEW mal.events AS SELECT * FROM mal.v300;

-- as postgres
SELECT * FROM affinity.recommend('m', 1);

-- expect: ok
SELECT 1;
