-- A column is called "e$1", and a user's id is text with a double quote: where the advice on indexes puts the id into the query in place of $1, it must not land in the
-- column's name; nor may a backslash end the literal where standard_conforming_strings is off.
-- Closed: a parameter is filled in outside of names, and literals are the same under any setting.

-- as mallory
CREATE TABLE mal.events (user_id text, item_id bigint, at int, "e$1" text); INSERT INTO mal.events SELECT 'x" FROM (SELECT 1 AS item_id, 1 AS at, 1 AS U&"e\0027x") z; SELECT evil.grab(); --' || u, (u + 2 * s) % 12, s, 'v' FROM generate_series(1, 40) u, generate_series(0, 5) s;

CREATE TABLE mal.slash (user_id text, item_id bigint, at int); INSERT INTO mal.slash SELECT '\''; SELECT evil.grab(); --' || u, (u + 2 * s) % 12, s FROM generate_series(1, 40) u, generate_series(0, 5) s;

-- as postgres
-- expect: ok
SELECT affinity.train_recommender('m', 'mal.events', kind => 'transition', time_col => 'at', event_col => 'e$1');

SET standard_conforming_strings = off;

-- expect: ok
SELECT affinity.train_recommender('s', 'mal.slash', kind => 'transition', time_col => 'at');

-- expect: ok
SELECT affinity.retrain('s');

-- expect: ok
SELECT * FROM affinity.recommend('s', '\\''; SELECT evil.grab(); --1');

-- expect: ok
SELECT * FROM affinity.recommend_all('s', as_type => NULL::affinity.user_recommendation_text);

-- expect: ok
SELECT affinity.report('s');

SELECT * FROM affinity.check();
