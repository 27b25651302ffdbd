-- What else might a household like? Learnt from all orders up to November; December shows what happened.
\set ON_ERROR_STOP on

-- What is worth recommending: products that ten households or more have bought, and not the fuel.
CREATE TABLE assortment AS
  SELECT p.item_id, p.name, p.brand, p.category FROM products p JOIN purchases b ON b.item_id = p.item_id
  WHERE b.ordered_at < '2017-12-01' AND p.category <> 'COUPON/MISC ITEMS' GROUP BY p.item_id HAVING count(DISTINCT b.user_id) >= 10;
ALTER TABLE assortment ADD PRIMARY KEY (item_id);
ANALYZE assortment;

-- The events: who, what, when. A recommendation reads the user's own events live, from the very view that was trained on.
CREATE VIEW events AS SELECT * FROM purchases JOIN assortment USING (item_id) WHERE ordered_at < '2017-12-01';

\echo
\echo '== Training: an autoencoder of baskets for tastes, neighbours of items for habits'
SELECT model, version, kind, rows_used, round(seconds::numeric, 1) AS seconds, deployed
FROM affinity.train_recommender('taste', 'events', kind => 'mult_vae', time_col => 'ordered_at', params => '{"hidden": 200, "latent": 64}')
UNION ALL SELECT model, version, kind, rows_used, round(seconds::numeric, 1), deployed
FROM affinity.train_recommender('habit', 'events', kind => 'item_knn', time_col => 'ordered_at');

\echo '== Household' :household '- beside what it has bought most, what it never bought and may like:'
WITH most AS (
  SELECT row_number() OVER (ORDER BY count(*) DESC, item_id) AS rank, name, count(*) AS times FROM events WHERE user_id = :household GROUP BY item_id, name
)
SELECT r.rank, m.times || ' x ' || m.name AS bought_most, a.name AS recommended, a.category,
  CASE WHEN EXISTS (SELECT FROM purchases p WHERE p.user_id = :household AND p.item_id = r.item_id) THEN 'bought' ELSE '-' END AS in_december
FROM affinity.recommend('taste', :household, k => 10, exclude_seen => true) r JOIN assortment a USING (item_id) JOIN most m USING (rank) ORDER BY r.rank;

\echo '== Household' :household '- its shopping list, what it knows included:'
SELECT r.rank, a.name AS item, a.brand, h.times AS bought_before, h.last::date AS last_bought,
  CASE WHEN EXISTS (SELECT FROM purchases p WHERE p.user_id = :household AND p.item_id = r.item_id AND p.ordered_at >= '2017-12-01') THEN 'bought' ELSE '-' END
    AS in_december
FROM affinity.recommend('habit', :household, k => 10, exclude_seen => false) r JOIN assortment a USING (item_id)
  CROSS JOIN LATERAL (SELECT count(*) AS times, max(ordered_at) AS last FROM events e WHERE e.user_id = :household AND e.item_id = r.item_id) h
ORDER BY r.rank;

\echo '== Somebody new, with these two in the basket:'
SELECT item_id AS id, name FROM assortment WHERE name LIKE 'HOT DOG BUNS%' ORDER BY item_id LIMIT 1 \gset first_
SELECT item_id AS id, name FROM assortment WHERE name LIKE 'POTATO CHIPS%' ORDER BY item_id LIMIT 1 \gset second_
\echo :first_name, :second_name
SELECT r.rank, a.name AS what_goes_with_them, a.category
FROM affinity.recommend_for('habit', ARRAY[:first_id, :second_id], k => 5) r JOIN assortment a USING (item_id) ORDER BY r.rank;
