//! No caller can stop the server: every function is called with huge, deep, out-of-range and forged arguments under a timeout of a second,
//! and with a backend whose address space is nearly used up. Each call is answered in time, by a result or an error that names no bug;
//! nobody loses a session.
//!
//! The same calls at their full size are the bar `hostile-arguments`.

#![allow(clippy::unwrap_used)]

mod cluster;
#[path = "shared/hostile_calls.rs"]
mod hostile_calls;

use cluster::{Database, server};
use hostile_calls::{Answer, Asker, Size, calls, cap, prepare};

/// What a call may take: the timeout, and half a second for what Postgres itself does without a look at interrupts. A busy test machine
/// gets twice that.
const LIMIT: f64 = 2.0;

#[test]
fn every_call_is_answered_in_time() {
    let Some(server) = server("hostile") else { return };
    let db = Database::fresh(&server, "hostile");
    let mut witness = db.session(&db.database(), "postgres").client;
    prepare(&mut witness, Size(2_500_000)).unwrap();
    let mut config: postgres::Config = server.parse().unwrap();
    config.dbname(&db.database()).user("postgres");
    let all = calls(&mut witness).unwrap();
    assert!(all.len() > 3000, "only {} calls", all.len());
    let mut wrong: Vec<Answer> = Vec::new();
    // Every fourth call under each of three limits; the bar makes all of them under each.
    for (turn, (settings, room)) in
        [("", None), ("SET affinity.memory = '16MB'", None), ("SET affinity.memory = '64MB'", Some(48 << 20))].into_iter().enumerate()
    {
        let mut asker = Asker::new(config.clone(), settings).unwrap();
        if let Some(room) = room
            && let Err(why) = cap(asker.client(), room)
        {
            eprintln!("hostile: no calls under a limit of the address space: {why}");
            continue;
        }
        for call in all.iter().skip(turn).step_by(4) {
            let answer = asker.ask(call);
            if answer.is_fault() || answer.seconds > LIMIT {
                wrong.push(answer);
            }
        }
    }
    let told: Vec<String> = wrong.iter().map(|a| format!("{:.2} s, lost: {}, {:?}: {}", a.seconds, a.lost, a.error, a.call)).collect();
    assert!(wrong.is_empty(), "{}", told.join("\n"));
    // A crash of any backend would have ended this session, too.
    witness.query_one("SELECT count(*) FROM affinity.models", &[]).unwrap();
}
