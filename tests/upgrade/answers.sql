-- What every model of the shop answers, and every state: what was asked, of what, and the number. A real stands as the double precision that it is.
WITH early AS (SELECT visit, v FROM shop.bought v WHERE visit <= 23),
  kinds (kind) AS (SELECT model FROM affinity.models WHERE model IN ('popularity', 'item_knn', 'transition', 'ease', 'repeat', 'ranker', 'als', 'bpr', 'item_vectors',
    'mult_vae', 'cfgan', 'blend', 'auto')),
  asked (user_id) AS (VALUES (1), (7), (40), (99))
SELECT 'predict ' || model AS question, visit::text AS key, affinity.predict(model, v) AS answer FROM early, unnest('{mlp,logistic}'::text[]) model
UNION ALL SELECT 'predict linear', n::text, affinity.predict('linear', v)
  FROM (SELECT row_number() OVER (ORDER BY visit) AS n, s AS v FROM shop.visits JOIN shop.spending s USING (pages, seconds, price, source, comes_back, spent) LIMIT 12) s
UNION ALL SELECT 'class', visit || ' ' || affinity.predict_class('mlp', v), NULL FROM early
UNION ALL SELECT 'classes', concat(r, '.', p.key, ' of ', affinity.predict_class('classes', r)), p.answer
  FROM (VALUES (1, 4.5::float8, 'mail', true), (99, 1e9, 'nowhere', NULL), (NULL, NULL, NULL, false)) r (pages, seconds, source, comes_back),
    shop.parts(affinity.predict_proba('classes', r)) p
UNION ALL SELECT 'tags', concat(visit, ' ', t.tag), t.probability FROM shop.visits v, affinity.tags('tags', v, k => 3) t WHERE visit <= 12
UNION ALL SELECT 'encode ' || model, concat(visit, '.', i), x
  FROM shop.visits v, unnest('{pca,autoencoder,segments,gan}'::text[]) model, unnest(affinity.encode(model, v)) WITH ORDINALITY c (x, i) WHERE visit IN (1, 13, 19, 23)
UNION ALL SELECT 'reconstruct ' || model, concat(visit, '.', p.key), p.answer
  FROM shop.visits v, unnest('{pca,autoencoder,segments}'::text[]) model, shop.parts(affinity.reconstruct(model, v)) p WHERE visit IN (1, 17, 23)
UNION ALL SELECT 'anomaly ' || model, concat(visit, '.', o."column"), o.score
  FROM shop.visits v, unnest('{pca,autoencoder,segments}'::text[]) model, affinity.anomaly(model, v) o WHERE visit <= 6
UNION ALL SELECT 'segment', concat(visit, ' ', affinity.predict_class('segments', v)), NULL FROM shop.visits v WHERE visit <= 23
UNION ALL SELECT 'segment shares', concat(visit, '.', p.key), p.answer FROM shop.visits v, shop.parts(affinity.predict_proba('segments', v)) p WHERE visit <= 3
UNION ALL SELECT 'describe', concat(d.segment, ' ', d.rows, ' ', d."column", ' ', i), x
  FROM affinity.describe('segments') d, unnest(ARRAY[mean, overall, effect]) WITH ORDINALITY f (x, i)
UNION ALL SELECT 'generate', concat(g.n, '.', p.key), p.answer
  FROM affinity.generate('gan', 6, seed => 3) WITH ORDINALITY g (row, n), shop.parts(g.row) p
UNION ALL SELECT 'realism', visit::text, affinity.realism('gan', v) FROM shop.visits v WHERE visit <= 12
UNION ALL SELECT 'recommend ' || kind, concat(user_id, '.', r.rank, ' ', r.item_id, ' ', r.source), r.score
  FROM kinds, asked, affinity.recommend(kind, user_id, k => 4) r
UNION ALL SELECT 'score ' || kind, concat(user_id, '.', item_id), affinity.score(kind, user_id, item_id) FROM kinds, asked, shop.items WHERE item_id % 5 = 0
UNION ALL SELECT 'recommend_all ' || kind, concat(r.user_id, '.', r.rank, ' ', r.item_id), r.score
  FROM kinds, affinity.recommend_all(kind, k => 2) r WHERE r.user_id % 9 = 0
UNION ALL SELECT 'recommend_for ' || kind, concat(r.rank, ' ', r.item_id), r.score FROM kinds, affinity.recommend_for(kind, ARRAY[3, 9, 14], k => 3) r
UNION ALL SELECT 'similar_items ' || kind, concat(r.rank, ' ', r.item_id), r.score
  FROM kinds, affinity.similar_items(kind, 5, k => 3) r WHERE kind NOT IN ('popularity', 'repeat')
UNION ALL SELECT 'diverse ' || kind, concat(r.rank, ' ', r.item_id), r.score
  FROM kinds, affinity.recommend(kind, 7, k => 3, options => '{"diversity": 0.4, "new_share": 0.3}') r WHERE kind IN ('ease', 'als')
UNION ALL SELECT 'item_vector ' || kind, concat(item_id, '.', i), x
  FROM kinds, shop.items, unnest(affinity.item_vector(kind, item_id)) WITH ORDINALITY v (x, i) WHERE kind IN ('als', 'bpr', 'item_vectors') AND item_id <= 3
UNION ALL SELECT 'user_vector ' || kind, concat(user_id, '.', i), x
  FROM kinds, asked, unnest(affinity.user_vector(kind, user_id)) WITH ORDINALITY v (x, i) WHERE kind IN ('als', 'bpr') AND user_id <= 7
UNION ALL SELECT 'recommend snapshot', concat(u, '.', r.rank, ' ', r.item_id, ' ', r.source), r.score
  FROM unnest('{u1,u5,u99}'::text[]) u, affinity.recommend('snapshot', u, k => 4, as_type => NULL::affinity.recommendation_text) r
UNION ALL SELECT 'recommend uuids', concat(u, '.', r.rank, ' ', r.item_id, ' ', r.source), r.score
  FROM unnest('{u1,u5,u99}'::text[]) u, affinity.recommend('uuids', md5(u)::uuid, k => 4, as_type => NULL::affinity.recommendation_uuid) r
UNION ALL SELECT 'evaluate held out ' || kind, concat(n, ' ', e.model, ' ', e.metric, ' ', e.rows, ' ', i), x
  FROM kinds, affinity.evaluate(kind, k => 5) WITH ORDINALITY e (model, metric, k, value, low, high, rows, n), unnest(ARRAY[e.value, e.low, e.high]) WITH ORDINALITY f (x, i) WHERE kind <> 'auto' AND e.metric IN ('ndcg', 'recall', 'novelty')
UNION ALL SELECT 'evaluate later ' || kind, concat(n, ' ', e.model, ' ', e.metric, ' ', e.rows, ' ', i), x
  FROM kinds, affinity.evaluate(kind, 'shop.later', k => 5) WITH ORDINALITY e (model, metric, k, value, low, high, rows, n), unnest(ARRAY[e.value, e.low, e.high]) WITH ORDINALITY f (x, i)
  WHERE e.metric IN ('ndcg', 'recall', 'novelty')
UNION ALL SELECT 'evaluate ' || m.model, concat(e.model, ' ', e.metric, ' ', e.rows, ' ', i), x
  FROM (VALUES ('mlp', 'shop.bought'), ('classes', 'shop.plans'), ('tags', 'shop.labelled'), ('logistic', 'shop.bought'), ('linear', 'shop.spending'),
      ('pca', 'shop.profiles'), ('autoencoder', 'shop.profiles'), ('segments', 'shop.profiles')) m (model, source),
    affinity.evaluate(m.model, m.source::regclass) e, unnest(ARRAY[e.value, e.low, e.high]) WITH ORDINALITY f (x, i)
UNION ALL SELECT 'models', concat_ws(' ', model, owner, readers, deployed, kind, last_version, versions, bytes), NULL FROM affinity.models
UNION ALL SELECT 'versions', concat(v.model, ' ', v.version, ' ', v.kind, ' ', v.deployed), NULL FROM affinity.versions v
UNION ALL SELECT 'epochs', concat(model, ' ', version, ' ', epoch), train_loss FROM affinity.epochs WHERE epoch = 1
UNION ALL SELECT 'profile', concat(user_id, '.', i), x
  FROM (SELECT user_id, affinity.profile_merge(profile) AS p FROM shop.days GROUP BY 1) d, unnest(p) WITH ORDINALITY v (x, i)
UNION ALL SELECT 'interests', concat(user_id, '.', t ->> 'tag'), (t ->> 'share')::double precision
  FROM (SELECT user_id, affinity.interests_merge(interests) AS p FROM shop.days GROUP BY 1) d, jsonb_array_elements(p) t
UNION ALL SELECT 'rfm', concat(user_id, '.', p.key), p.answer FROM (SELECT user_id, affinity.rfm_merge(rfm) AS h FROM shop.days GROUP BY 1) d, shop.parts(to_jsonb(h)) p
UNION ALL SELECT 'counts', concat(user_id, '.', i), x
  FROM (SELECT user_id, affinity.counts_merge(counts) AS p FROM shop.days GROUP BY 1) d, unnest(p) WITH ORDINALITY v (x, i)
