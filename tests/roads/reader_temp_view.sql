-- A granted reader makes a temporary view of a name that a function of the owner's looks up by a bare name: her schema is not among those that are trusted, since
-- somebody else owns it, and pg_temp is on every path. What the view calls would run as she.
-- Closed: what runs for another is the reader's or a superuser's, and nothing temporary is read.

-- author web

-- as dba
CREATE SCHEMA common; GRANT USAGE, CREATE ON SCHEMA common TO ann;

-- as ann
CREATE TABLE common.settings AS SELECT 'view'::text AS what;

CREATE FUNCTION shop.wanted(t text) RETURNS boolean LANGUAGE plpgsql STABLE AS $$ BEGIN RETURN EXISTS (SELECT FROM settings s WHERE s.what = t); END $$;

CREATE VIEW shop.wanted_events AS SELECT * FROM shop.events WHERE shop.wanted(what);

-- expect: ok
SET search_path = common; SELECT affinity.train_recommender('m', 'shop.wanted_events', kind => 'transition', time_col => 'at');

SELECT affinity.grant_model('m', 'web');

-- as web
CREATE FUNCTION evil.settings() RETURNS SETOF text LANGUAGE plpgsql AS $$ BEGIN PERFORM evil.grab(); RETURN NEXT 'view'; END $$;

CREATE TEMP VIEW settings AS SELECT what FROM evil.settings() s(what);

GRANT SELECT ON settings TO public;

SELECT * FROM affinity.recommend('m', 2, k => 3);

SELECT * FROM affinity.recommend_all('m', k => 3);

SELECT affinity.score('m', 2::bigint, 4::bigint);
