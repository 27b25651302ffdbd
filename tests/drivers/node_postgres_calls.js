// node-postgres: every parameter goes as a text without a type, an array as its literal.
"use strict";
const assert = require("node:assert");
const { Client } = require("pg");

async function main() {
  const db = new Client();
  await db.connect();
  let named = 0;

  // The call with parameters gives what the call with literals gives, which gives something; ten times by one prepared statement.
  async function same(literal, text, values) {
    const wanted = (await db.query(literal)).rows;
    assert(wanted.length > 0, literal);
    const name = `statement ${named++}`;
    for (let i = 0; i < 10; i++) assert.deepStrictEqual((await db.query({ name, text, values })).rows, wanted, `${text} ${values}`);
  }

  const lists = "SELECT rank, item_id, score, source FROM affinity.recommend";
  const plain = `${lists}('shop', 7, 5)`;
  for (const user of [7, "7", 7n]) await same(plain, `${lists}($1, $2, $3)`, ["shop", user, 5]);
  await same(plain, `${lists}($1, $2::numeric, $3)`, ["shop", "7.0", 5]);
  await same(plain, `${lists}($1, $2::bigint, $3)`, ["shop", 7, 5]);
  await same(`${lists}('shop', NULL, 5)`, `${lists}($1, $2, $3)`, ["shop", null, 5]);
  const chosen = `${lists}('shop', 7, 5, exclude_seen => false, among => '{1,2,3,4,5,6}', exclude => '{2,4,6}')`;
  const call = `${lists}($1, $2, $3, exclude_seen => $4, among => $5, exclude => $6)`;
  await same(chosen, call, ["shop", 7, 5, false, [1, 2, 3, 4, 5, 6], [2, 4, 6]]);
  await same(chosen, call, ["shop", 7, 5, false, ["1", "2", "3", "4", "5", "6"], "{2,4,6}"]);
  await same(chosen, `${call.slice(0, -1)}::bigint[])`, ["shop", 7, 5, false, [1, 2, 3, 4, 5, 6], [2, 4, 6]]);
  await same(plain, `${lists}($1, $2, $3, among => $4, exclude => $5)`, ["shop", 7, 5, null, []]);
  await same(plain, `${lists}($1, $2, $3, among => $4, exclude => $5)`, ["shop", 7, 5, null, undefined]);
  await same(`${lists}('shop', 7, 5, options => '{"diversity": 0.3}')`, `${lists}($1, $2, $3, options => $4)`, ["shop", 7, 5, { diversity: 0.3 }]);

  const like = "SELECT rank, item_id, score FROM affinity.";
  await same(`${like}similar_items('shop', 5, 3)`, `${like}similar_items($1, $2, $3)`, ["shop", 5, 3]);
  await same(`${like}recommend_for('shop', '{5,6}', 3)`, `${like}recommend_for($1, $2, $3)`, ["shop", [5, 6], 3]);
  await same("SELECT affinity.score('shop', 7, 5)", "SELECT affinity.score($1, $2, $3)", ["shop", 7, 5]);

  const score = "SELECT affinity.predict('buys', r) FROM (SELECT 3::float8 AS price, 2 AS pages) r";
  await same(score, "SELECT affinity.predict($1, $2)", ["buys", [3, 2]]);
  await same(score, "SELECT affinity.predict($1, $2::float8[])", ["buys", [3, 2]]);
  await same(score, "SELECT affinity.predict($1, r) FROM (SELECT $2::float8 AS price, $3::int AS pages) r", ["buys", 3, 2]);
  await same("SELECT NULL::float8 AS predict", "SELECT affinity.predict($1, $2)", ["buys", null]);
  await same("SELECT affinity.predict_proba('buys', '{3,2}')", "SELECT affinity.predict_proba($1, $2)", ["buys", [3, 2]]);
  const train = "SELECT version, deployed FROM affinity.train($1, $2, $3, params => $4, deploy => $5)";
  assert.deepStrictEqual((await db.query(train, ["node", "visits", "bought", { epochs: 1 }, "always"])).rows, [{ version: 1, deployed: true }]);

  for (const [text, values, code] of [
    ["SELECT * FROM affinity.recommend($1, $2)", ["no such model", 7], "42704"],
    ["SELECT * FROM affinity.recommend($1, $2, $3)", ["shop", 7, -1], "22023"],
    ["SELECT affinity.predict($1, $2)", ["buys", [1, 2, 3]], "2202E"],
    ["SELECT affinity.predict($1, $2)", ["buys", "three, two"], "42804"],
  ]) {
    await assert.rejects(db.query(text, values), (e) => e.code === code && e.hint.length > 0, `${text} ${values}`);
  }
  await db.end();
}

main().catch((e) => {
  console.error(e);
  process.exit(1);
});
