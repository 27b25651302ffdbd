-- The shop whose models a release made: its tables, which the dump beside this file fills. Of the years after 2226: what depends on today's date (habits, what
-- was bought lately) is for a date before all events the same on every day.
CREATE SCHEMA shop AUTHORIZATION upgrade_owner;
GRANT USAGE ON SCHEMA shop TO PUBLIC;
SET ROLE upgrade_owner;

-- A column of each family of inputs, with gaps; four targets.
CREATE TABLE shop.visits (
    visit integer PRIMARY KEY, pages integer, seconds double precision, price numeric, source text, comes_back boolean, at timestamp with time zone,
    note text, topics text[], look real[],
    bought boolean, plan text, spent double precision, labels text[]
);
CREATE TABLE shop.orders (user_id integer, item_id integer, at timestamp with time zone, what text, store text);
CREATE INDEX ON shop.orders (user_id);
-- What came later: models are judged by it as of its own times.
CREATE TABLE shop.later (LIKE shop.orders);
CREATE TABLE shop.items (item_id integer PRIMARY KEY, category text, price numeric);
CREATE TABLE shop.carts (user_id text, item_id text, at timestamp with time zone);
CREATE INDEX ON shop.carts (user_id);
CREATE TABLE shop.clicks (user_id uuid, item_id uuid, at timestamp with time zone);
CREATE INDEX ON shop.clicks (user_id);
-- States of aggregates, as a shop keeps them by day.
CREATE TABLE shop.days (user_id integer, day date, profile bytea, interests bytea, rfm bytea, counts bytea);
-- What the release answered: what was asked, of what, and the number; where the answer is no number, it is part of the key.
CREATE TABLE shop.expected (question text, key text, answer double precision);

CREATE VIEW shop.bought AS SELECT visit, pages, seconds, price, source, comes_back, at, note, topics, look, bought FROM shop.visits;
CREATE VIEW shop.plans AS SELECT pages, seconds, source, comes_back, plan FROM shop.visits;
CREATE VIEW shop.spending AS SELECT pages, seconds, price, source, comes_back, spent FROM shop.visits;
CREATE VIEW shop.labelled AS SELECT pages, seconds, source, note, labels FROM shop.visits;
CREATE VIEW shop.profiles AS SELECT pages, seconds, price, source, comes_back, at FROM shop.visits;
GRANT SELECT ON ALL TABLES IN SCHEMA shop TO PUBLIC;

-- The parts of a document, each number by its name; what is no number stands beside its name.
CREATE FUNCTION shop.parts(document jsonb) RETURNS TABLE (key text, answer double precision) LANGUAGE sql IMMUTABLE
BEGIN ATOMIC
    SELECT p.key || CASE WHEN jsonb_typeof(p.value) = 'number' THEN '' ELSE '=' || p.value::text END,
      CASE WHEN jsonb_typeof(p.value) = 'number' THEN (p.value #>> '{}')::double precision END FROM jsonb_each(document) p;
END;
RESET ROLE;
