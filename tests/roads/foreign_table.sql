-- The relation is, or stands on, a foreign table: of a server that another owns and can turn elsewhere, with a check or a generated column of another's.

-- as postgres
CREATE EXTENSION postgres_fdw; GRANT USAGE ON FOREIGN DATA WRAPPER postgres_fdw TO mallory, ann; CREATE EXTENSION file_fdw;

-- as mallory
CREATE SERVER bad FOREIGN DATA WRAPPER postgres_fdw OPTIONS (dbname 'affinity_roads'); GRANT USAGE ON FOREIGN SERVER bad TO ann, postgres; CREATE USER MAPPING FOR mallory SERVER bad OPTIONS (user 'mallory');

CREATE TABLE mal.base AS SELECT u::bigint AS user_id, ((u + 2 * s) % 12)::bigint AS item_id, s AS at FROM generate_series(1, 40) u, generate_series(0, 5) s;

-- as ann
CREATE FOREIGN TABLE shop.far (user_id bigint, item_id bigint, at int) SERVER bad OPTIONS (schema_name 'mal', table_name 'base'); CREATE VIEW shop.near AS SELECT user_id, item_id, at FROM shop.events;

-- expect: ok
SELECT affinity.train_recommender('m', 'shop.near', kind => 'transition', time_col => 'at'); SELECT affinity.grant_model('m', 'web');

CREATE OR REPLACE VIEW shop.near AS SELECT user_id, item_id, at FROM shop.far;

-- as web
-- expect: 42501
SELECT * FROM affinity.recommend('m', 2);

-- as postgres
-- expect: 42501
SELECT affinity.retrain('m');

-- as mallory
CREATE VIEW mal.v AS TABLE mal.base;

-- as postgres
-- expect: ok
SELECT affinity.train_recommender('p', 'mal.v', kind => 'transition', time_col => 'at');

-- as mallory
CREATE FOREIGN TABLE mal.far (user_id bigint, item_id bigint, at int) SERVER bad OPTIONS (schema_name 'mal', table_name 'base'); CREATE OR REPLACE VIEW mal.v AS TABLE mal.far;

CREATE USER MAPPING FOR public SERVER bad OPTIONS (user 'postgres');

-- as postgres
SELECT affinity.retrain('p');

SELECT * FROM affinity.recommend('p', 2);
