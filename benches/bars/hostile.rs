//! Whether any caller can hurt the server: the slowest answer to arguments that mean harm, under a timeout of a second, and what they
//! ended.

use crate::bench::{Bench, Better};
use hostile_calls::{Asker, Size, calls, cap, prepare};

#[path = "../../tests/shared/hostile_calls.rs"]
mod hostile_calls;

/// Address space that a backend has beyond what it begins with, in the round without memory.
const ROOM: u64 = 512 << 20;

/// `hostile-arguments` and `hostile-arguments.aborts`.
pub fn run(bench: &mut Bench) -> crate::Outcome {
    let mut witness = bench.client()?;
    prepare(&mut witness, Size(50_000_000))?;
    let all = calls(&mut witness)?;
    let (mut slowest, mut faults, mut asked) = (0.0f64, 0, 0);
    let rounds = [("default settings", "", None), ("64 MB", "SET affinity.memory = '64MB'", None), ("512 MB of address space", "", Some(ROOM))];
    // Each call is made once: dealt in turn over the three, so that every argument of every function meets each of them with some of its
    // values.
    for (round, (what, settings, room)) in rounds.into_iter().enumerate() {
        let mut asker = Asker::new(bench.conninfo().parse()?, settings)?;
        if let Some(room) = room
            && let Err(why) = cap(asker.client(), room)
        {
            bench.note("hostile-arguments", &format!("{what}: left out, {why}"));
            continue;
        }
        let mut worst = 0.0f64;
        let dealt: Vec<_> = all.iter().skip(round).step_by(rounds.len()).collect();
        for call in &dealt {
            let answer = asker.ask(call);
            if answer.seconds > 1.5 || answer.is_fault() {
                bench.note("hostile-arguments", &format!("{:.2} s, lost: {}, {:?}: {}", answer.seconds, answer.lost, answer.error, answer.call));
            }
            worst = worst.max(answer.seconds);
            faults += usize::from(answer.is_fault());
            asked += 1;
            if answer.lost && let Some(room) = room {
                // The limit was the lost backend's.
                cap(asker.client(), room)?;
            }
        }
        bench.note("hostile-arguments", &format!("{what}: {} calls, the slowest took {worst:.2} s", dealt.len()));
        slowest = slowest.max(worst);
    }
    // Where one backend crashes, all sessions end.
    let crashed = witness.simple_query("SELECT 1").is_err();
    bench.note("hostile-arguments", &format!("{asked} calls"));
    bench.bar("hostile-arguments", slowest, 1.5, Better::Less);
    bench.none("hostile-arguments.aborts", faults + usize::from(crashed));
    Ok(())
}
