-- What is this product? Departments, categories and brands as tags, learnt from names, sizes and makers.
\set ON_ERROR_STOP on
SET client_min_messages = notice;

-- A product's name is the kind of thing that it is; every third kind is kept apart, so that the tags below are of names never seen.
CREATE VIEW described AS
  SELECT kind, size, maker::text AS maker, array_remove(ARRAY[department, category, brand], NULL) AS tags, ascii(md5(kind)) % 3 = 0 AS apart
  FROM products WHERE kind IS NOT NULL;
CREATE VIEW catalogue AS SELECT kind, size, maker, tags FROM described WHERE NOT apart;

\echo
\echo '== Training: a product''s tags from its name, size and maker'
SELECT model, version, kind, rows_used, round(seconds::numeric, 1) AS seconds, round((metrics ->> 'precision@1')::numeric, 3) AS first_tag_right,
  round((metrics ->> 'recall@3')::numeric, 3) AS of_three_found, deployed
FROM affinity.train('tagger', 'catalogue', 'tags', params => '{"epochs": 4}');

SELECT kind, size, maker FROM described WHERE apart AND kind LIKE '%CHEESE%' ORDER BY md5(kind), size LIMIT 1 \gset product_
\echo '== Product' :product_kind :product_size '- its tags, from a name that it has not seen:'
SELECT t.tag, round(100 * t.probability::numeric, 1) || ' %' AS probability, CASE WHEN t.tag = ANY (d.tags) THEN 'has it' ELSE '-' END AS really
FROM (SELECT * FROM described WHERE kind = :'product_kind' AND size = :'product_size' AND maker = :'product_maker' LIMIT 1) d,
  affinity.tags('tagger', d, k => 6) t;
