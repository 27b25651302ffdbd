-- The database's owner writes rows that no library of ours would: shapes that do not fit, documents that are none of ours, arrays in odd forms. Whoever reads them gets an error,
-- and keeps his session.

-- author dba

-- as dba
INSERT INTO affinity.stored_models (id, name, owner, readers, reader_oids, reader_scopes, deployed, formerly, last_version) VALUES
    ('00000000-0000-0000-0000-000000000001', 'a', 'dba', '{{public,x},{y,z}}', '{{1,2},{3,4}}', '{{all,all},{all,all}}', 1, '{{1,2},{3,4}}', 1),
    ('00000000-0000-0000-0000-000000000002', 'b', 'dba', ARRAY['public', NULL], ARRAY[NULL, 0]::oid[], ARRAY['all', NULL], -1, ARRAY[NULL, 1], -2147483648),
    ('00000000-0000-0000-0000-000000000003', 'c', 'dba', '{public}', '{}', '{everything}', 1, '[5:6]={1,2}', 2147483647),
    ('00000000-0000-0000-0000-000000000004', '', 'dba', '{public}', '{}', '{}', 1, '{}', 1),
    ('00000000-0000-0000-0000-000000000005', repeat('n', 100000), 'dba', '{public}', '{}', '{all}', 1, '{}', 1);

INSERT INTO affinity.stored_versions SELECT m.id, 1, 'dba', 0, k.kind, 'infinity', k.call::json, k.call::json, k.call::json, -1, -1, 'NaN', k.call::jsonb, 'NaN', -9223372036854775808, '\x', '\x'
    FROM affinity.stored_models m, LATERAL (VALUES ('mlp', repeat('[', 5000) || repeat(']', 5000)), ('popularity', '{"events": {"schema": "own"}}'), ('', '1e400'), ('auto', '{"\u0001": "x", "function": "train"}')) k(kind, call) WHERE right(m.id::text, 1) = (ascii(k.kind || 'x') % 4 + 1)::text ON CONFLICT DO NOTHING;

INSERT INTO affinity.stored_versions SELECT m.id, 1, 'dba', 0, 'mlp', now(), '{}', '{}', '{}', 1, 1, 1, '{}', 1, 1, '\x00', '\x' FROM affinity.stored_models m ON CONFLICT DO NOTHING;

INSERT INTO affinity.stored_weights SELECT m.id, 1, n.name, n.chunk, n.dtype, n.shape, n.data FROM affinity.stored_models m, (VALUES ('x', 0, 'f32', '{-1,9223372036854775807}'::bigint[], '\x00'::bytea), ('x.row', -1, 'u8', '{1,1}', '\x'), ('x.offset', 0, 'i64', '{9223372036854775807,9223372036854775807}', '\x00'), ('holdout', -1, 'u8', NULL, '\x')) n(name, chunk, dtype, shape, data) WHERE n.shape IS NOT NULL;

INSERT INTO affinity.stored_epochs SELECT id, 1, -1, 'NaN', 'infinity', repeat('<script>', 1000), 1, -1 FROM affinity.stored_models;

-- as postgres
SELECT * FROM affinity.check();

DO $$ DECLARE m text; f text; BEGIN FOREACH m IN ARRAY ARRAY['a', 'b', 'c', '', repeat('n', 100000)] LOOP FOREACH f IN ARRAY ARRAY['retrain(%L)', 'recommend(%L, 2)', 'recommend_all(%L)', 'report(%L)', 'evaluate(%L)', 'rollback(%L)', 'deploy(%L, 1)', 'describe(%L)', 'generate(%L, 1)', 'predict(%L, ARRAY[1]::real[])', 'grant_model(%L, ''web'')', 'revoke_model(%L, ''web'')'] LOOP BEGIN EXECUTE format('SELECT * FROM affinity.' || f, m); EXCEPTION WHEN OTHERS THEN END; END LOOP; END LOOP; END $$;

SELECT * FROM affinity.models;

SELECT * FROM affinity.versions;

SELECT * FROM affinity.weights;

SELECT * FROM affinity.epochs;

-- expect: ok
SELECT 1;

-- as mallory
SELECT * FROM affinity.models;

SELECT * FROM affinity.weights;

DO $$ DECLARE m text; f text; BEGIN FOREACH m IN ARRAY ARRAY['a', 'b', 'c'] LOOP FOREACH f IN ARRAY ARRAY['retrain(%L)', 'recommend(%L, 2)', 'recommend_all(%L)', 'report(%L)', 'evaluate(%L)', 'drop_model(%L)'] LOOP BEGIN EXECUTE format('SELECT * FROM affinity.' || f, m); EXCEPTION WHEN OTHERS THEN END; END LOOP; END LOOP; END $$;

-- expect: ok
SELECT 1;

-- as postgres
-- expect: ok
SELECT 1 / (count(*) >= 2)::int FROM affinity.check() WHERE finding LIKE '%damaged';
