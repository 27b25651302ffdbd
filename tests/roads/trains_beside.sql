-- The training of one owner does not keep another's from beginning, whatever the names; and neither do advisory locks that a stranger takes.

-- as mallory
SELECT pg_advisory_lock(hashtext('m')), pg_advisory_lock(hashtext('m')::bigint), pg_advisory_lock(1, 1);

CREATE VIEW mal.slow AS SELECT u::bigint AS user_id, ((u + 2 * s) % 12)::bigint AS item_id, s AS at FROM generate_series(1, 40) u, generate_series(0, 5) s, pg_sleep(3);

-- meanwhile mallory
SELECT affinity.train_recommender('mine', 'mal.slow', kind => 'popularity')

-- as ann
SELECT pg_sleep(1);

-- expect: ok
SELECT affinity.train_recommender('m', 'shop.events', kind => 'transition', time_col => 'at');

-- expect: ok
SELECT affinity.retrain('m');

-- A name that is being made is in use, for as long as that takes.
-- expect: 55006
SELECT affinity.train_recommender('mine', 'shop.events', kind => 'popularity');

-- expect: none
SELECT * FROM affinity.progress WHERE role = 'mallory';

-- expect: none
SELECT * FROM affinity_internal.trainings() WHERE model = 'mine';
