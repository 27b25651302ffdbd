-- The database's owner writes rows into the store that name a superuser, or another, as their owner: by INSERT, by COPY, by ON CONFLICT, with the oid said too.
-- Closed: affinity_internal.guard_owner lets a row name only an owner whose rights its writer has; UPDATE is nobody's.

-- as ann
SELECT affinity.train_recommender('hers', 'shop.events', kind => 'transition', time_col => 'at');

-- as dba
CREATE SCHEMA own; CREATE TABLE own.events AS SELECT u::bigint AS user_id, ((u + 2 * s) % 12)::bigint AS item_id, s AS at FROM generate_series(1, 40) u, generate_series(0, 5) s;

-- expect: ok
SELECT affinity.train_recommender('his', 'own.events', kind => 'transition', time_col => 'at');

INSERT INTO affinity.stored_models (id, name, owner, owner_oid, deployed, last_version) SELECT gen_random_uuid(), 'forged', 'postgres', 10, 1, 1;

INSERT INTO affinity.stored_models (id, name, owner, readers) SELECT gen_random_uuid(), 'forged2', 'ann', '{public}';

INSERT INTO affinity.stored_versions SELECT m.id, 1, 'postgres', 10, kind, v.created, replace(call::text, 'own', 'shop')::json, params, state, rows_used, rows_skipped, seconds, metrics, evaluated, bytes, digest, call_digest FROM affinity.stored_versions v, affinity.stored_models m WHERE m.name = 'forged';

INSERT INTO affinity.stored_versions SELECT m.id, 2, 'ann', m.owner_oid, kind, v.created, call, params, state, rows_used, rows_skipped, seconds, metrics, evaluated, bytes, digest, call_digest FROM affinity.stored_versions v, affinity.stored_models m WHERE m.name = 'hers' AND v.owner = 'dba';

-- expect: 42501
UPDATE affinity.stored_models SET owner = 'postgres';

-- expect: 42501
DELETE FROM affinity.stored_models;

-- expect: 42501
INSERT INTO affinity.stored_models (name, owner) VALUES ('hers', 'dba') ON CONFLICT (name) DO UPDATE SET owner = 'dba', readers = '{public}';

-- expect: 42501
CREATE TRIGGER t BEFORE INSERT ON affinity.stored_models FOR EACH ROW EXECUTE FUNCTION evil.grab();

-- expect: 42501
ALTER TABLE affinity.stored_models DISABLE TRIGGER ALL;

-- expect: 42501
SET session_replication_role = replica;

-- expect: 42501
CREATE RULE r AS ON INSERT TO affinity.stored_models DO ALSO SELECT evil.grab();

-- expect: 42501
CREATE TABLE own.child () INHERITS (affinity.stored_models);

-- expect: 42501
CREATE TABLE own.refers (id uuid REFERENCES affinity.stored_models (id));

-- expect: 42501
ALTER TABLE affinity.stored_models OWNER TO dba;

-- expect: 42501
ALTER SCHEMA affinity RENAME TO other;

-- expect: 42501
ALTER EXTENSION pg_affinity DROP TABLE affinity.stored_models;

-- expect: 42501
DROP EXTENSION pg_affinity;

-- expect: 42501
CREATE FUNCTION affinity.recommend(text, integer) RETURNS int LANGUAGE sql AS 'SELECT 1';

-- expect: 42501
CREATE OR REPLACE VIEW affinity.models AS SELECT 1;

-- as postgres
-- expect: none
SELECT name, owner FROM affinity.stored_models WHERE owner <> 'dba' AND name <> 'hers';

-- expect: none
SELECT owner FROM affinity.stored_versions v WHERE owner <> 'dba' AND model_id <> (SELECT id FROM affinity.stored_models WHERE name = 'hers');

-- The version that he put beside hers does not answer in her name, and her own does.
-- as ann
-- expect: ok
SELECT * FROM affinity.recommend('hers', 2, k => 3);

SELECT affinity.deploy('hers', 2);

-- expect: ok
SELECT * FROM affinity.check();

-- as postgres
SELECT affinity.retrain('forged');

SELECT affinity.retrain('forged2');

SELECT * FROM affinity.recommend('forged2', 2);
