-- Columns, relations, event types, models, users and items whose names would be SQL if they were put into a text as they are.

-- as mallory
CREATE TABLE mal."x""; SELECT evil.grab() --" ("u""; DROP TABLE shop.events; --" text, "i'; SELECT evil.grab(); --" text, "t"")) UNION SELECT evil.word('a') --" int, "w' || evil.word('a') || '" real, "e$1" text);

INSERT INTO mal."x""; SELECT evil.grab() --" SELECT 'u''; SELECT evil.grab() --' || u % 40, 'i"; \\ $$ ' || (u * 7) % 12, u, 1 + u % 3, 'e''"' || u % 2 FROM generate_series(1, 400) u;

-- expect: ok
SELECT affinity.train_recommender('m"''; SELECT evil.grab() --', 'mal."x""; SELECT evil.grab() --"', kind => 'transition', user_col => 'u"; DROP TABLE shop.events; --', item_col => 'i''; SELECT evil.grab(); --', time_col => 't")) UNION SELECT evil.word(''a'') --', weight_col => 'w'' || evil.word(''a'') || ''', event_col => 'e$1', event_weights => '{"e''\"0": 1, "e''\"1": 2}');

-- expect: ok
SELECT affinity.grant_model('m"''; SELECT evil.grab() --', 'public');

-- as postgres
-- expect: ok
SELECT * FROM affinity.recommend('m"''; SELECT evil.grab() --', 'u''; SELECT evil.grab() --1', as_type => NULL::affinity.recommendation_text);

-- expect: ok
SELECT * FROM affinity.recommend('m"''; SELECT evil.grab() --', 'u''; SELECT evil.grab() --1', among => ARRAY['i"; \\ $$ 1', '{"', '}', ''',''', 'NULL', '\'], as_type => NULL::affinity.recommendation_text);

-- expect: ok
SELECT * FROM affinity.recommend_all('m"''; SELECT evil.grab() --', as_type => NULL::affinity.user_recommendation_text);

-- expect: ok
SELECT affinity.retrain('m"''; SELECT evil.grab() --');

-- expect: ok
SELECT affinity.report('m"''; SELECT evil.grab() --');

SELECT * FROM affinity.evaluate('m"''; SELECT evil.grab() --');

-- expect: ok
SELECT * FROM affinity.check();

-- as mallory
CREATE TABLE mal."rows'""" ("a""'" int, "b\" text, "y'; --" boolean); INSERT INTO mal."rows'""" SELECT i % 10, 'b''"' || i % 3, i % 10 > 5 FROM generate_series(1, 300) i;

-- expect: ok
SELECT affinity.train('r''"', 'mal."rows''"""', 'y''; --', params => '{"exclude": ["b\\"]}');

-- expect: ok
SELECT affinity.predict('r''"', t) FROM mal."rows'""" t LIMIT 3;

-- expect: ok
SELECT affinity.report('r''"', 'mal."rows''"""');

-- as ann
-- expect: ok
SELECT 1 / (count(*) > 0)::int FROM shop.events;
