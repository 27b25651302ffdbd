//! `load`: 16 clients for five minutes, each after its last statement the next: a list, scores of twenty items, a prediction, an event that
//! is inserted, while models are refreshed one after another. Errors; the time of what we answer, 99 of 100; the mean time of an INSERT
//! against that among clients who read the user's events by an index where these ask us, and no refresh.

use crate::bench::{Bench, Better};
use postgres::{Client, NoTls};
use std::error::Error;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::{Duration, Instant};

type Result<T> = std::result::Result<T, Box<dyn Error>>;

const CLIENTS: usize = 16;
/// With us; without us a fifth of it.
const SECONDS: u64 = 300;
const USERS: u64 = 20_000;
/// Milliseconds of 99 of 100 answers, at most.
const ANSWER: f64 = 15.0;
/// An INSERT against one among no models, at most.
const INSERT: f64 = 3.0;

const TABLES: &str = "
    CREATE TABLE events AS SELECT ((hashint8(i) & 65535)::bigint * 20000 / 65536)::int AS user_id, ((hashint8(i + 7) & 65535)::float8 ^ 2 / 858993460)::int AS item_id,
        timestamptz '2026-01-01' + i * interval '1 minute' AS at FROM generate_series(1, 400000) i;
    CREATE INDEX ON events (user_id, at);
    CREATE TABLE customers AS SELECT i AS id, i % 90 AS age, (i * 7919) % 1000 / 10.0 AS spent, 'city ' || i % 40 AS city, (i % 90) + (i * 7919) % 100 > 90 AS stays
        FROM generate_series(0, 19999) i;
    CREATE UNIQUE INDEX ON customers (id); ANALYZE;
    SELECT affinity.train_recommender('lists', 'events', kind => 'item_knn', time_col => 'at');
    SELECT affinity.train_recommender('scores', 'events', kind => 'als', time_col => 'at', params => '{\"factors\": 64, \"epochs\": 5, \"regularization\": 0.001}');
    SELECT affinity.train('stays', 'customers', 'stays', params => '{\"exclude\": [\"id\"], \"epochs\": 5}')";

const OURS: [&str; 3] = [
    "SELECT count(*) FROM affinity.recommend('lists', $1::int, k => 20)",
    "SELECT count(affinity.score('scores', $1::int, i)) FROM generate_series(1, 20) i",
    "SELECT count(affinity.predict('stays', c)) FROM customers c WHERE id = $1::int",
];
const LOOK: &str = "SELECT count(*) FROM (SELECT FROM events WHERE user_id = $1::int ORDER BY at DESC LIMIT 100) e";
const EVENT: &str = "INSERT INTO events VALUES ($1::int, 1 + $1 % 5000, now())";

/// What one client saw: milliseconds of answers and of INSERTs, and errors.
#[derive(Default)]
struct Seen {
    answers: Vec<f64>,
    inserts: Vec<f64>,
    errors: Vec<String>,
}

/// Runs the family.
pub fn run(bench: &mut Bench) -> Result<()> {
    bench.client()?.batch_execute(TABLES)?;
    let alone = together(bench, &[LOOK; 3], SECONDS / 5, false)?.0;
    let (ours, refreshes) = together(bench, &OURS, SECONDS, true)?;
    for e in ours.errors.iter().take(5) {
        bench.note("load", e);
    }
    let mut answers = ours.answers;
    answers.sort_by(f64::total_cmp);
    let at = |share: f64| answers.get((answers.len() as f64 * share) as usize).copied().unwrap_or(f64::NAN);
    let mean = |x: &[f64]| x.iter().sum::<f64>() / x.len() as f64;
    let (with, without) = (mean(&ours.inserts), mean(&alone.inserts));
    bench.note(
        "load",
        &format!(
            "{:.0} answers and {:.0} INSERTs a second, median {:.2} ms, slowest {:.0} ms; an INSERT {with:.2} ms, {without:.2} among no models; {refreshes} refreshes",
            answers.len() as f64 / SECONDS as f64,
            ours.inserts.len() as f64 / SECONDS as f64,
            at(0.5),
            answers.last().copied().unwrap_or(f64::NAN)
        ),
    );
    bench.none("load.errors", ours.errors.len() + alone.errors.len());
    bench.bar("load.answer_milliseconds", at(0.99), ANSWER, Better::Less);
    bench.bar("load.insert", with / without, INSERT, Better::Less);
    Ok(())
}

/// All clients for so long, `questions` and an INSERT by turns; and how many refreshes were done beside them, where these are wanted.
fn together(bench: &Bench, questions: &[&str; 3], seconds: u64, refresh: bool) -> Result<(Seen, usize)> {
    let config: postgres::Config = bench.conninfo().parse()?;
    let over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let clients: Vec<_> = (0..CLIENTS as u64).map(|c| scope.spawn({
            let (config, over) = (&config, &over);
            move || client(config.connect(NoTls)?, questions, c, over)
        })).collect();
        let refreshing = scope.spawn(|| -> std::result::Result<usize, postgres::Error> {
            let mut session = config.connect(NoTls)?;
            session.batch_execute("SET affinity.threads = 1; SET client_min_messages = error")?;
            let mut done = 0;
            while refresh && !over.load(Relaxed) {
                session.batch_execute(&format!("CALL affinity.refresh('{}', deploy => 'always')", ["lists", "scores", "stays"][done % 3]))?;
                done += 1;
            }
            Ok(done)
        });
        std::thread::sleep(Duration::from_secs(seconds));
        over.store(true, Relaxed);
        let mut all = Seen::default();
        for c in clients {
            let seen = c.join().map_err(|_| "a client panicked")??;
            all.answers.extend(seen.answers);
            all.inserts.extend(seen.inserts);
            all.errors.extend(seen.errors);
        }
        let done = match refreshing.join().map_err(|_| "the refreshing session panicked")? {
            Ok(done) => done,
            Err(e) => {
                all.errors.push(format!("refresh: {e:?}"));
                0
            }
        };
        Ok((all, done))
    })
}

fn client(mut session: Client, questions: &[&str; 3], number: u64, over: &AtomicBool) -> std::result::Result<Seen, postgres::Error> {
    let mut seen = Seen::default();
    let questions = questions.map(|q| session.prepare(q));
    let [a, b, c] = questions;
    let (questions, event) = ([a?, b?, c?], session.prepare(EVENT)?);
    let mut turn = number;
    while !over.load(Relaxed) {
        let user = (turn.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32) % USERS;
        let (user, which) = (i32::try_from(user).unwrap_or(0), (turn / CLIENTS as u64 + number) as usize % 4);
        let at = Instant::now();
        let result = match questions.get(which) {
            Some(question) => session.query_one(question, &[&user]).map(|_| ()),
            None => session.execute(&event, &[&user]).map(|_| ()),
        };
        let took = at.elapsed().as_secs_f64() * 1000.0;
        match result {
            Ok(()) if which < 3 => seen.answers.push(took),
            Ok(()) => seen.inserts.push(took),
            Err(e) => seen.errors.push(format!("{e:?}")),
        }
        turn += CLIENTS as u64;
    }
    Ok(seen)
}
