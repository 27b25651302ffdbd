-- A granted reader's temporary view, which a function of the owner's finds by a bare name, holds what the planner evaluates for its estimates, before anybody asks whether it may be read:
-- what it reads comes out in an error's text.
-- Closed: nothing is read for another while the session has anything temporary that code could stand behind.

-- author web

-- as ann
CREATE TABLE shop.secrets AS SELECT 'of ann'::text AS s;

SET search_path = shop; CREATE TABLE shop.config AS SELECT g::bigint AS k FROM generate_series(0, 20) g; CREATE FUNCTION shop.wanted(i bigint) RETURNS bigint LANGUAGE sql STABLE AS 'SELECT max(k) FROM config WHERE k = i'; CREATE VIEW shop.wanted_events AS SELECT user_id, item_id, at FROM shop.events WHERE shop.wanted(item_id) IS NOT NULL;

-- expect: ok
SET search_path = shop; SELECT affinity.train_recommender('m', 'shop.wanted_events', kind => 'transition', time_col => 'at'); SELECT affinity.grant_model('m', 'web');

-- as web
-- expect: ok
SELECT 1 / (count(*) > 0)::int FROM affinity.recommend('m', 3, k => 1);

-- as ann
DROP TABLE shop.config;

-- as web
CREATE TABLE evil.hundred AS SELECT g AS id FROM generate_series(1, 100) g; ANALYZE evil.hundred; CREATE FUNCTION evil.read() RETURNS TABLE (a int) LANGUAGE sql STABLE AS $$ SELECT 1 / (0 * length(current_user || ' reads: ' || evil.grab()))::int $$;

CREATE VIEW evil.with_code AS SELECT * FROM evil.read(); CREATE TEMP VIEW config AS SELECT id::bigint AS k FROM evil.hundred WHERE id < length(table_to_xml('evil.with_code'::regclass, true, true, '')::text); GRANT SELECT ON config, evil.with_code, evil.hundred TO public;

-- expect: 42501
SELECT * FROM affinity.recommend('m', 2, k => 2);
