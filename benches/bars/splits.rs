//! The protocols of ranking.py as tables: what is taught, and what came after it. Shared by all bars of ranked lists.

use crate::bench::Bench;
use postgres::Client;
use std::error::Error;

type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// `beauty` and `beauty_test`: the last item of every user is the test, all earlier ones are training. False where the data has none.
pub fn beauty(bench: &Bench, client: &mut Client) -> Result<bool> {
    let Some(file) = bench.data("amazon_beauty/interactions.csv.gz") else { return Ok(false) };
    client.batch_execute("CREATE TABLE beauty (user_id bigint, item_id bigint, position bigint)")?;
    bench.copy_csv(client, "beauty", &file)?;
    client.batch_execute(
        "CREATE TABLE beauty_test AS SELECT DISTINCT ON (user_id) * FROM beauty ORDER BY user_id, position DESC;
         DELETE FROM beauty b USING beauty_test t WHERE t.user_id = b.user_id AND t.position = b.position;
         CREATE INDEX ON beauty (user_id, position); ANALYZE beauty",
    )?;
    Ok(true)
}

/// `movies`, all ratings. False where the data has none.
pub fn movies(bench: &Bench, client: &mut Client) -> Result<bool> {
    let Some(file) = bench.data("movielens_100k/ratings.csv.gz") else { return Ok(false) };
    client.batch_execute("CREATE TABLE movies (user_id bigint, item_id bigint, rating real, timestamp bigint)")?;
    bench.copy_csv(client, "movies", &file)?;
    Ok(true)
}

/// `loo{seed}` of `movies`, in the order of `place`, and `loo{seed}_test`: the last rating of every user is the test; ties of a second are
/// put in a random order.
pub fn last_rating(client: &mut Client, seed: i32) -> Result<()> {
    Ok(client.batch_execute(&format!(
        "CREATE TABLE loo{seed} AS SELECT user_id, item_id, row_number() OVER w AS place, lead(1) OVER w IS NULL AS last FROM movies
           WINDOW w AS (PARTITION BY user_id ORDER BY timestamp, hashint8extended(user_id * 10000 + item_id, {seed}));
         CREATE TABLE loo{seed}_test AS SELECT user_id, item_id FROM loo{seed} WHERE last;
         DELETE FROM loo{seed} WHERE last;
         CREATE INDEX ON loo{seed} (user_id, place); ANALYZE loo{seed}"
    ))?)
}

/// `sittings` of `movies`, and `sittings_test`: the last session of every user with two or more (a gap of more than 30 minutes starts one)
/// is the test.
pub fn last_session(client: &mut Client) -> Result<()> {
    Ok(client.batch_execute(
        "CREATE TABLE sittings AS SELECT user_id, item_id, timestamp, max(place) OVER (PARTITION BY user_id) AS last, place FROM
           (SELECT *, sum(starts) OVER (PARTITION BY user_id ORDER BY timestamp) AS place FROM
             (SELECT *, (timestamp - lag(timestamp) OVER (PARTITION BY user_id ORDER BY timestamp) > 1800)::int AS starts FROM movies) a) b;
         DELETE FROM sittings WHERE coalesce(last, 0) = 0;
         CREATE TABLE sittings_test AS SELECT user_id, item_id FROM sittings WHERE place = last;
         DELETE FROM sittings WHERE place = last;
         CREATE INDEX ON sittings (user_id, timestamp); ANALYZE sittings",
    )?)
}

/// `lines`, all lines of the receipts. False where the data is not all of complete_journey.
pub fn lines(bench: &Bench, client: &mut Client) -> Result<bool> {
    let (Some(file), true) = (bench.data("complete_journey/transactions.csv.gz"), bench.full) else { return Ok(false) };
    client.batch_execute(
        "CREATE TABLE lines (household_id bigint, store_id bigint, basket_id bigint, product_id bigint, quantity real, sales_value real, retail_disc real,
           coupon_disc real, transaction_timestamp timestamp)",
    )?;
    bench.copy_csv(client, "lines", &file)?;
    Ok(true)
}

/// `journey`, purchases before December 2017 of products that ten households or more had bought; `journey_test`, what was bought in
/// December and when first (things are had again: without the time nothing tells what was bought then from what was before); `products`.
/// False where the data is not all of complete_journey.
pub fn journey(bench: &Bench, client: &mut Client) -> Result<bool> {
    let Some(products) = bench.data("complete_journey/products.csv.gz") else { return Ok(false) };
    if !lines(bench, client)? {
        return Ok(false);
    }
    client.batch_execute(
        "CREATE TABLE products (item_id bigint, manufacturer int, department text, brand text, category text, type text, size text)",
    )?;
    bench.copy_csv(client, "products", &products)?;
    client.batch_execute(
        "CREATE TABLE journey AS SELECT household_id AS user_id, product_id AS item_id, transaction_timestamp AS at FROM lines
           WHERE transaction_timestamp < '2017-12-01' AND product_id IN (SELECT product_id FROM lines WHERE transaction_timestamp < '2017-12-01'
             GROUP BY 1 HAVING count(DISTINCT household_id) >= 10);
         CREATE INDEX ON journey (user_id, at); ANALYZE journey;
         CREATE TABLE journey_test AS SELECT household_id AS user_id, product_id AS item_id, min(transaction_timestamp) AS at FROM lines
           WHERE transaction_timestamp >= '2017-12-01' AND product_id IN (SELECT item_id FROM journey) AND household_id IN (SELECT user_id FROM journey)
           GROUP BY 1, 2",
    )?;
    Ok(true)
}
