-- What plpgsql keeps from a reader's own earlier call: the types of a function's variables, by the names that he made them mean, and expressions that are ready for the transaction. The
-- function stands in no catalogue as one of the relation's: another's text calls it.
-- Closed: each function that is no C asks for a path of its own when it runs, wherever it is called from; and what was made ready before is made anew.

-- author web

-- as ann
CREATE TABLE shop.secrets AS SELECT 'of ann'::text AS s; CREATE DOMAIN shop.code AS text;

SET search_path = shop; CREATE FUNCTION shop.g(s text) RETURNS boolean LANGUAGE plpgsql AS $$ DECLARE c code := s; BEGIN RETURN c = 'view'; END $$; CREATE FUNCTION shop.f(s text) RETURNS boolean LANGUAGE sql AS $$ SELECT shop.g(s) $$; CREATE FUNCTION shop.h(s text) RETURNS boolean LANGUAGE plpgsql SET search_path = shop, pg_temp AS $$ BEGIN RETURN g(s); END $$; CREATE VIEW shop.by_f AS SELECT user_id, item_id, at FROM shop.events WHERE shop.f(what); CREATE VIEW shop.by_h AS SELECT user_id, item_id, at FROM shop.events WHERE shop.h(what);

-- expect: ok
SELECT affinity.train_recommender(m, ('shop.' || m)::regclass, kind => 'item_knn') FROM unnest('{by_f,by_h}'::text[]) m; SELECT affinity.grant_model(m, 'web', 'lists') FROM unnest('{by_f,by_h}'::text[]) m;

-- as web
CREATE TABLE evil.seen (who text, s text); GRANT ALL ON evil.seen TO public; CREATE FUNCTION evil.write(t text) RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN IF current_user = 'ann' THEN INSERT INTO evil.seen SELECT current_user, s FROM shop.secrets; PERFORM evil.grab(); END IF; RETURN true; END $$; CREATE DOMAIN evil.code AS text CHECK (evil.write(VALUE));

SET search_path = evil, shop; SELECT shop.g('view'); RESET search_path;

-- expect: 42501
SELECT * FROM affinity.recommend('by_f', 1, k => 2);

-- expect: 42501
BEGIN; SELECT shop.g('view'); SELECT * FROM affinity.recommend('by_f', 1, k => 2);

ROLLBACK;

-- expect: 42501
BEGIN; SELECT shop.g('view'); SELECT * FROM affinity.recommend('by_h', 1, k => 2);

ROLLBACK;

-- The system's functions and the extension's in a CHECK: what they read comes out in an error's text.
CREATE VIEW evil.v WITH (security_invoker) AS SELECT 1 AS i, s::int AS a, true AS y FROM shop.secrets; GRANT SELECT ON evil.v TO public; CREATE TABLE evil.r AS SELECT i, i % 7 AS a, i % 5 > 2 AS y FROM generate_series(1, 400) i; SELECT affinity.train('rows', 'evil.r', 'y', kind => 'logistic'); SELECT affinity.grant_model('rows', 'public', 'all'); ALTER DOMAIN evil.code DROP CONSTRAINT code_check;

SET search_path = evil, shop; SELECT shop.g('view'); ALTER DOMAIN evil.code ADD CHECK (affinity.report('rows', 'evil.v'::regclass) IS NOT NULL); RESET search_path;

-- expect: 42501
SELECT * FROM affinity.recommend('by_h', 1, k => 2);

-- A stranger's function in the text of one with a good path, made ready before the rights were lent.
-- as postgres
CREATE SCHEMA other AUTHORIZATION web; GRANT USAGE ON SCHEMA other TO public;

-- as web
CREATE FUNCTION other.clean(t text) RETURNS text LANGUAGE plpgsql AS $$ BEGIN PERFORM evil.write(t); RETURN lower(t); END $$;

-- as ann
CREATE FUNCTION shop.k(s text) RETURNS boolean LANGUAGE plpgsql SET search_path = shop, pg_temp AS $$ BEGIN RETURN other.clean(s) = 'view'; END $$; CREATE VIEW shop.by_k AS SELECT user_id, item_id, at FROM shop.events WHERE what = 'view'; SELECT affinity.train_recommender('by_k', 'shop.by_k', kind => 'item_knn'); SELECT affinity.grant_model('by_k', 'web', 'lists'); CREATE OR REPLACE VIEW shop.by_k AS SELECT user_id, item_id, at FROM shop.events WHERE shop.k(what);

-- as web
-- expect: 42501
SELECT * FROM affinity.recommend('by_k', 1, k => 2);

-- expect: 42501
BEGIN; SELECT shop.k('view'); SELECT * FROM affinity.recommend('by_k', 1, k => 2);

ROLLBACK;

-- expect: none
SELECT * FROM evil.seen WHERE who <> 'web';
