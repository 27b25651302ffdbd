-- A shop as many have it: products, orders and their lines, filled from the cut of The Complete Journey in tests/data.
\set ON_ERROR_STOP on
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pg_affinity;

CREATE TABLE products (
  item_id bigint PRIMARY KEY, maker int, department text, brand text, category text, kind text, size text,
  name text GENERATED ALWAYS AS (coalesce(kind, category, department) || coalesce(' ' || size, '')) STORED);
\copy products (item_id, maker, department, brand, category, kind, size) FROM PROGRAM 'gzip -dc tests/data/complete_journey/products.csv.gz' CSV HEADER

CREATE TEMP TABLE line (household_id bigint, basket_id bigint, product_id bigint, quantity int, sales_value real, retail_disc real, at timestamp);
\copy line FROM PROGRAM 'gzip -dc tests/data/complete_journey/transactions.csv.gz' CSV HEADER

CREATE TABLE orders (order_id bigint PRIMARY KEY, user_id bigint NOT NULL, ordered_at timestamp NOT NULL);
INSERT INTO orders SELECT DISTINCT basket_id, household_id, at FROM line;
CREATE INDEX ON orders (user_id);

-- Some lines are of products that the list does not have: no foreign key, as in many a shop.
CREATE TABLE order_lines (order_id bigint NOT NULL REFERENCES orders, item_id bigint NOT NULL,
  quantity int NOT NULL, amount real NOT NULL, discount real NOT NULL);
INSERT INTO order_lines SELECT basket_id, product_id, quantity, sales_value, retail_disc FROM line;
CREATE INDEX ON order_lines (order_id);
DROP TABLE line;

-- What a household bought and when: the events that recommendations are learnt from.
CREATE VIEW purchases AS
  SELECT o.user_id, l.item_id, o.ordered_at FROM orders o JOIN order_lines l USING (order_id);
ANALYZE products, orders, order_lines;

SELECT (SELECT count(DISTINCT user_id) FROM orders) AS households, (SELECT count(*) FROM orders) AS orders,
  (SELECT count(*) FROM order_lines) AS lines, (SELECT count(*) FROM products) AS products;
