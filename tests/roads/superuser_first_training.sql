-- A superuser trains on a relation that he names himself, as he would select from it: nothing is closed there but what a plain SELECT closes. What he recorded is
-- then never read as a superuser, by nobody: not with other kinds, not by row models, not after a new version.

-- as mallory
CREATE TABLE mal.base AS SELECT i % 10 AS a, i % 7 AS b, (i % 10) + i % 3 > 5 AS y FROM generate_series(1, 200) i; CREATE VIEW mal.rows AS TABLE mal.base;

-- as postgres
-- expect: ok
SELECT affinity.train('r', 'mal.rows', 'y'); SELECT affinity.train('g', 'mal.rows', kind => 'pca'); SELECT affinity.train('s', 'mal.rows', kind => 'segments');

-- as mallory
CREATE OR REPLACE VIEW mal.rows AS SELECT evil.num(a)::int AS a, b, y FROM mal.base;

-- as postgres
SELECT affinity.retrain('r');

SELECT affinity.retrain('g');

SELECT affinity.retrain('s');

SELECT affinity.report('r');

SELECT affinity.report('s');

SELECT * FROM affinity.describe('s');

SELECT * FROM affinity.check();

SELECT affinity.grant_model('r', 'public');

-- as mallory
SELECT affinity.predict('r', t) FROM mal.base t LIMIT 3;
