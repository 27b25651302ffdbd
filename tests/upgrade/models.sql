-- Fills the shop's tables and trains a model of each kind, small: what a release is dumped with.
SET ROLE upgrade_owner;
INSERT INTO shop.visits
SELECT i, CASE WHEN i % 23 <> 0 THEN i % 10 END, round(sqrt(i * 37 % 101)::numeric, 2), (i * 7 % 50) * 1.5,
  CASE WHEN i % 17 <> 0 THEN (ARRAY['search', 'mail', 'friend', 'ad'])[1 + i * i % 4 + (i % 3) / 2] END, CASE WHEN i % 19 <> 0 THEN i % 3 = 0 END,
  timestamptz '2226-01-01 UTC' + i * interval '5 hours',
  (ARRAY['red', 'blue', 'green'])[1 + i % 3] || ' ' || (ARRAY['lamp', 'chair', 'mug', 'rug'])[1 + i % 4] || CASE WHEN i % 5 = 0 THEN ' on sale' ELSE '' END,
  CASE WHEN i % 13 <> 0 THEN array_remove(ARRAY['light', CASE WHEN i % 2 = 0 THEN 'home' END, CASE WHEN i % 3 = 0 THEN 'gift' END], NULL) END,
  ARRAY[i % 4 * 0.25, i % 5, -(i % 3)]::real[],
  (i % 10) + i * 7 % 11 > 9, (ARRAY['none', 'basic', 'gold'])[1 + (i % 10 + i * 7 % 5) / 5], (i % 10) * 2.5 + i * 7 % 11,
  array_remove(ARRAY[CASE WHEN i % 10 > 4 THEN 'keen' END, CASE WHEN i % 4 = 0 THEN 'lamps' END, CASE WHEN i % 7 = 0 THEN 'rare' END], NULL)
FROM generate_series(1, 300) i;
INSERT INTO shop.orders
SELECT u, 1 + (u % 4 * 6 + (u * s * s + s * 5) % (6 + s % 7)) % 24, timestamptz '2226-01-01 UTC' + (s * 9 + u % 7) * interval '1 day' + u * interval '1 minute',
  (ARRAY['view', 'buy'])[1 + (u + s) % 2], (ARRAY['web', 'app', 'street'])[1 + u * s % 3]
FROM generate_series(1, 40) u, generate_series(0, 9) s;
INSERT INTO shop.later
SELECT u, 1 + (u % 4 * 6 + (u * 3 + s * 5) % 9) % 24, timestamptz '2226-04-10 UTC' + s * interval '3 days' + u * interval '1 minute', 'buy', 'web'
FROM generate_series(1, 40) u, generate_series(0, 2) s;
INSERT INTO shop.items SELECT i, (ARRAY['bath', 'desk', 'tea', 'garden'])[1 + (i - 1) / 6], i * 1.25 FROM generate_series(1, 24) i;
INSERT INTO shop.carts
SELECT 'u' || u, 'p' || (u % 3 * 4 + (u * s + s * s) % 6) % 12, timestamptz '2226-01-01 UTC' + (s * 5 + u % 3) * interval '1 day' + u * interval '1 minute'
FROM generate_series(1, 24) u, generate_series(0, 5) s;
INSERT INTO shop.clicks SELECT md5(user_id)::uuid, md5(item_id)::uuid, at FROM shop.carts;
INSERT INTO shop.days
SELECT user_id, at::date, affinity.profile_state(ARRAY[item_id % 4, 1], 1.5, at, '30 days'), affinity.interests_state(store, 1.25, at, '20 days'),
  affinity.rfm_state(at, item_id), affinity.counts_state(at, ARRAY[interval '7 days', '1 month'], timestamptz '2226-03-01 UTC')
FROM shop.orders WHERE user_id <= 3 GROUP BY 1, 2;

-- Rows. Two versions and one that was gone back from; evaluated in five turns, at once by the newest rows, and not at all.
SELECT affinity.train('mlp', 'shop.bought', 'bought', params => '{"exclude": ["visit"], "epochs": 3, "hidden": [6], "text_bits": 8, "holdout": 0}',
  seed => s, deploy => 'always') FROM generate_series(1, 2) s;
SELECT affinity.rollback('mlp');
SELECT affinity.train('classes', 'shop.plans', 'plan', params => '{"epochs": 3, "hidden": [5], "class_weight": "balanced", "min_count": 2}');
SELECT affinity.train('tags', 'shop.labelled', 'labels', params => '{"epochs": 3, "hidden": [5], "text_bits": 8, "holdout": 0}');
SELECT affinity.train('logistic', 'shop.bought', 'bought', kind => 'logistic', time_col => 'at',
  params => '{"exclude": ["visit", "note"], "epochs": 5}');
SELECT affinity.train('linear', 'shop.spending', 'spent', kind => 'linear', params => '{"epochs": 5}');
SELECT affinity.train('pca', 'shop.profiles', kind => 'pca', params => '{"width": 3}');
SELECT affinity.train('autoencoder', 'shop.profiles', kind => 'autoencoder', params => '{"width": 2, "hidden": [6], "epochs": 4, "batch": 32}');
SELECT affinity.train('segments', 'shop.profiles', kind => 'segments', params => '{"k": 3}');
SELECT affinity.train('gan', 'shop.profiles', kind => 'gan', params => '{"hidden": [8, 8], "noise": 4, "batch": 32, "steps": 40, "epochs": 2, "exclude": ["at"]}');

-- Events.
SELECT affinity.train_recommender(kind, 'shop.orders', kind, time_col => 'at', event_col => 'what', event_weights => '{"view": 1, "buy": 3}',
  items => CASE WHEN kind = 'ranker' THEN 'shop.items'::regclass END, params => params::jsonb, seed => 5, deploy => 'always')
FROM (VALUES ('popularity', '{"half_life": 30}'), ('item_knn', '{}'), ('transition', '{}'), ('ease', '{}'), ('repeat', '{"epochs": 3, "repeats": true}'),
  ('ranker', '{"hidden": [6], "ensemble": 1, "epochs": 3, "context": ["store"], "repeats": true}'), ('als', '{"factors": 4, "epochs": 3}'),
  ('bpr', '{"factors": 4, "epochs": 5}'), ('item_vectors', '{"width": 4}'), ('mult_vae', '{"hidden": 8, "latent": 4, "epochs": 5}'),
  ('cfgan', '{"hidden": 8, "discriminator": 6, "epochs": 5}'), ('blend', '{"bases": {"transition": {}, "als": {"factors": 3, "epochs": 3}, "repeat": {"epochs": 2}}}'),
  ('auto', '{"holdout": 0, "refit": false}')) k (kind, params);
SELECT affinity.train_recommender('snapshot', 'shop.carts', 'ease', time_col => 'at', params => '{"users": "snapshot"}');
SELECT affinity.train_recommender('uuids', 'shop.clicks', 'item_knn', time_col => 'at');

SELECT affinity.grant_model('ease', 'upgrade_web', scope => 'lists'), affinity.grant_model('mlp', 'public');
RESET ROLE;
