//! One copy of a model's weights for all sessions: who maps it, when it goes, and that no file in its place, however odd, changes an answer.
//!
//! Looks into the server's folder, so that it runs as the server's user or as root.

#![allow(clippy::unwrap_used)]

mod cluster;

use cluster::{Database, Session, server};
use postgres::Client;
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Mutex, MutexGuard};
use std::time::{Duration, SystemTime};

/// A shop whose model of 2,000 items takes more than the least that is shared.
struct Shop {
    db: Database,
    admin: Session,
    folder: PathBuf,
    /// The number of the database.
    number: u32,
    /// The folder is everybody's, and what one test does to it another would see.
    _alone: MutexGuard<'static, ()>,
}

static ALONE: Mutex<()> = Mutex::new(());

/// What a new session scores, and whether it maps a file of ours.
fn score(db: &Database, before: &str) -> (String, bool) {
    let mut session = db.session(&db.database(), "postgres");
    session.client.batch_execute(before).unwrap();
    let score: String = session.client.query_one(SCORE, &[]).unwrap().get(0);
    (score, maps(&mut session.client))
}

fn maps(client: &mut Client) -> bool {
    let pid: i32 = client.query_one("SELECT pg_backend_pid()", &[]).unwrap().get(0);
    fs::read_to_string(format!("/proc/{pid}/maps")).unwrap().contains("pgsql_tmp_affinity_")
}

const TRAIN: &str = "SELECT deployed FROM affinity.train_recommender('m', 'events', user_col => 'u', item_col => 'i', kind => 'als', \
     params => '{\"factors\": 64, \"epochs\": 1, \"regularization\": 0.001, \"recency\": 5, \"keep\": 2}', deploy => 'always', seed => ";
const SCORE: &str = "SELECT string_agg(item_id || ' ' || score, ',' ORDER BY rank) FROM affinity.recommend('m', 7, k => 5)";

impl Shop {
    fn open(name: &str) -> Option<Shop> {
        let server = server(name)?;
        let alone = ALONE.lock().unwrap_or_else(|e| e.into_inner());
        let db = Database::fresh(&server, name);
        let mut admin = db.session(&db.database(), "postgres");
        admin
            .client
            .batch_execute(
                "CREATE TABLE events AS SELECT i % 300 AS u, i * 7 % 2003 AS i FROM generate_series(1, 9000) i; CREATE INDEX ON events (u)",
            )
            .unwrap();
        let row = admin
            .client
            .query_one("SELECT current_setting('data_directory'), oid FROM pg_database WHERE datname = current_database()", &[]);
        let row = row.unwrap();
        let folder = Path::new(&row.get::<_, String>(0)).join("base/pgsql_tmp");
        Some(Shop { db, admin, folder, number: row.get(1), _alone: alone })
    }

    fn train(&mut self, seed: i32) {
        self.admin.run(&format!("{TRAIN}{seed})")).unwrap();
    }

    /// The files of this database, whole ones and halves.
    fn files(&self) -> Vec<PathBuf> {
        let own = format!("pgsql_tmp_affinity_{}_", self.number);
        let Ok(folder) = fs::read_dir(&self.folder) else { return Vec::new() };
        let mut all: Vec<PathBuf> = folder.map(|e| e.unwrap().path()).collect();
        all.retain(|p| p.file_name().unwrap().to_str().unwrap().starts_with(&own));
        all.sort();
        all
    }

    /// The only one.
    fn file(&self) -> PathBuf {
        let files = self.files();
        assert_eq!(files.len(), 1, "{files:?}");
        files[0].clone()
    }

    /// See [`score`].
    fn score(&self, before: &str) -> (String, bool) {
        score(&self.db, before)
    }

    /// A file of that name in the folder, last changed so long ago.
    fn plant(&self, name: &str, age: Duration) -> PathBuf {
        let path = self.folder.join(name);
        fs::write(&path, "anything").unwrap();
        let then = fs::FileTimes::new().set_modified(SystemTime::now() - age).set_accessed(SystemTime::now() - age);
        fs::File::options().write(true).open(&path).unwrap().set_times(then).unwrap();
        path
    }
}

#[test]
fn sessions_map_what_the_training_made() {
    let Some(mut shop) = Shop::open("shared_maps") else { return };
    shop.train(1);
    let file = shop.file();
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o7777, 0o600);
    let (shared, maps) = shop.score("");
    assert!(maps);
    let (own, maps) = shop.score("SET affinity.shared_weights = off");
    assert!(!maps, "it was turned off");
    assert_eq!(shared, own);
    // Without the file the first one makes it again, and is on it at once.
    fs::remove_file(&file).unwrap();
    assert_eq!(shop.score("SET affinity.shared_weights = off"), (own.clone(), false));
    assert_eq!(shop.files(), Vec::<PathBuf>::new(), "nothing is made where it is turned off");
    assert_eq!(shop.score(""), (own.clone(), true));
    assert_eq!(shop.file(), file);
    // Who mapped it goes on without its name.
    let mut session = shop.db.session(&shop.db.database(), "postgres");
    session.client.query_one(SCORE, &[]).unwrap();
    fs::remove_file(&file).unwrap();
    assert_eq!(session.client.query_one(SCORE, &[]).unwrap().get::<_, String>(0), own);
    // Many at once make it together.
    std::thread::scope(|s| {
        let db = &shop.db;
        let all: Vec<_> = (0..8).map(|_| s.spawn(|| score(db, ""))).collect();
        all.into_iter().for_each(|one| assert_eq!(one.join().unwrap(), (own.clone(), true)));
    });
    assert_eq!(shop.file(), file);
    // A role without rights sets nothing.
    let e = shop.admin.run("CREATE ROLE shared_maps_reader; SET ROLE shared_maps_reader; SET affinity.shared_weights = off").unwrap_err();
    assert_eq!(e.code().unwrap().code(), "42501");
}

#[test]
fn files_go_with_the_versions_they_are_of() {
    let Some(mut shop) = Shop::open("shared_goes") else { return };
    // What is rolled back leaves nothing, also where only its subtransaction is.
    shop.admin.run("BEGIN").unwrap();
    shop.train(1);
    shop.file();
    shop.admin.run("ROLLBACK; BEGIN; SAVEPOINT s").unwrap();
    assert!(shop.files().is_empty());
    shop.train(1);
    shop.file();
    shop.admin.run("ROLLBACK TO s").unwrap();
    assert!(shop.files().is_empty());
    shop.admin.run("COMMIT").unwrap();
    shop.train(1);
    let first = shop.file();
    // A new version takes the place of the old one's, once it is committed.
    shop.admin.run("BEGIN").unwrap();
    shop.train(2);
    assert_eq!(shop.files().len(), 2);
    shop.admin.run("COMMIT").unwrap();
    let second = shop.file();
    assert_ne!(first, second);
    // The same rows and seed are the same version to the bit, and its file stays when the other one goes.
    shop.train(2);
    shop.train(2);
    assert_eq!(shop.file(), second);
    let versions = "SELECT min(version) FROM affinity.versions WHERE model = 'm'";
    shop.admin.run(&format!("SELECT affinity.drop_version('m', ({versions}))")).unwrap();
    assert_eq!(shop.file(), second);
    // Deployed again, the old one is made by who scores with it.
    shop.train(3);
    let third = shop.file();
    shop.admin.run("SELECT affinity.rollback('m')").unwrap();
    assert!(shop.files().is_empty());
    assert!(shop.score("").1);
    assert_eq!(shop.file(), second);
    // Dropped and rolled back it is still there; in a subtransaction too.
    shop.admin.run("BEGIN; SELECT affinity.drop_model('m'); ROLLBACK").unwrap();
    assert_eq!(shop.file(), second);
    shop.admin.run("BEGIN; SAVEPOINT s; SELECT affinity.drop_model('m'); ROLLBACK TO s; COMMIT").unwrap();
    assert_eq!(shop.file(), second);
    shop.admin.run("BEGIN; SAVEPOINT s; SELECT affinity.drop_model('m'); RELEASE s").unwrap();
    assert_eq!(shop.file(), second);
    shop.admin.run("COMMIT").unwrap();
    assert!(shop.files().is_empty() && !third.exists());
}

#[test]
fn whatever_lies_in_its_place_answers_are_right() {
    let Some(mut shop) = Shop::open("shared_odd") else { return };
    shop.train(1);
    let file = shop.file();
    let (right, _) = shop.score("SET affinity.shared_weights = off");
    let good = fs::read(&file).unwrap();
    let elsewhere = shop.folder.join("elsewhere");
    type Change<'a> = (&'a str, Box<dyn Fn(&Path) + 'a>);
    let write = |bytes: Vec<u8>| move |path: &Path| fs::write(path, &bytes).unwrap();
    let own = |path: &Path| run(&["chown", "--reference", shop.folder.to_str().unwrap(), path.to_str().unwrap()]);
    let mut other = good.clone();
    *other.last_mut().unwrap() ^= 1;
    let middle = good.len() / 2;
    let mut garbage = good.clone();
    garbage[..4096].fill(0xff);
    let changes: Vec<Change<'_>> = vec![
        ("empty", Box::new(write(Vec::new()))),
        ("short", Box::new(write(good[..middle].to_vec()))),
        ("long", Box::new(write([&good[..], &[0; 64]].concat()))),
        ("another index", Box::new(write(garbage))),
        ("a byte changed", Box::new(write(other))),
        (
            "a link",
            Box::new(|path| {
                fs::rename(path, &elsewhere).unwrap();
                symlink(&elsewhere, path).unwrap();
            }),
        ),
        (
            "a link to nowhere",
            Box::new(|path| {
                fs::remove_file(path).unwrap();
                symlink("/nowhere/at/all", path).unwrap();
            }),
        ),
        (
            "a pipe",
            Box::new(|path| {
                fs::remove_file(path).unwrap();
                run(&["mkfifo", "-m", "600", path.to_str().unwrap()]);
                own(path);
            }),
        ),
        ("readable by others", Box::new(|path| fs::set_permissions(path, PermissionsExt::from_mode(0o644)).unwrap())),
        (
            "another's",
            Box::new(|path| {
                // The same bytes: of root, where the test runs as root.
                fs::write(&elsewhere, &good).unwrap();
                fs::set_permissions(&elsewhere, PermissionsExt::from_mode(0o640)).unwrap();
                fs::rename(&elsewhere, path).unwrap();
            }),
        ),
    ];
    for (what, change) in changes {
        change(&file);
        assert_eq!(shop.score(""), (right.clone(), true), "{what}");
        // It was made anew in the place of what was there.
        assert_eq!(fs::read(&file).unwrap().len(), good.len(), "{what}");
        assert!(fs::symlink_metadata(&file).unwrap().is_file(), "{what}");
        let _ = fs::remove_file(&elsewhere);
    }
    // A folder is left alone, and each session has its own copy.
    fs::remove_file(&file).unwrap();
    fs::create_dir(&file).unwrap();
    assert_eq!(shop.score(""), (right.clone(), false));
    assert!(file.is_dir());
    fs::remove_dir(&file).unwrap();
    // Where nothing can be written nobody notices.
    fs::set_permissions(&shop.folder, PermissionsExt::from_mode(0o500)).unwrap();
    let outcome = shop.score("");
    fs::set_permissions(&shop.folder, PermissionsExt::from_mode(0o700)).unwrap();
    assert_eq!(outcome, (right.clone(), false));
    assert!(shop.files().is_empty());
    // A file that does not get whole, as on a full disk: the session may write no more than this to one.
    let mut session = shop.db.session(&shop.db.database(), "postgres");
    session.run("COPY (SELECT) TO PROGRAM 'prlimit --pid $PPID --fsize=100000'").unwrap();
    assert_eq!(session.client.query_one(SCORE, &[]).unwrap().get::<_, String>(0), right);
    assert!(!maps(&mut session.client) && shop.files().is_empty());
    assert_eq!(shop.score(""), (right, true));
}

#[test]
fn what_is_nobodys_is_swept() {
    let Some(mut shop) = Shop::open("shared_swept") else { return };
    shop.train(1);
    let first = shop.file();
    let (hour, digest) = (Duration::from_secs(3600), "0".repeat(64));
    let number = shop.number;
    let gone = [
        shop.plant(&format!("pgsql_tmp_affinity_{number}_{digest}"), hour),
        shop.plant(&format!("pgsql_tmp_affinity_{number}_{digest}.12345"), hour),
        shop.plant(&format!("pgsql_tmp_affinity_4000000000_{digest}"), Duration::ZERO),
        shop.plant(&format!("pgsql_tmp_affinity_1_{digest}"), 200 * hour),
    ];
    let kept = [
        shop.plant(&format!("pgsql_tmp_affinity_{number}_{}", "1".repeat(64)), Duration::ZERO),
        shop.plant(&format!("pgsql_tmp_affinity_{number}_{digest}.12346"), Duration::ZERO),
        shop.plant(&format!("pgsql_tmp_affinity_1_{}", "1".repeat(64)), hour),
        shop.plant("pgsql_tmp_affinity_readme", 200 * hour),
        shop.plant("pgsql_tmp99999.0", 200 * hour),
    ];
    shop.train(2);
    assert!(!first.exists());
    gone.iter().for_each(|p| assert!(!p.exists(), "{}", p.display()));
    kept.iter().for_each(|p| assert!(p.exists(), "{}", p.display()));
    kept.iter().for_each(|p| fs::remove_file(p).unwrap());
}

/// A standby, deleted at the end.
struct Standby {
    name: String,
    dsn: String,
}

impl Standby {
    fn of(server: &str) -> Standby {
        let config: postgres::Config = server.parse().unwrap();
        let postgres::config::Host::Unix(host) = &config.get_hosts()[0] else { panic!("{server} is no private cluster") };
        let name = host.file_name().unwrap().to_str().unwrap();
        let run = Command::new(script("standby.sh")).arg(name).stdin(Stdio::null()).stderr(Stdio::inherit()).output().unwrap();
        assert!(run.status.success());
        Standby { name: format!("{name}_standby"), dsn: String::from_utf8(run.stdout).unwrap().trim().to_owned() }
    }
}

impl Drop for Standby {
    fn drop(&mut self) {
        let _ = Command::new(script("stop.sh")).args([&self.name, "--remove"]).stdin(Stdio::null()).stderr(Stdio::null()).status();
    }
}

fn script(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cluster").join(name)
}

#[test]
fn a_standby_makes_its_own() {
    let Some(mut shop) = Shop::open("shared_standby") else { return };
    shop.train(1);
    let name = shop.file().file_name().unwrap().to_owned();
    let right = shop.score("").0;
    let standby = Standby::of(&server("shared_standby").unwrap());
    let mut config: postgres::Config = standby.dsn.parse().unwrap();
    let mut session = config.dbname(&shop.db.database()).connect(postgres::NoTls).unwrap();
    let folder: String = session.query_one("SHOW data_directory", &[]).unwrap().get(0);
    let own = Path::new(&folder).join("base/pgsql_tmp").join(name);
    assert!(!own.exists(), "a base backup leaves it out");
    assert!(session.query_one("SELECT pg_is_in_recovery()", &[]).unwrap().get::<_, bool>(0));
    assert_eq!(session.query_one(SCORE, &[]).unwrap().get::<_, String>(0), right);
    assert!(own.exists());
    assert!(maps(&mut session));
}

fn run(command: &[&str]) {
    assert!(Command::new(command[0]).args(&command[1..]).status().unwrap().success(), "{command:?}");
}
