-- A granted reader has a temporary table with a trigger of the name that the owner's function writes to by a bare name, a temporary table that tells it other things than
-- hers, and a temporary type with a check.
-- Closed: nothing temporary is read while the model's owner reads for somebody else.

-- author web

-- as dba
CREATE SCHEMA common; GRANT USAGE, CREATE ON SCHEMA common TO ann;

-- as ann
CREATE TABLE common.log (x int); CREATE TABLE common.allowed AS SELECT 1::bigint AS u; CREATE DOMAIN common.word AS text;

CREATE FUNCTION shop.note(t text) RETURNS boolean LANGUAGE plpgsql VOLATILE AS $$ BEGIN INSERT INTO log VALUES (1); RETURN t::word = 'view'; END $$;

CREATE FUNCTION shop.may(u bigint) RETURNS boolean LANGUAGE plpgsql STABLE AS $$ BEGIN RETURN EXISTS (SELECT FROM allowed a WHERE a.u = may.u); END $$;

CREATE VIEW shop.noted AS SELECT * FROM shop.events WHERE shop.note(what); CREATE VIEW shop.some AS SELECT * FROM shop.events WHERE shop.may(user_id) OR at > 0;

-- expect: ok
SET search_path = common; SELECT affinity.train_recommender('m', 'shop.noted', kind => 'transition', time_col => 'at'); SELECT affinity.train_recommender('s', 'shop.some', kind => 'transition', time_col => 'at');

SELECT affinity.grant_model('m', 'web'); SELECT affinity.grant_model('s', 'web');

-- as web
CREATE TEMP TABLE log (x int DEFAULT evil.num(1)); CREATE FUNCTION evil.trip() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM evil.grab(); RETURN NEW; END $$; CREATE TRIGGER t BEFORE INSERT ON log FOR EACH ROW EXECUTE FUNCTION evil.trip(); GRANT ALL ON log TO public;

CREATE DOMAIN pg_temp.word AS text CHECK (evil.word(VALUE) IS NOT NULL); CREATE TEMP TABLE allowed AS SELECT g::bigint AS u FROM generate_series(1, 100) g; GRANT ALL ON allowed TO public;

-- The system's schema is never searched after a temporary one.
CREATE TEMP VIEW pg_class AS SELECT evil.num(1) AS oid; CREATE TEMP VIEW pg_depend AS SELECT evil.num(1) AS classid; CREATE TEMP VIEW pg_roles AS SELECT evil.num(1) AS oid; GRANT ALL ON pg_class, pg_depend, pg_roles TO public;

SET search_path = pg_temp, evil, pg_catalog;

SELECT * FROM affinity.recommend('m', 2);

SELECT * FROM affinity.recommend_all('m');

-- expect: 42501
SELECT * FROM affinity.recommend('s', 2);

SELECT affinity.report('m');

SELECT * FROM affinity.models;

SELECT affinity.train_recommender('mine', 'allowed', kind => 'popularity', user_col => 'u', item_col => 'u');

SELECT * FROM affinity.check();

-- What is temporary, not named, and no more than a table of plain types does no harm.
-- as ann
-- expect: ok
SELECT affinity.train_recommender('p', 'shop.events', kind => 'transition', time_col => 'at'); SELECT affinity.grant_model('p', 'web');

-- as web
-- expect: 42501
SELECT * FROM affinity.recommend('p', 2), pg_temp.allowed LIMIT 3;

RESET search_path; DISCARD TEMP; CREATE TEMP TABLE allowed AS SELECT g::bigint AS u, 'x' AS word FROM generate_series(1, 100) g; CREATE INDEX ON allowed (u); CREATE TEMP SEQUENCE s;

-- expect: ok
SELECT * FROM affinity.recommend('p', 2), pg_temp.allowed LIMIT 3;
