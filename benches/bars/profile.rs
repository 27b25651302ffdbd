//! `profile-sql`, `profile-pgvector` and `profile-parallel`: profiles of 10,000 users from 5 million events × 64, against SQL's own unnest
//! and avg, against pgvector's avg(vector), and in two processes against one.

use crate::bench::{Bench, Better, median, peak_mb, seconds};
use postgres::Client;
use std::error::Error;

type Result<T> = std::result::Result<T, Box<dyn Error>>;

const EVENTS: u32 = 5_000_000;
const USERS: u32 = 10_000;
/// Times faster than unnest and avg.
const SQL: f64 = 5.0;
/// Times the seconds of pgvector's avg.
const PGVECTOR: f64 = 1.1;
/// Times faster by two processes.
const PARALLEL: f64 = 1.6;

pub fn run(bench: &mut Bench) -> Result<()> {
    let mut client = bench.client()?;
    prepare(&mut client)?;
    if bench.wants("profile-sql") {
        against_sql(bench, &mut client)?
    }
    if bench.wants("profile-parallel") {
        in_parallel(bench, &mut client)?
    }
    if bench.wants("profile-pgvector") {
        against_pgvector(bench, &mut client)?
    }
    bench.note("profile", &format!("peak memory of the backend {:.0} MB", peak_mb(&mut client)?));
    Ok(())
}

/// Events of two years: each of one of 2,000 items.
fn prepare(client: &mut Client) -> Result<()> {
    client.batch_execute(&format!(
        "CREATE TABLE profile_items AS SELECT i AS id, array_agg((random() - 0.5)::real) AS item
           FROM generate_series(0, 1999) i, generate_series(1, 64) GROUP BY i;
         CREATE UNLOGGED TABLE profile_events AS SELECT (g * 7919::bigint % {USERS})::int AS user_id, item, (1 + g % 10)::float8 AS weight,
           timestamp '2024-01-01' + make_interval(secs => random() * 63072000) AS at
           FROM generate_series(1, {EVENTS}) g JOIN profile_items ON id = g * 31::bigint % 1999"
    ))?;
    client.batch_execute("VACUUM ANALYZE profile_events")?;
    // Enough for the groups of either side: none spills.
    Ok(client.batch_execute("SET work_mem = '1GB'; SET max_parallel_workers_per_gather = 0; SET parallel_leader_participation = on")?)
}

/// The seconds of each query, in turns; the first turn warms the caches and does not count.
fn turns<const N: usize>(client: &mut Client, times: usize, queries: [&str; N]) -> Result<[f64; N]> {
    let mut taken = [const { Vec::new() }; N];
    for turn in 0..=times {
        for (query, taken) in queries.iter().zip(&mut taken) {
            let (s, row) = seconds(|| Ok(client.query_one(*query, &[])?))?;
            if row.get::<_, i64>(0) != i64::from(USERS) {
                return Err(format!("{query}: {} profiles", row.get::<_, i64>(0)).into());
            }
            if turn > 0 {
                taken.push(s)
            }
        }
    }
    Ok(taken.map(median))
}

/// Counts the profiles that `made` gives.
fn counted(made: &str, events: &str) -> String {
    format!("SELECT count(p) FROM (SELECT user_id, {made} AS p FROM {events} GROUP BY user_id) s")
}

const FADING: &str = "affinity.profile(item, weight, at, '90 days')";

/// A mean that fades, by us; a plain one, by SQL.
fn against_sql(bench: &mut Bench, client: &mut Client) -> Result<()> {
    let [ours] = turns(client, 3, [&counted(FADING, "profile_events")])?;
    let (theirs, _) = seconds(|| {
        Ok(client.query_one(
            "SELECT count(p) FROM (SELECT user_id, array_agg(m ORDER BY place) AS p FROM (
               SELECT user_id, place, avg(x) AS m FROM profile_events, unnest(item) WITH ORDINALITY u (x, place) GROUP BY 1, 2) t GROUP BY 1) s",
            &[],
        )?)
    })?;
    bench.note("profile-sql", &format!("{ours:.2} s with weights and decay, {theirs:.1} s for unnest and avg"));
    bench.bar("profile-sql", theirs / ours, SQL, Better::More);
    Ok(())
}

/// The leader and one worker, against the leader alone.
fn in_parallel(bench: &mut Bench, client: &mut Client) -> Result<()> {
    let query = counted(FADING, "profile_events");
    let (mut one, mut two) = (Vec::new(), Vec::new());
    for _ in 0..3 {
        client.batch_execute("SET max_parallel_workers_per_gather = 0")?;
        one.extend(turns(client, 1, [&query])?);
        client.batch_execute("SET max_parallel_workers_per_gather = 1")?;
        two.extend(turns(client, 1, [&query])?);
    }
    let plan: Vec<String> = client.query(&format!("EXPLAIN {query}"), &[])?.iter().map(|r| r.get(0)).collect();
    if !plan.iter().any(|l| l.contains("Partial HashAggregate")) {
        return Err(format!("no parallel plan: {}", plan.join(" | ")).into());
    }
    client.batch_execute("SET max_parallel_workers_per_gather = 0")?;
    let (one, two) = (median(one), median(two));
    bench.note("profile-parallel", &format!("{one:.2} s in one process, {two:.2} s in two"));
    bench.bar("profile-parallel", one / two, PARALLEL, Better::More);
    Ok(())
}

/// A plain mean of vectors: of pgvector's type by both, and of real[] by us.
fn against_pgvector(bench: &mut Bench, client: &mut Client) -> Result<()> {
    if client.query("SELECT FROM pg_available_extensions WHERE name = 'vector'", &[])?.is_empty() {
        bench.skip("profile-pgvector", "this server has no pgvector");
        return Ok(());
    }
    client.batch_execute(
        "CREATE EXTENSION IF NOT EXISTS vector;
         CREATE UNLOGGED TABLE profile_vectors AS SELECT user_id, item::vector(64) FROM profile_events",
    )?;
    client.batch_execute("VACUUM ANALYZE profile_vectors")?;
    let [theirs, ours, cast] = turns(
        client,
        5,
        [&counted("avg(item)", "profile_vectors"), &counted("affinity.profile(item)", "profile_events"), &counted("affinity.profile(item)", "profile_vectors")],
    )?;
    bench.note("profile-pgvector", &format!("{theirs:.2} s for avg(vector); ours {ours:.2} s on real[], {cast:.2} s on vector, cast to real[] by pgvector"));
    bench.bar("profile-pgvector", ours / theirs, PGVECTOR, Better::Less);
    bench.bar("profile-pgvector.cast", cast / theirs, PGVECTOR, Better::Less);
    Ok(())
}
