-- Somebody once had CREATE in the owner's schema and left a better match for a bare name there.
-- Closed: what runs for another is the reader's or a superuser's.

-- as ann
GRANT CREATE ON SCHEMA shop TO mallory;

-- as mallory
CREATE FUNCTION shop.round(float8, int) RETURNS numeric LANGUAGE plpgsql AS $$ BEGIN PERFORM evil.grab(); RETURN 1; END $$;

-- as ann
REVOKE CREATE ON SCHEMA shop FROM mallory;

CREATE FUNCTION shop.size(x bigint) RETURNS numeric LANGUAGE plpgsql STABLE AS $$ BEGIN RETURN round(x::float8, 0); EXCEPTION WHEN undefined_function THEN RETURN 1; END $$;

CREATE VIEW shop.sized AS SELECT user_id, item_id, at FROM shop.events;

-- expect: ok
SET search_path = shop; SELECT affinity.train_recommender('m', 'shop.sized', kind => 'transition', time_col => 'at'); SELECT affinity.grant_model('m', 'mallory');

CREATE OR REPLACE VIEW shop.sized AS SELECT user_id, item_id, at FROM shop.events WHERE shop.size(item_id) IS NOT NULL;

-- as mallory
SELECT * FROM affinity.recommend('m', 2);

SELECT * FROM affinity.recommend_all('m');
