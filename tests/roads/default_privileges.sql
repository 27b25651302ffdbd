-- The superuser gives by default more on his new tables, schemas and functions than he thinks of: with TRIGGER on the store a trigger would run as the extension's
-- owner, with CREATE in its schema an overload.
-- Closed: the script takes back what was given so.

-- raw

-- as postgres
ALTER DEFAULT PRIVILEGES GRANT ALL ON TABLES TO mallory; ALTER DEFAULT PRIVILEGES GRANT ALL ON TABLES TO public; ALTER DEFAULT PRIVILEGES GRANT ALL ON SCHEMAS TO mallory; ALTER DEFAULT PRIVILEGES GRANT ALL ON FUNCTIONS TO mallory; ALTER DEFAULT PRIVILEGES GRANT ALL ON TYPES TO mallory; ALTER DEFAULT PRIVILEGES GRANT ALL ON TABLES TO dba;

-- expect: ok
CREATE EXTENSION pg_affinity;

-- as mallory
-- expect: 42501
CREATE TRIGGER t BEFORE INSERT ON affinity.stored_models FOR EACH ROW EXECUTE FUNCTION evil.trip();

CREATE FUNCTION evil.trip() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM evil.grab(); RETURN NEW; END $$;

-- expect: 42501
CREATE TRIGGER t BEFORE INSERT ON affinity.stored_models FOR EACH ROW EXECUTE FUNCTION evil.trip();

-- expect: 42501
CREATE TRIGGER t INSTEAD OF INSERT ON affinity.models FOR EACH ROW EXECUTE FUNCTION evil.trip();

-- expect: 42501
INSERT INTO affinity.stored_models (name, owner) VALUES ('x', 'postgres');

-- expect: 42501
CREATE FUNCTION affinity.recommend(text, integer) RETURNS int LANGUAGE sql AS 'SELECT 1';

-- expect: 42501
CREATE FUNCTION affinity_internal.owns(integer) RETURNS boolean LANGUAGE sql AS 'SELECT true';

-- expect: 42501
SELECT * FROM affinity.stored_models;

-- expect: 42501
CREATE TABLE mal.t (id uuid REFERENCES affinity.stored_models (id));

-- expect: 42501
TRUNCATE affinity.stored_weights;

-- as dba
-- expect: 42501
TRUNCATE affinity.stored_weights;

-- expect: 42501
CREATE TRIGGER t BEFORE INSERT ON affinity.stored_models FOR EACH ROW EXECUTE FUNCTION evil.trip();

-- as postgres
-- expect: ok
SELECT affinity.train_recommender('m', 'shop.events', kind => 'popularity');
