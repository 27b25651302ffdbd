"""psycopg 3: strings and None go without a type, numbers and lists with their own."""

from decimal import Decimal

import psycopg
from psycopg.types.json import Jsonb

with psycopg.connect(autocommit=True) as db:

    def rows(sql, *parameters, **options):
        return db.execute(sql, parameters or None, **options).fetchall()

    def same(literal, sql, *parameters):
        """The call with parameters gives what the call with literals gives, which gives something; ten times, so that plans are prepared."""
        wanted = rows(literal)
        assert wanted, literal
        for _ in range(10):
            found = rows(sql, *parameters, prepare=True)
            assert found == wanted, f"{sql} {parameters}: {found}, wanted {wanted}"

    lists = "SELECT rank, item_id, score, source FROM affinity.recommend"
    plain = lists + "('shop', 7, 5)"
    for user in (7, "7", 7.0, Decimal("7.0")):
        same(plain, lists + "(%s, %s, %s)", "shop", user, 5)
    same(lists + "('shop', NULL, 5)", lists + "(%s, %s, %s)", "shop", None, 5)
    chosen = lists + "('shop', 7, 5, exclude_seen => false, among => '{1,2,3,4,5,6}', exclude => '{2,4,6}')"
    call = lists + "(%s, %s, %s, exclude_seen => %s, among => %s, exclude => %s)"
    for among, exclude in (
        ([1, 2, 3, 4, 5, 6], [2, 4, 6]),
        ([1, 2, 3, 4, 5, 6, 70_000], [2, 4, 6]),
        ("{1,2,3,4,5,6}", "{2,4,6}"),
        ([1, 2, 3, 4, 5, 6], "{2,4,6}"),
        (["1", "2", "3", "4", "5", "6"], ["2", "4", "6"]),
    ):
        same(chosen, call, "shop", 7, 5, False, among, exclude)
    same(plain, lists + "(%s, %s, %s, among => %s, exclude => %s)", "shop", 7, 5, None, [])
    same(plain, lists + "(%s, %s, %s, among => %s, exclude => %s)", "shop", 7, 5, None, None)
    options = lists + "('shop', 7, 5, options => '{\"diversity\": 0.3}')"
    same(options, lists + "(%s, %s, %s, options => %s)", "shop", 7, 5, Jsonb({"diversity": 0.3}))
    same(options, lists + "(%s, %s, %s, options => %s)", "shop", 7, 5, '{"diversity": 0.3}')

    like = "SELECT rank, item_id, score FROM affinity."
    same(like + "similar_items('shop', 5, 3)", like + "similar_items(%s, %s, %s)", "shop", 5, 3)
    same(like + "similar_items('shop', 5, 3)", like + "similar_items(%s, %s, %s)", "shop", "5", 3)
    same(like + "recommend_for('shop', '{5,6}', 3)", like + "recommend_for(%s, %s, %s)", "shop", [5, 6], 3)
    same("SELECT affinity.score('shop', 7, 5)", "SELECT affinity.score(%s, %s, %s)", "shop", "7", 5)

    score = "SELECT affinity.predict('buys', r) FROM (SELECT 3::float8 AS price, 2 AS pages) r"
    for row in ([3.0, 2.0], [3, 2], "{3,2}"):
        same(score, "SELECT affinity.predict(%s, %s)", "buys", row)
    same(score, "SELECT affinity.predict(%s, r) FROM (SELECT %s::float8 AS price, %s::int AS pages) r", "buys", 3, "2")
    same("SELECT NULL::float8", "SELECT affinity.predict(%s, %s)", "buys", None)
    same("SELECT affinity.predict_proba('buys', '{3,2}')", "SELECT affinity.predict_proba(%s, %s)", "buys", [3.0, 2.0])
    trained = rows(
        "SELECT version, deployed FROM affinity.train(%s, %s, %s, params => %s, deploy => %s)",
        *("psycopg", "visits", "bought", Jsonb({"epochs": 1}), "always"),
    )
    assert trained == [(1, True)], trained

    for sql, parameters, state in (
        ("SELECT * FROM affinity.recommend(%s, %s)", ("no such model", 7), "42704"),
        ("SELECT * FROM affinity.recommend(%s, %s, %s)", ("shop", 7, -1), "22023"),
        ("SELECT affinity.predict(%s, %s)", ("buys", [1.0, 2.0, 3.0]), "2202E"),
        ("SELECT affinity.predict(%s, %s)", ("buys", "three, two"), "42804"),
    ):
        try:
            rows(sql, *parameters)
            raise AssertionError(f"{sql} {parameters} is not refused")
        except psycopg.Error as e:
            assert e.sqlstate == state and e.diag.message_hint, f"{sql} {parameters}: {e.sqlstate} {e}"
