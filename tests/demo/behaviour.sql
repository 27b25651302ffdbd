-- Will this household buy in this category within the next 31 days?
\set ON_ERROR_STOP on
SET client_min_messages = notice;

-- One row for each household and category that it bought from before the day `cut`, with what was known on that day, and the outcome.
CREATE FUNCTION habits(cut date) RETURNS TABLE (
  user_id bigint, category text, trips bigint, spend real, units real, discount real, trips_14 bigint, trips_30 bigint, trips_60 bigint,
  trips_90 bigint, recency int, tenure int, gap real, overdue real, household_trips bigint, household_recency int, household_trips_30 bigint,
  household_spend real, category_households bigint, category_rate real, buys boolean) LANGUAGE sql STABLE AS $$
  WITH line AS (
    SELECT o.user_id, p.category, o.order_id, o.ordered_at::date AS day, l.amount, l.quantity, l.discount
    FROM orders o JOIN order_lines l USING (order_id) JOIN products p USING (item_id) WHERE p.category IS NOT NULL
  ), trip AS (
    SELECT l.user_id, l.category, l.order_id, l.day, sum(l.amount) AS spend, sum(l.quantity) AS units, sum(l.discount) AS discount
    FROM line l WHERE l.day < cut GROUP BY 1, 2, 3, 4
  ), own AS (
    SELECT t.user_id, t.category, count(*) AS trips, sum(t.spend) AS spend, least(sum(t.units), 10000) AS units, sum(t.discount) AS discount,
      count(*) FILTER (WHERE day >= cut - 14) AS trips_14, count(*) FILTER (WHERE day >= cut - 30) AS trips_30,
      count(*) FILTER (WHERE day >= cut - 60) AS trips_60, count(*) FILTER (WHERE day >= cut - 90) AS trips_90,
      cut - max(day) AS recency, cut - min(day) AS tenure, CASE WHEN count(*) > 1 THEN (cut - min(day))::real / count(*) END AS gap
    FROM trip t GROUP BY 1, 2
  ), household AS (
    SELECT t.user_id, count(DISTINCT t.order_id) AS trips, cut - max(day) AS recency,
      count(DISTINCT t.order_id) FILTER (WHERE day >= cut - 30) AS trips_30, sum(t.spend) AS spend
    FROM trip t GROUP BY 1
  ), shelf AS (
    SELECT w.category, count(*) AS households, count(*) FILTER (WHERE w.trips_30 > 0)::real / count(*) AS rate FROM own w GROUP BY 1
  ), later AS (
    SELECT DISTINCT l.user_id, l.category FROM line l WHERE l.day >= cut AND l.day < cut + 31
  )
  SELECT w.user_id, w.category, w.trips, w.spend, w.units, w.discount, w.trips_14, w.trips_30, w.trips_60, w.trips_90, w.recency, w.tenure,
    w.gap, CASE WHEN w.trips > 1 THEN w.recency / greatest(w.gap, 1) END, h.trips, h.recency, h.trips_30, h.spend, s.households, s.rate, later.user_id IS NOT NULL
  FROM own w JOIN household h USING (user_id) JOIN shelf s USING (category) LEFT JOIN later USING (user_id, category)
$$;

-- It learns from two days of the past, and is asked about December. The household's number is no input: it is for the JOINs.
CREATE TABLE habits_past AS SELECT * FROM habits('2017-08-31') UNION ALL SELECT * FROM habits('2017-10-01');
CREATE TABLE habits_december AS SELECT * FROM habits('2017-12-01');
ANALYZE habits_past, habits_december;

\echo
\echo '== Training: will a household buy in a category within a month?'
SELECT model, version, kind, rows_used, round(seconds::numeric, 1) AS seconds, metrics ->> 'epochs' AS epochs,
  round((metrics ->> 'auc')::numeric, 4) AS held_out_auc, deployed
FROM affinity.train('buys_again', 'habits_past', 'buys', params => '{"exclude": ["user_id"]}');

\echo '== How good is it on December, which it has not seen?'
SELECT metric, round(max(value) FILTER (WHERE model = 'buys_again')::numeric, 4) AS buys_again,
  round(max(value) FILTER (WHERE model <> 'buys_again')::numeric, 4) AS logistic_baseline, max(rows) AS rows
FROM affinity.evaluate('buys_again', 'habits_december') GROUP BY metric ORDER BY metric;

\echo '== Are its probabilities to be believed? Households and categories by what was predicted, and how many did buy:'
SELECT width_bucket(p, 0, 1, 10) * 10 - 10 || ' to ' || width_bucket(p, 0, 1, 10) * 10 || ' %' AS predicted, count(*) AS pairs,
  round(100 * avg(p)::numeric, 1) AS mean_predicted, round(100 * avg(buys::int), 1) AS bought
FROM (SELECT affinity.predict('buys_again', h) AS p, buys FROM habits_december h) s GROUP BY width_bucket(p, 0, 1, 10) ORDER BY width_bucket(p, 0, 1, 10);

-- A household of many categories, the same one in every run.
SELECT user_id AS household FROM habits_december WHERE household_recency < 14 AND household_trips BETWEEN 60 AND 120
GROUP BY user_id ORDER BY count(*) DESC, user_id LIMIT 1 \gset
\echo '== Household' :household '- what it may need in December, from the likeliest category to the least, its usual product there, and what happened:'
SELECT round(100 * s.p::numeric) || ' %' AS probability, s.category, u.name AS usual_product, s.recency || ' days ago' AS last_bought,
  CASE WHEN s.buys THEN 'bought' ELSE '-' END AS in_december
FROM (SELECT affinity.predict('buys_again', h) AS p, row_number() OVER (ORDER BY affinity.predict('buys_again', h) DESC, category) AS place, h.*
      FROM habits_december h WHERE user_id = :household) s
  CROSS JOIN LATERAL (
    SELECT p.name FROM orders o JOIN order_lines l USING (order_id) JOIN products p USING (item_id)
    WHERE o.user_id = s.user_id AND p.category = s.category AND o.ordered_at < '2017-12-01' GROUP BY p.name ORDER BY count(*) DESC, p.name LIMIT 1) u
WHERE s.place <= 4 OR s.place % 12 = 0 ORDER BY s.place LIMIT 14;
