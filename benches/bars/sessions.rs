//! `session`: the next item after each prefix of shop sessions (sessions_tmall), by kinds alone and by `auto`, beside V-SKNN
//! and SLIST in numpy (sessions.py), which see the same prefixes in the same run: `session_knn` and `slist` beside their own reference, the others
//! beside the better of the two.

use crate::bench::{Bench, Better, Measured, seconds};
use postgres::Client;
use std::error::Error;
use std::io::Write as _;

type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// Prefixes that are played: every so manieth of 25,898.
const PREFIXES: usize = 5000;

pub fn run(bench: &mut Bench) -> Result<()> {
    let (Some(train), Some(test)) = (bench.data("sessions_tmall/train.txt.gz"), bench.data("sessions_tmall/test.txt.gz")) else {
        bench.skip("session", "the data has no sessions_tmall");
        return Ok(());
    };
    let mut client = bench.client()?;
    client.batch_execute(
        "SET affinity.threads = 2; CREATE TABLE sessions (user_id int, item_id int, at bigint); CREATE TABLE targets (user_id int, target int)",
    )?;
    let mut copy = client.copy_in("COPY sessions FROM STDIN")?;
    let mut at = 0;
    for (session, line) in lines(&train)?.lines().enumerate() {
        for item in line.split_whitespace() {
            at += 1;
            writeln!(copy, "{session}\t{item}\t{at}")?;
        }
        // Half an hour and more between two.
        at += 3600;
    }
    copy.finish()?;
    client.batch_execute("CREATE INDEX ON sessions (user_id, at); ANALYZE sessions")?;
    // Each with the references that it is not to be below. What was seen may come again, and two in five do.
    const KINDS: [(&str, &[&str]); 4] =
        [("session_knn", &["numpy-vsknn"]), ("slist", &["numpy-slist"]), ("sequence", BOTH), ("auto", BOTH)];
    const BOTH: &[&str] = &["numpy-vsknn", "numpy-slist"];
    for (kind, _) in KINDS {
        let call = format!(
            "SELECT affinity.train_recommender('{kind}', 'sessions', '{kind}', time_col => 'at', deploy => 'always', params => '{{\"repeats\": true}}')"
        );
        let (took, _) = seconds(|| Ok(client.batch_execute(&call)?))?;
        bench.note("session", &format!("{kind}: {took:.0} s of training"));
    }
    // The prefixes are events of visitors whom no model has seen.
    let text = lines(&test)?;
    let every = (text.lines().count() / PREFIXES).max(1);
    let (mut events, mut targets) = (String::new(), String::new());
    for (visitor, line) in (1_000_000..).zip(text.lines().step_by(every)) {
        let (items, target) = line.split_once('\t').ok_or("a prefix without a target")?;
        for item in items.split_whitespace() {
            at += 1;
            events += &format!("{visitor}\t{item}\t{at}\n");
        }
        targets += &format!("{visitor}\t{target}\n");
    }
    for (table, rows) in [("sessions", events), ("targets", targets)] {
        let mut copy = client.copy_in(&format!("COPY {table} FROM STDIN"))?;
        copy.write_all(rows.as_bytes())?;
        copy.finish()?;
    }
    client.batch_execute("ANALYZE")?;
    let theirs = bench.peer_json("sessions.py", &[&PREFIXES.to_string()], Measured::Quality)?;
    let best = |name: &str, of: &[&str]| {
        let of = theirs.iter().flatten().filter(|v| v["tool"].as_str().is_some_and(|tool| of.contains(&tool)));
        of.filter_map(|v| v[name].as_f64()).fold(0.0, f64::max)
    };
    for (kind, beside) in KINDS {
        let [hit, mrr] = figures(bench, &mut client, kind)?;
        if theirs.is_none() {
            bench.skip(&format!("session.{kind}"), "sessions.py cannot be run");
            continue;
        }
        bench.bar(&format!("session.{kind}.hit"), hit, best("hit", beside), Better::More);
        bench.bar(&format!("session.{kind}.mrr"), mrr, best("mrr", beside), Better::More);
    }
    Ok(())
}

/// The lines of a gzipped text.
fn lines(file: &std::path::Path) -> Result<String> {
    let out = std::process::Command::new("gzip").arg("-dc").arg(file).output()?;
    Ok(String::from_utf8(out.stdout)?)
}

/// hit@20 and MRR@20 of a model; what a visitor had may come again.
fn figures(bench: &mut Bench, client: &mut Client, model: &str) -> Result<[f64; 2]> {
    let query = format!(
        "SELECT avg((r.rank IS NOT NULL)::int)::float8, avg(coalesce(1.0 / r.rank, 0))::float8, count(*) FROM targets t
         LEFT JOIN LATERAL (SELECT rank FROM affinity.recommend('{model}', t.user_id, k => 20, exclude_seen => false) l WHERE l.item_id = t.target) r ON true"
    );
    let (took, row) = seconds(|| Ok(client.query_one(&query, &[])?))?;
    let (figures, lists): ([f64; 2], i64) = ([row.get(0), row.get(1)], row.get(2));
    bench.note("session", &format!("{model}: {:.2} ms a list, hit@20 and MRR@20 {figures:.4?}", took * 1e3 / lists as f64));
    Ok(figures)
}
