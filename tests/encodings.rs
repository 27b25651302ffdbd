//! Databases of other encodings than UTF-8: texts go in and come out as they are, in values, classes, ids, names, documents, messages and
//! pages; and a model of one is the same in a database of another that it is restored in.

#![allow(clippy::unwrap_used)]

mod cluster;

use cluster::{Database, Session, error_line, server};
use std::io::Write;
use std::process::{Command, Stdio};

/// Texts of one encoding, as SQL literals; a column's name in double quotes.
struct Words {
    encoding: &'static str,
    classes: [&'static str; 2],
    values: [&'static str; 2],
    model: &'static str,
    column: &'static str,
    /// Whether a client of UTF-8 can be shown all of them.
    shown: bool,
}

const WORDS: [Words; 4] = [
    Words {
        encoding: "LATIN1", classes: ["'nö'", "'jà'"], values: ["'röt'", "'été'"], model: "'grün'", column: "\"größe\"", shown: true
    },
    Words {
        encoding: "EUC_JP",
        classes: ["'いいえ'", "'はい'"],
        values: ["'赤'", "'青い'"],
        model: "'緑'",
        column: "\"大きさ\"",
        shown: true,
    },
    // Of SQL_ASCII some bytes are UTF-8 and others are not: characters of Latin 1, half a character, and what stands for other bytes
    // inside.
    Words {
        encoding: "SQL_ASCII",
        classes: [r"E'n\366'", "'já'"],
        values: [r"E'r\366t\356\276\200\303'", r"E'\303\251t\351'"],
        model: r"E'gr\374n'",
        column: "\"größe\"",
        shown: false,
    },
    Words {
        encoding: "UTF8",
        classes: ["'nö'", "'はい'"],
        values: [r"E'r\356\276\200t'", "'été'"],
        model: "'grün'",
        column: "\"大きさ\"",
        shown: true,
    },
];

impl Words {
    /// A statement with these words in it.
    fn sql(&self, sql: &str) -> String {
        let parts = [
            ("{no}", self.classes[0]),
            ("{yes}", self.classes[1]),
            ("{red}", self.values[0]),
            ("{blue}", self.values[1]),
            ("{model}", self.model),
            ("{column}", self.column),
        ];
        parts.iter().fold(sql.to_owned(), |sql, (mark, word)| sql.replace(mark, word))
    }

    /// What a literal without escapes says.
    fn plain(literal: &str) -> &str {
        literal.trim_matches(['\'', '"'])
    }
}

/// What is there before the first training.
const TABLES: &str = "CREATE TABLE things AS SELECT i AS id, CASE WHEN i % 2 = 0 THEN {no} ELSE {yes} END AS y, i % 2 + (i % 3) * .1 AS {column},
    CASE WHEN i % 2 = 0 THEN {red} ELSE {blue} END AS c, ARRAY[CASE WHEN i % 2 = 0 THEN {red} ELSE {blue} END, 'all'] AS tags,
    CASE WHEN i % 2 = 0 THEN {red} ELSE {blue} END || ' ' || i || ' ' || {yes} AS about FROM generate_series(1, 600) i;
  CREATE TYPE colour AS ENUM ({red}, {blue});
  CREATE TABLE events AS SELECT {yes} || u AS user_id, {blue} || (u + n * n) % 12 AS item_id, n AS at, CASE WHEN n % 2 = 0 THEN {no} ELSE {yes} END AS kind,
    (CASE WHEN u % 2 = 0 THEN {red} ELSE {blue} END)::colour AS shop FROM generate_series(1, 60) u, generate_series(1, 6) n;
  CREATE TABLE goods AS SELECT DISTINCT item_id, {red} || item_id AS title, {red} || length(item_id) AS maker FROM events";

/// The trainings.
const TRAININGS: [&str; 7] = [
    "SELECT version FROM affinity.train({model}, 'things', 'y', params => jsonb_build_object('epochs', 20, 'include', jsonb_build_array('c'), 'exclude', '[\"id\", \"tags\", \"about\"]'::jsonb))",
    "SELECT affinity.train('tags', 'things', 'tags', params => '{\"epochs\": 10, \"exclude\": [\"id\", \"y\", \"about\"]}')",
    "SELECT affinity.train('about', 'things', 'y', params => '{\"epochs\": 5, \"text\": [\"about\"], \"exclude\": [\"id\", \"c\", \"tags\"]}')",
    "SELECT affinity.train('whole', 'things', kind => 'pca', params => '{\"exclude\": [\"id\", \"tags\", \"about\"]}')",
    "SELECT affinity.train('made', 'things', kind => 'gan', params => '{\"exclude\": [\"id\", \"tags\", \"about\"], \"hidden\": [16], \"steps\": 50, \"epochs\": 1}')",
    "SELECT affinity.train('groups', 'things', kind => 'segments', params => '{\"k\": 2, \"exclude\": [\"id\", \"tags\", \"about\"]}')",
    "SELECT affinity.train_recommender('lists', 'events', time_col => 'at', event_col => 'kind', event_weights => jsonb_build_object({yes}, 1, {no}, .5), items => 'goods',
       kind => 'ranker', params => '{\"context\": [\"shop\"]}')",
];

/// What must be true after them, by name.
const TRUE: [(&str, &str); 22] = [
    (
        "class",
        "SELECT bool_and(affinity.predict_class({model}, t) IN ({no}, {yes})) AND count(DISTINCT affinity.predict_class({model}, t)) = 2 FROM things t",
    ),
    ("right", "SELECT avg((affinity.predict_class({model}, t) = y)::int) > .9 FROM things t"),
    ("proba", "SELECT bool_and(affinity.predict_proba({model}, t) ?& ARRAY[{no}, {yes}]) FROM things t"),
    (
        "columns",
        "SELECT affinity.predict({model}, t) = affinity.predict({model}, s) FROM things t, LATERAL (SELECT t.y, t.{column}, t.c) s LIMIT 1",
    ),
    (
        "tags",
        "SELECT count(*) = 3 AND count(*) FILTER (WHERE g.tag IN ({red}, {blue}, 'all')) = 3 FROM (SELECT * FROM things LIMIT 1) t, affinity.tags('tags', t, 3) g",
    ),
    ("text", "SELECT avg((affinity.predict_class('about', t) = y)::int) > .9 FROM things t"),
    (
        "back",
        "SELECT bool_and(r.c IN ({red}, {blue}) AND r.y IN ({yes}, {no}) AND r.{column} IS NOT NULL) FROM things t, jsonb_populate_record(NULL::things, affinity.reconstruct('whole', t)) r",
    ),
    (
        "generated",
        "SELECT count(*) = 50 AND bool_and(r.c = {red} AND r.y IN ({yes}, {no}) AND r.{column} IS NOT NULL) FROM affinity.generate('made', 50, jsonb_build_object('c', {red})) g, jsonb_populate_record(NULL::things, g) r",
    ),
    ("described", "SELECT count(*) > 0 FROM affinity.describe('groups') WHERE \"column\" = 'c = ' || {red} OR \"column\" = 'y = ' || {no}"),
    (
        "odd",
        "SELECT bool_and(a.\"column\" IN ('c', 'y', (SELECT attname::text FROM pg_attribute WHERE attrelid = 'things'::regclass AND attnum = 3))) FROM things t, LATERAL affinity.anomaly('whole', t) a",
    ),
    ("weight", "SELECT affinity.event_weight({yes}, jsonb_build_object({yes}, 2)) = 2"),
    ("model", "SELECT count(*) = 1 FROM affinity.models WHERE model = {model}"),
    ("versions", "SELECT count(*) = 1 FROM affinity.versions WHERE model = {model}"),
    (
        "lists",
        "SELECT count(*) = 5 AND bool_and(item_id IN (SELECT item_id FROM events)) FROM affinity.recommend('lists', {yes} || 7, 5, as_type => NULL::affinity.recommendation_text)",
    ),
    (
        "live",
        "SELECT bool_and(source <> 'popularity') FROM affinity.recommend('lists', {yes} || 7, 5, as_type => NULL::affinity.recommendation_text)",
    ),
    (
        "among",
        "SELECT array_agg(item_id) = ARRAY[{blue} || 3] FROM affinity.recommend('lists', {yes} || 7, 5, among => ARRAY[{blue} || 3], exclude_seen => false, as_type => NULL::affinity.recommendation_text)",
    ),
    (
        "everyone",
        "SELECT count(DISTINCT user_id) = 60 AND bool_and(user_id IN (SELECT user_id FROM events)) FROM affinity.recommend_all('lists', 3, as_type => NULL::affinity.user_recommendation_text)",
    ),
    ("score", "SELECT affinity.score('lists', {yes} || 7, {blue} || 3) IS NOT NULL"),
    ("evaluated", "SELECT bool_or(metric LIKE '%c%') FROM affinity.evaluate('whole', 'things')"),
    ("interests", "SELECT affinity.interests(c, 1) @> jsonb_build_array(jsonb_build_object('tag', {red})) FROM things"),
    ("page", "SELECT length(affinity.report('lists', titles => 'goods')) > 1000 AND length(affinity.report({model}, 'things')) > 1000"),
    ("words", "SELECT count(*) > 100 FROM affinity.kinds() k, affinity.params(k.kind) p"),
];

fn truths(session: &mut Session, words: &Words, place: &str) {
    for (name, sql) in TRUE {
        let sql = words.sql(sql);
        let found = session.run(&sql).unwrap_or_else(|e| panic!("{place}, {name}: {}", error_line(&e))).0.unwrap();
        assert_eq!(found, [[Some("t".to_owned())]], "{place}, {name}: {sql}");
    }
    let findings = session.run("SELECT * FROM affinity.check()").unwrap().0.unwrap();
    assert!(findings.is_empty(), "{place}: {findings:?}");
}

/// A database of an encoding; dropped at the end.
fn database(server: &str, encoding: &str) -> Database {
    let db = Database::empty(server, &format!("in_{}", encoding.to_lowercase()));
    let mut admin = db.session("postgres", "postgres").client;
    admin.batch_execute(&format!("DROP DATABASE {}", db.database())).unwrap();
    admin.batch_execute(&format!("CREATE DATABASE {} TEMPLATE template0 ENCODING '{encoding}' LOCALE 'C'", db.database())).unwrap();
    db
}

#[test]
fn texts_are_what_they_are_in_every_encoding() {
    let Some(server) = server("encodings") else { return };
    for words in &WORDS {
        let db = database(&server, words.encoding);
        let mut session = db.session(&db.database(), "postgres");
        if !words.shown {
            session.run("SET client_encoding = 'SQL_ASCII'").unwrap();
        }
        session.run("CREATE EXTENSION pg_affinity").unwrap();
        session.run(&words.sql(TABLES)).unwrap();
        for sql in TRAININGS {
            let sql = words.sql(sql);
            session.run(&sql).map_err(|e| error_line(&e)).unwrap_or_else(|e| panic!("{}: {sql}: {e}", words.encoding));
        }
        truths(&mut session, words, words.encoding);
        if words.shown {
            messages(&mut session, words);
        }
    }
}

/// Errors of ours, errors of Postgres that pass us, and notices.
fn messages(session: &mut Session, words: &Words) {
    let [model, yes, column] = [words.model, words.classes[1], words.column].map(Words::plain);
    let mut error = |sql: &str| error_line(&session.run(&words.sql(sql)).unwrap_err());
    assert_eq!(
        error("SELECT affinity.predict({model} || 'x', t) FROM things t"),
        format!("42704 model \"{model}x\" does not exist HINT: Did you mean \"{model}\"?")
    );
    assert_eq!(
        error("SELECT affinity.predict({model}, t) FROM (SELECT {red} AS c) t"),
        format!(
            "42703 row has no column \"{column}\" DETAIL: The row's columns are: c. HINT: The model was trained with that column; add it to the row with a \
             sub-select, or train the model again."
        )
    );
    // Three points in one sign are in no encoding of one byte.
    let points = if words.encoding == "LATIN1" { "..." } else { "…" };
    let said = error("SELECT affinity.predict_class('whole', '{1}'::real[])");
    assert!(said.contains(&format!("affinity.predict('{points}', t)")), "{said}");
    // Postgres's own, in the query that a training reads.
    session.run("CREATE VIEW faulty AS SELECT y, y::int AS x FROM things").unwrap();
    let faulty = "SELECT affinity.train('m', 'faulty', 'y')";
    let mut error = |sql: &str| error_line(&session.run(&words.sql(sql)).unwrap_err());
    assert_eq!(error(faulty), format!("22P02 invalid input syntax for type integer: \"{yes}\""));
    // An error that was caught says nothing about the next one.
    let caught = "DO $$ BEGIN PERFORM affinity.train('m', 'faulty', 'y'); EXCEPTION WHEN invalid_text_representation THEN RAISE EXCEPTION '%', SQLERRM || '!'; END $$";
    assert_eq!(error(caught).lines().next().unwrap(), format!("P0001 invalid input syntax for type integer: \"{yes}\"!"));
    assert_eq!(error("SELECT 1 / 0"), "22012 division by zero");
    session.notices();
    session
        .run(
            &words
                .sql("CREATE VIEW dull AS SELECT y, {column}, 1 AS {model_column} FROM things")
                .replace("{model_column}", &format!("\"{model}\"")),
        )
        .unwrap();
    session.run("SELECT affinity.train('m', 'dull', 'y', params => '{\"epochs\": 1}')").unwrap();
    assert!(session.notices().iter().any(|n| n.contains(&format!("\"{model}\""))));
}

#[test]
fn a_model_is_the_same_in_a_database_of_another_encoding() {
    let Some(server) = server("encodings restored") else { return };
    let words = &WORDS[0];
    let (from, to) = (Database::empty(&server, "encoded_from"), Database::empty(&server, "encoded_to"));
    let mut admin = from.session("postgres", "postgres").client;
    admin.batch_execute(&format!("DROP DATABASE {}", from.database())).unwrap();
    admin.batch_execute(&format!("CREATE DATABASE {} TEMPLATE template0 ENCODING 'LATIN1' LOCALE 'C'", from.database())).unwrap();
    let mut session = from.session(&from.database(), "postgres");
    session.run("CREATE EXTENSION pg_affinity").unwrap();
    session.run(&words.sql(TABLES)).unwrap();
    for sql in TRAININGS {
        session.run(&words.sql(sql)).unwrap();
    }
    let scores =
        "SELECT sum(affinity.predict({model}, t))::text, md5(string_agg(affinity.encode('whole', t)::text, ' ' ORDER BY id)) FROM things t";
    let before = session.run(&words.sql(scores)).unwrap().0;
    let dump = Command::new("pg_dump").args(["-d", &from.database()]).output().unwrap();
    assert!(dump.status.success(), "{}", String::from_utf8_lossy(&dump.stderr));
    // In the encoding of the database that it is of: the dump says which.
    assert!(std::str::from_utf8(&dump.stdout).is_err());
    let mut restore = Command::new("psql")
        .args(["-qX", "-v", "ON_ERROR_STOP=1", "-d", &to.database()])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    restore.stdin.take().unwrap().write_all(&dump.stdout).unwrap();
    assert!(restore.wait().unwrap().success());
    let mut session = to.session(&to.database(), "postgres");
    truths(&mut session, words, "restored");
    assert_eq!(session.run(&words.sql(scores)).unwrap().0, before);
}
