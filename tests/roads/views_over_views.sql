-- What another owns stands far behind the owner's view: a view over a view, a materialised view, a rule, a view with the invoker's rights, a function that Postgres inlines.

-- as mallory
CREATE TABLE mal.base AS SELECT u::bigint AS user_id, ((u + 2 * s) % 12)::bigint AS item_id, s AS at FROM generate_series(1, 40) u, generate_series(0, 5) s; CREATE VIEW mal.far AS TABLE mal.base; CREATE MATERIALIZED VIEW mal.kept AS TABLE mal.base; CREATE FUNCTION mal.inlined() RETURNS SETOF mal.base LANGUAGE sql STABLE AS 'SELECT * FROM mal.base'; GRANT SELECT ON ALL TABLES IN SCHEMA mal TO public;

-- as ann
CREATE VIEW shop.a AS TABLE mal.far; CREATE VIEW shop.b AS TABLE shop.a; CREATE MATERIALIZED VIEW shop.c AS TABLE mal.far; CREATE VIEW shop.d WITH (security_invoker) AS TABLE mal.far; CREATE VIEW shop.e AS SELECT * FROM mal.inlined(); CREATE VIEW shop.f AS TABLE mal.kept; GRANT SELECT ON ALL TABLES IN SCHEMA shop TO public;

-- expect: ok
SELECT affinity.train_recommender(n, ('shop.' || n)::regclass, kind => 'transition', time_col => 'at') FROM unnest('{a,b,c,d,e,f}'::text[]) n; SELECT affinity.grant_model(n, 'web') FROM unnest('{a,b,c,d,e,f}'::text[]) n;

-- expect: ok
SELECT affinity.train_recommender('caller' || n, ('shop.' || n)::regclass, kind => 'transition', time_col => 'at', params => '{"read_as": "caller"}') FROM unnest('{a,b,c,d,e,f}'::text[]) n; SELECT affinity.grant_model('caller' || n, 'web') FROM unnest('{a,b,c,d,e,f}'::text[]) n;

-- as mallory
CREATE OR REPLACE VIEW mal.far AS SELECT user_id, evil.num(item_id) AS item_id, at FROM mal.base; CREATE INDEX ON mal.kept ((evil.num(1))); CREATE OR REPLACE FUNCTION mal.inlined() RETURNS SETOF mal.base LANGUAGE sql STABLE AS 'SELECT user_id, evil.num(item_id), at FROM mal.base';

-- as web
DO $$ DECLARE n text; p text; BEGIN FOREACH p IN ARRAY ARRAY['', 'caller'] LOOP FOREACH n IN ARRAY ARRAY['a', 'b', 'c', 'd', 'e', 'f'] LOOP BEGIN PERFORM * FROM affinity.recommend(p || n, 2); EXCEPTION WHEN insufficient_privilege THEN END; BEGIN PERFORM * FROM affinity.recommend_all(p || n); EXCEPTION WHEN insufficient_privilege THEN END; BEGIN PERFORM * FROM affinity.evaluate(p || n); EXCEPTION WHEN insufficient_privilege THEN END; BEGIN PERFORM affinity.report(p || n); EXCEPTION WHEN insufficient_privilege THEN END; END LOOP; END LOOP; END $$;

-- as postgres
DO $$ DECLARE n text; p text; BEGIN FOREACH p IN ARRAY ARRAY['', 'caller'] LOOP FOREACH n IN ARRAY ARRAY['a', 'b', 'c', 'd', 'e', 'f'] LOOP BEGIN PERFORM affinity.retrain(p || n); EXCEPTION WHEN insufficient_privilege THEN END; BEGIN PERFORM * FROM affinity.recommend(p || n, 2); EXCEPTION WHEN insufficient_privilege THEN END; BEGIN PERFORM * FROM affinity.evaluate(p || n); EXCEPTION WHEN insufficient_privilege THEN END; END LOOP; END LOOP; END $$;

-- expect: ok
SELECT 1;
