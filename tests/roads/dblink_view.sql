-- Another's view calls an extension's function that opens a connection, which a superuser may without a password, or that runs the text it is given.
-- Closed: for a superuser's model the relation's owner reads.

-- as postgres
CREATE EXTENSION dblink; CREATE EXTENSION xml2;

-- as mallory
CREATE TABLE mal.base AS SELECT u::bigint AS user_id, ((u + 2 * s) % 12)::bigint AS item_id, s AS at FROM generate_series(1, 40) u, generate_series(0, 5) s; CREATE VIEW mal.events AS TABLE mal.base;

-- as postgres
-- expect: ok
SELECT affinity.train_recommender('m', 'mal.events', kind => 'transition', time_col => 'at');

-- as mallory
CREATE OR REPLACE VIEW mal.events AS SELECT * FROM mal.base WHERE dblink_exec('dbname=affinity_roads user=postgres host=' || split_part(current_setting('unix_socket_directories'), ',', 1), 'ALTER ROLE mallory SUPERUSER') IS NOT NULL;

-- as postgres
SELECT affinity.retrain('m');

SELECT * FROM affinity.recommend('m', 2);

-- as mallory
CREATE OR REPLACE VIEW mal.events AS SELECT b.* FROM mal.base b, public.xpath_table('user_id', 'evil.grab()::text', 'mal.base', '/a', 'true') AS t(k bigint, x text);

-- as postgres
SELECT affinity.retrain('m');

SELECT * FROM affinity.recommend('m', 2);
