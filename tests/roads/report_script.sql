-- A page is opened in the browser of who is more than its author: ids, titles, column names, metrics and the model's name are text in it.

-- as mallory
CREATE TABLE mal."<script>evil(1)</script>" AS SELECT '<script>evil(2)</script>"''&' || u AS user_id, '<img src=x onerror=evil(3)>' || (u + 2 * s) % 12 AS item_id, s AS at, '<script>evil(4)</script>' AS "<script>evil(5)</script>" FROM generate_series(1, 40) u, generate_series(0, 5) s; CREATE TABLE mal.titles AS SELECT '<img src=x onerror=evil(3)>' || i AS item_id, '</td><script>evil(6)</script>' AS title FROM generate_series(0, 11) i;

CREATE TABLE mal.rows AS SELECT i % 10 AS "<script>evil(7)</script>", '<script>evil(8)</script>' || i % 3 AS b, CASE WHEN i % 10 > 5 THEN '<script>evil(9)</script>' ELSE 'b' END AS "y<script>" FROM generate_series(1, 300) i;

-- expect: ok
SELECT affinity.train_recommender('<script>evil(0)</script>', 'mal."<script>evil(1)</script>"', kind => 'transition', time_col => 'at', event_col => '<script>evil(5)</script>'); SELECT affinity.train('</title><script>evil(0)</script>', 'mal.rows', 'y<script>'); SELECT affinity.train('<script>s', 'mal.rows', kind => 'segments');

-- as postgres
-- expect: none
SELECT substring(page FROM '.{0,40}<(?:script|img)[^>]*>.{0,20}') FROM (VALUES (affinity.report('<script>evil(0)</script>', titles => 'mal.titles')), (affinity.report('</title><script>evil(0)</script>', 'mal.rows')), (affinity.report('<script>s'))) r(page) WHERE page ~* '<(script|img)[^>]*(evil|onerror|>\s*evil)';
