-- The database's owner stores versions of models of his own whose call, state and params name another's table, or a view with his code, with the digest that fits:
-- whoever can write rows can compute it. A superuser trains them again and uses them.
-- Closed: what is read is read with the rights of the row's owner, who is the one that wrote it; a model that reads as its caller runs nobody's code.

-- author dba

-- as dba
CREATE SCHEMA own; CREATE TABLE own.events AS SELECT u::bigint AS user_id, ((u + 2 * s) % 12)::bigint AS item_id, s AS at FROM generate_series(1, 40) u, generate_series(0, 5) s;

CREATE VIEW own.bad AS SELECT user_id, evil.num(item_id) AS item_id, at FROM own.events;

GRANT USAGE ON SCHEMA own TO public; GRANT SELECT ON own.bad TO public;

-- expect: ok
SELECT affinity.train_recommender('his', 'own.events', kind => 'popularity', time_col => 'at', params => '{"holdout": 0}', deploy => 'if_better');

CREATE FUNCTION own.part(b bytea) RETURNS bytea LANGUAGE sql AS $$ SELECT (SELECT string_agg(set_byte('\x00', 0, ((length(b)::bigint >> (8 * i)) & 255)::int), ''::bytea ORDER BY i) FROM generate_series(0, 7) i) || b $$;

CREATE FUNCTION own.digest(m uuid, state text) RETURNS bytea LANGUAGE sql AS $$
    SELECT sha256(own.part(convert_to(state, 'UTF8'))
        || string_agg(own.part(convert_to(name, 'UTF8')) || own.part(convert_to(dtype, 'UTF8')) || own.part(convert_to(shape, 'UTF8')) || own.part(data), ''::bytea ORDER BY name COLLATE "C"))
    FROM (SELECT name, dtype, shape::text, string_agg(data, ''::bytea ORDER BY chunk) AS data FROM affinity.stored_weights WHERE model_id = m GROUP BY 1, 2, 3
        UNION ALL SELECT 'holdout', 'u8', '{0}', '') t $$;

CREATE FUNCTION own.call_digest(kind text, call text, params text, digest bytea) RETURNS bytea LANGUAGE sql AS $$
    SELECT sha256(own.part(convert_to(kind, 'UTF8')) || own.part(convert_to(call, 'UTF8')) || own.part(convert_to(params, 'UTF8')) || own.part(digest)) $$;

-- The digest is computed as the library does.
-- expect: ok
SELECT 1 / (own.digest(v.model_id, v.state::text) = v.digest AND own.call_digest(v.kind, v.call::text, v.params::text, v.digest) = v.call_digest)::int FROM affinity.stored_versions v;

INSERT INTO affinity.stored_models (id, name, owner, readers, reader_scopes, deployed, last_version) VALUES ('00000000-0000-0000-0000-000000000001', 'secret', 'dba', '{public}', '{all}', 1, 1), ('00000000-0000-0000-0000-000000000002', 'code', 'dba', '{public}', '{all}', 1, 1);

INSERT INTO affinity.stored_weights SELECT n.id, w.version, w.name, w.chunk, w.dtype, w.shape, w.data FROM affinity.stored_weights w, (VALUES ('00000000-0000-0000-0000-000000000001'::uuid), ('00000000-0000-0000-0000-000000000002')) n(id);

INSERT INTO affinity.stored_versions SELECT n.id, 1, 'dba', 0, kind, created, n.call::json, n.params::json, n.state::json, rows_used, rows_skipped, seconds, metrics, evaluated, bytes, d.digest, own.call_digest(kind, n.call, n.params, d.digest) FROM affinity.stored_versions v, LATERAL (VALUES
    ('00000000-0000-0000-0000-000000000001'::uuid, replace(replace(call::text, '"own"', '"shop"'), '"dba"', '"ann"'), params::text, replace(replace(state::text, '"own"', '"shop"'), '"dba"', '"ann"')),
    ('00000000-0000-0000-0000-000000000002', replace(call::text, '"relation":"events"', '"relation":"bad"'), regexp_replace(params::text, '"read_as":"\w+"', '"read_as":"caller"'), replace(state::text, '"relation":"events"', '"relation":"bad"'))) n(id, call, params, state), LATERAL own.digest(n.id, n.state) d(digest)
    WHERE v.model_id <> n.id AND v.model_id NOT IN ('00000000-0000-0000-0000-000000000001', '00000000-0000-0000-0000-000000000002');

-- as postgres
-- expect: 42501
SELECT affinity.retrain('secret');

SELECT affinity.retrain('code');

-- expect: 42501
SELECT * FROM affinity.recommend('secret', 2);

-- expect: 42501
SELECT * FROM affinity.recommend('code', 2);

SELECT * FROM affinity.evaluate('code');

SELECT affinity.report('code');

SELECT affinity.report('secret');

-- as web
-- expect: 42501
SELECT * FROM affinity.recommend('code', 2);

-- expect: 42501
SELECT * FROM affinity.recommend_all('code');

-- expect: 42501
SELECT * FROM affinity.recommend('secret', 2);

-- as dba
-- expect: 42501
SELECT affinity.retrain('secret');

-- expect: 42501
SELECT * FROM affinity.recommend('secret', 2);
