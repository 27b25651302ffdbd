//! `refresh-holds`: what a refresh of half a minute keeps from others. While it learns: samples in which it holds a snapshot (VACUUM cannot
//! clean beyond one), the longest wait of an ALTER TABLE of its source, and of an INSERT into it with ALTERs among them.

use crate::bench::{Bench, Better};
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::{Duration, Instant};

/// Learning takes so long, and is cancelled then.
const SECONDS: u64 = 30;

/// Runs the family.
pub fn run(bench: &mut Bench) -> crate::Outcome {
    let mut admin = bench.client()?;
    // The call that is repeated was one of seconds, on a hundredth of the rows.
    admin.batch_execute(
        "CREATE TABLE rows AS SELECT i AS id, i % 10 AS a, (i * 7919) % 1000 / 10.0 AS b, (i * 31) % 17 AS c, (i % 10) + (i * 31) % 17 > 12 AS y
           FROM generate_series(1, 2000) i;
         SELECT affinity.train('m', 'rows', 'y', params => '{\"exclude\": [\"id\"], \"hidden\": [256, 256], \"epochs\": 300, \"patience\": 0, \"batch\": 64}');
         INSERT INTO rows SELECT i, i % 10, (i * 7919) % 1000 / 10.0, (i * 31) % 17, (i % 10) + (i * 31) % 17 > 12 FROM generate_series(2001, 200000) i",
    )?;
    let mut session = bench.client()?;
    let pid: i32 = session.query_one("SELECT pg_backend_pid()", &[])?.get(0);
    let conninfo: postgres::Config = bench.conninfo().parse()?;
    let over = AtomicBool::new(false);
    let (mut snapshots, mut alter, mut insert, mut reading) = (0, Duration::ZERO, Duration::ZERO, Duration::ZERO);
    std::thread::scope(|scope| -> crate::Outcome {
        let refresh = scope.spawn(|| {
            let ended = session.batch_execute("CALL affinity.refresh('m')");
            over.store(true, Relaxed);
            ended
        });
        let begun = Instant::now();
        let learns = "SELECT count(*) FROM affinity.progress WHERE pid = $1 AND epoch IS NOT NULL";
        while admin.query_one(learns, &[&pid])?.get::<_, i64>(0) == 0 && !over.load(Relaxed) {
            std::thread::sleep(Duration::from_millis(5));
        }
        reading = begun.elapsed();
        let inserts = scope.spawn(|| -> Result<Duration, postgres::Error> {
            let mut client = conninfo.connect(postgres::NoTls)?;
            let mut slowest = Duration::ZERO;
            while !over.load(Relaxed) {
                let at = Instant::now();
                client.batch_execute("INSERT INTO rows (id, a, b, c, y) VALUES (0, 1, 1, 1, true)")?;
                slowest = slowest.max(at.elapsed());
                std::thread::sleep(Duration::from_millis(2));
            }
            Ok(slowest)
        });
        let until = Instant::now() + Duration::from_secs(SECONDS);
        let mut n = 0usize;
        while Instant::now() < until && !over.load(Relaxed) {
            let held = admin.query_one("SELECT backend_xmin IS NOT NULL OR backend_xid IS NOT NULL FROM pg_stat_activity WHERE pid = $1", &[&pid])?;
            snapshots += usize::from(held.get::<_, bool>(0));
            if n.is_multiple_of(20) {
                let at = Instant::now();
                admin.batch_execute(&format!("ALTER TABLE rows ADD COLUMN c{n} int"))?;
                alter = alter.max(at.elapsed());
            }
            n += 1;
            std::thread::sleep(Duration::from_millis(50));
        }
        bench.note("refresh-holds", &format!("{n} looks at what it holds, {} ALTER TABLE", n.div_ceil(20)));
        admin.execute("SELECT pg_cancel_backend($1)", &[&pid])?;
        let _ = refresh.join();
        insert = inserts.join().map_err(|_| "the inserts panicked")??;
        Ok(())
    })?;
    bench.note("refresh-holds", &format!("reading took {:.2} s", reading.as_secs_f64()));
    bench.none("refresh-holds.snapshots", snapshots);
    bench.bar("refresh-holds.alter_seconds", alter.as_secs_f64(), 1.0, Better::Less);
    bench.bar("refresh-holds.insert_milliseconds", insert.as_secs_f64() * 1000.0, 50.0, Better::Less);
    Ok(())
}
