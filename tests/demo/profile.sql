-- Who is this? One household's profile on the first of December, from its orders alone.
\set ON_ERROR_STOP on

\echo '== Household' :household '- its habits:'
SELECT round((r).recency::numeric, 1) || ' days ago' AS last_trip, (r).frequency AS trips, round((r).monetary::numeric) AS spent,
  round((r).mean_gap::numeric, 1) AS days_between_trips, round((r).overdue::numeric, 2) AS overdue, n[1] AS trips_7, n[2] AS trips_30, n[3] AS trips_90
FROM (SELECT affinity.rfm(ordered_at, amount, '2017-12-01') AS r, affinity.counts(ordered_at, ARRAY[interval '7 days', '30 days', '90 days'], '2017-12-01') AS n
      FROM (SELECT o.ordered_at, sum(l.amount) AS amount FROM orders o JOIN order_lines l USING (order_id) WHERE o.user_id = :household GROUP BY o.order_id) t) s;

\echo '== Household' :household '- its interests, by what it spent, halving every 60 days; beside them what the whole shop spends there:'
WITH line AS (
  SELECT o.user_id, p.category, greatest(l.amount, 0) AS amount, o.ordered_at
  FROM orders o JOIN order_lines l USING (order_id) JOIN products p USING (item_id) WHERE o.ordered_at < '2017-12-01' AND p.category <> 'COUPON/MISC ITEMS'
)
SELECT own.tag AS interest, round(100 * own.share, 1) || ' %' AS share, round(100 * shop.share, 1) || ' %' AS of_the_shop
FROM (SELECT affinity.interests(category, amount, ordered_at, '60 days', '2017-12-01', 8) AS i FROM line WHERE user_id = :household) a,
  jsonb_to_recordset(a.i) AS own (tag text, share numeric),
  (SELECT affinity.interests(category, amount, ordered_at, '60 days', '2017-12-01', 1000) AS i FROM line) b, jsonb_to_recordset(b.i) AS shop (tag text, share numeric)
WHERE shop.tag = own.tag ORDER BY own.share DESC;
