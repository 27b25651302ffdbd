-- The table of benches/peers/behaviour.py, in one statement over the raw transactions: a row for each household and category that it bought
-- from before a day, with what was known at the midnight that began it, and whether the household bought there in the 31 days after.
-- An event is a trip: the lines of one basket, or those of them in a category. No time has a zone.
CREATE TABLE habits AS
WITH cuts (cut, part) AS (
    VALUES (timestamp '2017-08-31', 'train'), ('2017-10-01', 'train'), ('2017-12-01', 'test')
), trip AS (
    SELECT cut, part, t.household_id, p.product_category, t.basket_id, min(date_trunc('day', t.transaction_timestamp)) AS day,
        sum(t.sales_value) AS spend, sum(t.quantity) AS units, sum(t.retail_disc) AS discount
    FROM transactions t JOIN products p USING (product_id) JOIN cuts ON t.transaction_timestamp < cut + interval '31 days'
    WHERE p.product_category IS NOT NULL GROUP BY 1, 2, 3, 4, 5
), own AS (
    SELECT cut, part, household_id, product_category, affinity.rfm(day, spend, cut) FILTER (WHERE day < cut) AS r,
        affinity.counts(day, ARRAY[interval '14 days', '30 days', '60 days', '90 days'], cut) FILTER (WHERE day < cut) AS n,
        sum(units) FILTER (WHERE day < cut) AS units, sum(discount) FILTER (WHERE day < cut) AS discount, max((day >= cut)::int) AS label
    FROM trip GROUP BY 1, 2, 3, 4
), household AS (
    SELECT cut, household_id, affinity.rfm(day, spend, cut) AS r, affinity.counts(day, ARRAY[interval '30 days'], cut) AS n
    FROM (SELECT cut, household_id, basket_id, min(day) AS day, sum(spend) AS spend FROM trip WHERE day < cut GROUP BY 1, 2, 3) basket GROUP BY 1, 2
)
SELECT household_id, product_category, (o.r).frequency AS trips, (o.r).monetary AS spend, least(units, 10000)::float8 AS units, discount,
    o.n[1] AS trips_14, o.n[2] AS trips_30, o.n[3] AS trips_60, o.n[4] AS trips_90, (o.r).recency, (o.r).tenure, (o.r).mean_gap AS gap, (o.r).overdue,
    (h.r).frequency AS household_trips, (h.r).recency AS household_recency, h.n[1] AS household_trips_30, (h.r).monetary AS household_spend,
    count(*) OVER category AS category_households, avg((o.n[2] > 0)::int) OVER category::float8 AS category_rate, part, label
FROM own o JOIN household h USING (cut, household_id) WHERE (o.r).frequency > 0 WINDOW category AS (PARTITION BY cut, product_category);
