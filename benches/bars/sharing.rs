//! `sessions-memory`: what 50 sessions that score with a model of 107 MB take together, by the kernel's proportional account (`Pss`, where a
//! page counts by how many have it), beside 1.2 times what one takes: MB a session. `first-score`: how soon a new session, whose connection
//! is there, has its first score: of that model, of an `ease` of 12,000 items, of a model that reads four columns of text.
//!
//! Before, the sessions took 5,450 MB, and the first score .69 s.

use crate::bench::{Bench, Better, median, seconds};
use postgres::Client;
use std::error::Error;

type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// Sessions beside the one that is asked for its share.
const SESSIONS: usize = 50;
/// MB that a session may take beyond the shared copy.
const OWN: f64 = 6.0;
/// How much more than one session all may take beside.
const TIMES: f64 = 1.2;
/// Seconds until a new session has its first score.
const FIRST: f64 = 0.030;
/// New sessions of each model.
const TURNS: usize = 9;

/// A model: its name, what is trained, and a score.
struct Case {
    name: &'static str,
    train: &'static str,
    score: &'static str,
}

/// 104,500 items × 512 numbers of 16 bits.
const LARGE: Case = Case {
    name: "large",
    train: "SELECT affinity.train_recommender('large', 'large_events', user_col => 'u', item_col => 'i', kind => 'als', params =>
        '{\"factors\": 512, \"epochs\": 1, \"regularization\": 0.001, \"recency\": 20, \"holdout\": 0, \"refit\": false}')",
    score: "SELECT * FROM affinity.recommend('large', 7)",
};

const EASE: Case = Case {
    name: "ease",
    train: "SELECT affinity.train_recommender('ease', 'ease_events', user_col => 'u', item_col => 'i', kind => 'ease', params =>
        '{\"regularization\": 100, \"recency\": 20, \"holdout\": 0, \"refit\": false}')",
    score: "SELECT * FROM affinity.recommend('ease', 7)",
};

const TEXT: Case = Case {
    name: "text",
    train: "SELECT affinity.train('text', 'texts', 'dear', params => '{\"text\": [\"a\", \"b\", \"c\", \"d\"], \"epochs\": 2}')",
    score: "SELECT affinity.predict('text', t) FROM texts t LIMIT 1",
};

const TABLES: &str = "
    CREATE TABLE large_events AS SELECT i % 20000 AS u, (i::bigint * 7919 % 104500)::int AS i FROM generate_series(1, 400000) i;
    CREATE TABLE ease_events AS SELECT i % 20000 AS u, ((hashint8(i) & 65535)::float8 ^ 2 / 357914)::int AS i FROM generate_series(1, 300000) i;
    CREATE TABLE texts AS SELECT i % 2 = 0 AS dear, t.a, t.b, t.c, t.d FROM generate_series(1, 4000) i, LATERAL (
        SELECT string_agg('w' || hashint8(i * 31 + k) % 7000, ' ') FILTER (WHERE k < 9) AS a, string_agg('v' || hashint8(i * 37 + k) % 900, ' ') FILTER (WHERE k < 3) AS b,
            string_agg('u' || hashint8(i * 41 + k) % 300, ' ') FILTER (WHERE k < 4) AS c, string_agg('s' || hashint8(i * 43 + k) % 9000, ' ') AS d
        FROM generate_series(1, 10) k) t;
    CREATE INDEX ON large_events (u); CREATE INDEX ON ease_events (u); ANALYZE";

pub fn run(bench: &mut Bench) -> Result<()> {
    let mut client = bench.client()?;
    client.batch_execute(TABLES)?;
    client.batch_execute("SET affinity.memory = '4GB'; SET client_min_messages = error")?;
    train(bench, &mut client, &LARGE)?;
    if bench.wants("sessions-memory") {
        memory(bench)?;
    }
    if bench.wants("first-score") {
        for case in [&EASE, &TEXT] {
            train(bench, &mut client, case)?;
        }
        for case in [&LARGE, &EASE, &TEXT] {
            first(bench, case)?;
        }
    }
    Ok(())
}

fn train(bench: &Bench, client: &mut Client, case: &Case) -> Result<()> {
    let (took, _) = seconds(|| Ok(client.batch_execute(case.train)?))?;
    let row = client.query_one(
        "SELECT bytes, (SELECT sum(size)::bigint FROM pg_ls_tmpdir() WHERE starts_with(name, 'pgsql_tmp_affinity')) FROM affinity.versions WHERE model = $1",
        &[&case.name],
    )?;
    let (bytes, files): (i64, Option<i64>) = (row.get(0), row.get(1));
    let files = files.unwrap_or(0) as f64 / 1e6;
    bench.note("first-score", &format!("{}: {:.1} MB, trained in {took:.1} s; files for all sessions: {files:.1} MB", case.name, bytes as f64 / 1e6));
    Ok(())
}

fn memory(bench: &mut Bench) -> Result<()> {
    let open = || -> Result<(Client, i32)> {
        let mut client = bench.client()?;
        client.query(LARGE.score, &[])?;
        let pid = client.query_one("SELECT pg_backend_pid()", &[])?.get(0);
        Ok((client, pid))
    };
    // One with all its files mapped by nobody else counts them whole.
    let first = open()?;
    let alone = share(first.1)?;
    let mut sessions = vec![first];
    for _ in 1..SESSIONS {
        sessions.push(open()?);
    }
    let all = sessions.iter().map(|s| share(s.1)).sum::<Result<f64>>()?;
    bench.note("sessions-memory", &format!("one session {alone:.0} MB, {SESSIONS} sessions {all:.0} MB: {:.2} times", all / alone));
    bench.bar("sessions-memory", (all - TIMES * alone) / SESSIONS as f64, OWN, Better::Less);
    Ok(())
}

/// MB of a process by its proportional share of each page.
fn share(pid: i32) -> Result<f64> {
    let rollup = std::fs::read_to_string(format!("/proc/{pid}/smaps_rollup"))?;
    let line = rollup.lines().find_map(|l| l.strip_prefix("Pss:")).ok_or("no Pss")?;
    Ok(line.trim().trim_end_matches(" kB").trim().parse::<f64>()? / 1024.0)
}

fn first(bench: &mut Bench, case: &Case) -> Result<()> {
    let mut took = Vec::new();
    for _ in 0..TURNS {
        let mut session = bench.client()?;
        took.push(seconds(|| Ok(session.simple_query(case.score)?))?.0);
    }
    bench.note("first-score", &format!("{}: {:.1} ms", case.name, median(took.clone()) * 1e3));
    bench.bar(&format!("first-score.{}", case.name), median(took), FIRST, Better::Less);
    Ok(())
}
