"""asyncpg: asks Postgres for the types of all parameters, prepares every statement, and sends no value of another type."""

import asyncio
import json
import os
from decimal import Decimal

import asyncpg


async def main():
    # What psql takes from the environment: asyncpg takes a folder as PGHOST too.
    db = await asyncpg.connect(database=os.environ["PGDATABASE"])

    async def same(literal, sql, *parameters):
        """The call with parameters gives what the call with literals gives, which gives something; ten times, so that plans are generic in the end."""
        wanted = await db.fetch(literal)
        assert wanted, literal
        statement = await db.prepare(sql)
        for _ in range(10):
            found = await statement.fetch(*parameters)
            assert found == wanted, f"{sql} {parameters}: {found}, wanted {wanted}"

    lists = "SELECT rank, item_id, score, source FROM affinity.recommend"
    plain = lists + "('shop', 7, 5)"
    await same(plain, lists + "($1, $2, $3)", "shop", "7", 5)
    await same(plain, lists + "($1, $2::int, $3)", "shop", 7, 5)
    await same(plain, lists + "($1, $2::bigint, $3)", "shop", 7, 5)
    await same(plain, lists + "($1, $2::numeric, $3)", "shop", Decimal("7.0"), 5)
    await same(plain, lists + "($1, $2::float8, $3)", "shop", 7.0, 5)
    await same(lists + "('shop', NULL, 5)", lists + "($1, $2, $3)", "shop", None, 5)
    chosen = lists + "('shop', 7, 5, exclude_seen => false, among => '{1,2,3,4,5,6}', exclude => '{2,4,6}')"
    call = lists + "($1, $2, $3, exclude_seen => $4, among => $5{}, exclude => $6{})"
    user = ("shop", "7", 5, False)
    await same(chosen, call.format("", ""), *user, "{1,2,3,4,5,6}", "{2,4,6}")
    await same(chosen, call.format("::bigint[]", "::bigint[]"), *user, [1, 2, 3, 4, 5, 6], [2, 4, 6])
    await same(chosen, call.format("::int[]", "::bigint[]"), *user, [1, 2, 3, 4, 5, 6], [2, 4, 6])
    # One that has a type gives it to the other.
    await same(chosen, call.format("::int[]", ""), *user, [1, 2, 3, 4, 5, 6], [2, 4, 6])
    await same(chosen, call.format("::text[]", ""), *user, list("123456"), list("246"))
    await same(plain, lists + "($1, $2, $3, among => $4, exclude => $5)", "shop", "7", 5, None, None)
    await same(plain, lists + "($1, $2, $3, exclude => $4::bigint[])", "shop", "7", 5, [])
    options = lists + "('shop', 7, 5, options => '{\"diversity\": 0.3}')"
    await same(options, lists + "($1, $2, $3, options => $4)", "shop", "7", 5, json.dumps({"diversity": 0.3}))

    like = "SELECT rank, item_id, score FROM affinity."
    await same(like + "similar_items('shop', 5, 3)", like + "similar_items($1, $2, $3)", "shop", "5", 3)
    await same(like + "similar_items('shop', 5, 3)", like + "similar_items($1, $2::bigint, $3)", "shop", 5, 3)
    await same(like + "recommend_for('shop', '{5,6}', 3)", like + "recommend_for($1, $2, $3)", "shop", ["5", "6"], 3)
    await same("SELECT affinity.score('shop', 7, 5)", "SELECT affinity.score($1, $2, $3::int)", "shop", "7", 5)

    score = "SELECT affinity.predict('buys', r) FROM (SELECT 3::float8 AS price, 2 AS pages) r"
    await same(score, "SELECT affinity.predict($1, $2)", "buys", "{3,2}")
    for of in ("real", "float8", "int"):
        await same(score, f"SELECT affinity.predict($1, $2::{of}[])", "buys", [3, 2])
    await same(score, "SELECT affinity.predict($1, $2::numeric[])", "buys", [Decimal(3), Decimal(2)])
    await same(score, "SELECT affinity.predict($1, r) FROM (SELECT $2::float8 AS price, $3::int AS pages) r", "buys", 3.0, 2)
    await same("SELECT NULL::float8", "SELECT affinity.predict($1, $2)", "buys", None)
    trained = await db.fetch(
        "SELECT version, deployed FROM affinity.train($1, $2::text::regclass, $3, params => $4, deploy => $5)",
        *("asyncpg", "visits", "bought", json.dumps({"epochs": 1}), "always"),
    )
    assert [tuple(r) for r in trained] == [(1, True)], trained

    for sql, parameters, state in (
        ("SELECT * FROM affinity.recommend($1, $2)", ("no such model", "7"), "42704"),
        ("SELECT * FROM affinity.recommend($1, $2, $3)", ("shop", "7", -1), "22023"),
        ("SELECT affinity.predict($1, $2::float8[])", ("buys", [1.0, 2.0, 3.0]), "2202E"),
        ("SELECT affinity.predict($1, $2)", ("buys", "three, two"), "42804"),
    ):
        try:
            await db.fetch(sql, *parameters)
            raise AssertionError(f"{sql} {parameters} is not refused")
        except asyncpg.PostgresError as e:
            assert e.sqlstate == state and e.hint, f"{sql} {parameters}: {e.sqlstate} {e}"
    await db.close()


asyncio.run(main())
