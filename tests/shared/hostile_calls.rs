//! Calls that mean harm: every function and aggregate of the extension as `pg_proc` lists them, with arguments that are huge, deep, out of
//! range or forged, one at a time, the others being ordinary. For the test `hostile` and the bar `hostile-arguments`.

use postgres::{Client, Config, Error, NoTls};
use std::os::unix::fs::MetadataExt;
use std::os::unix::process::CommandExt;
use std::time::Instant;

/// How large the arguments are: the bytes of texts, documents and states.
#[derive(Debug, Clone, Copy)]
pub struct Size(pub usize);

impl Size {
    /// Bytes of texts, documents and states.
    pub fn bytes(self) -> usize {
        self.0
    }

    /// Elements of arrays.
    pub fn elements(self) -> usize {
        self.bytes() / 5
    }
}

/// What became of a call.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The query.
    pub call: String,
    /// From the client's side.
    pub seconds: f64,
    /// The error's SQLSTATE and message; none for a result, or a session that was lost.
    pub error: Option<(String, String)>,
    /// Whether the session ended.
    pub lost: bool,
}

impl Answer {
    /// Whether it is what no call may get: the end of the session, or an error that names a bug of ours.
    pub fn is_fault(&self) -> bool {
        self.lost || self.error.as_ref().is_some_and(|e| e.0 == "XX000")
    }
}

const MODELS: [&str; 6] = ["h mlp", "h autoencoder", "h gan", "h segments", "h ease", "h als"];

/// Small models of every family, and the arguments in a table of their own: making them is no part of a call.
pub fn prepare(client: &mut Client, size: Size) -> Result<(), Error> {
    client.batch_execute(&format!(
        "CREATE TABLE h_rows AS SELECT i, (i % 10)::real AS a, i % 7 AS b, (ARRAY['red wine','white wine','beer'])[1 + i % 3] AS c, (i % 10) + i % 3 > 5 AS y
           FROM generate_series(1, 600) i;
         CREATE TABLE h_events AS SELECT u AS user_id, (u + 2 * s) % 24 AS item_id, timestamptz '2026-01-01' + s * interval '4 days' AS at
           FROM generate_series(1, 80) u, generate_series(0, 9) s;
         CREATE TABLE h_titles AS SELECT i AS item_id, 'item ' || i AS title FROM generate_series(0, 23) i;
         SELECT affinity.train('h mlp', 'h_rows', 'y', params => '{{\"epochs\": 2}}');
         SELECT affinity.train('h autoencoder', 'h_rows', kind => 'autoencoder', params => '{{\"width\": 2, \"hidden\": [8], \"epochs\": 2}}');
         SELECT affinity.train('h gan', 'h_rows', kind => 'gan', params => '{{\"hidden\": [8, 8], \"noise\": 2, \"batch\": 32, \"steps\": 4, \"epochs\": 1}}');
         SELECT affinity.train('h segments', 'h_rows', kind => 'segments', params => '{{\"k\": 3}}');
         SELECT affinity.train_recommender('h ease', 'h_events', 'ease', time_col => 'at');
         SELECT affinity.train_recommender('h als', 'h_events', 'als', time_col => 'at', params => '{{\"factors\": 4}}');
         CREATE TABLE hostile (label text PRIMARY KEY, t text, j jsonb, f4 real[], f8 float8[], i8 bigint[], tt text[], iv interval[], b bytea);
         INSERT INTO hostile (label, t) VALUES ('huge', repeat('x', {bytes})), ('wide', repeat('ä', {bytes} / 2)), ('megabyte', repeat('n', 1000000)),
           ('literal', '{{' || repeat('1,', {bytes} / 2) || '1}}');
         INSERT INTO hostile (label, f4, f8, i8, tt, iv) SELECT 'huge', array_agg(i::real), array_agg(i::float8), array_agg(i::bigint), array_agg(i::text),
           array_agg(interval '1 day' * (i % 1000 + 1)) FROM generate_series(1, {elements}) i
           ON CONFLICT (label) DO UPDATE SET f4 = EXCLUDED.f4, f8 = EXCLUDED.f8, i8 = EXCLUDED.i8, tt = EXCLUDED.tt, iv = EXCLUDED.iv;
         INSERT INTO hostile (label, f4, f8, i8, tt, iv) SELECT 'holes', array_agg(CASE WHEN i % 2 = 0 THEN 1::real END), array_agg(CASE WHEN i % 2 = 0 THEN 1::float8 END),
           array_agg(CASE WHEN i % 2 = 0 THEN i::bigint END), array_agg(CASE WHEN i % 2 = 0 THEN 'x' END), array_agg(CASE WHEN i % 2 = 0 THEN interval '1 day' END)
           FROM generate_series(1, {elements}) i;
         INSERT INTO hostile (label, j) VALUES ('deep', ('{{\"a\": ' || repeat('[', 10000) || repeat(']', 10000) || '}}')::jsonb),
           ('deep128', ('{{\"a\": ' || repeat('{{\"b\": ', 127) || '1' || repeat('}}', 127) || '}}')::jsonb), ('number', '{{\"a\": 1, \"epochs\": 1e400, \"diversity\": 1e400}}'),
           ('negative', '[-1e400]'), ('tiny', '{{\"epochs\": 1e-400, \"diversity\": 1e-16000}}'), ('scalar', '\"x\"'), ('null', 'null'),
           ('widths', '{{\"hidden\": [1000000000], \"epochs\": 1000000000, \"width\": 1000000000, \"factors\": 1000000000}}'), ('hidden', '{{\"hidden\": [2147483647, 2147483647]}}'),
           ('long', jsonb_build_object('exclude', repeat('x', 900000), 'diversity', repeat('x', 900000))), ('key', jsonb_build_object(repeat('k', 900000), 1)),
           ('flat', (SELECT jsonb_object_agg('k' || i, i) FROM generate_series(1, {bytes} / 60) i)),
           ('keys', (SELECT jsonb_object_agg('k' || i, i) FROM generate_series(1, 30000) i)),
           ('columns', jsonb_build_object('exclude', (SELECT jsonb_agg('a'::text) FROM generate_series(1, 100000)))),
           ('digits', (SELECT jsonb_agg((repeat('9', 300) || '.' || repeat('9', 300))::numeric) FROM generate_series(1, 3000) i)),
           ('powers', (SELECT jsonb_agg(('1e-' || 10000 + i % 6000)::numeric) FROM generate_series(1, 50000) i));",
        bytes = size.bytes(),
        elements = size.elements()
    ))?;
    for (label, bytes) in states(size) {
        client.execute("INSERT INTO hostile (label, b) VALUES ($1, $2)", &[&label, &bytes])?;
    }
    client.batch_execute("ANALYZE hostile")
}

/// Bytes that stand for states of aggregates and for weights: noise, and headers that promise what is not there.
fn states(size: Size) -> Vec<(String, Vec<u8>)> {
    let mut seed = 7u64;
    let noise = (0..size.bytes() / 8).flat_map(|_| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        seed.to_le_bytes()
    });
    let mut all = vec![
        ("noise".into(), noise.collect()),
        ("zeros".into(), vec![0; size.bytes()]),
        ("ones".into(), vec![1; size.bytes()]),
        ("none".into(), vec![]),
    ];
    let begin = |letter: u8| {
        let mut head = vec![1, letter, 1];
        // Terms without a half-life or an end.
        head.extend([0; 18]);
        head
    };
    let with = |letter, words: &[i64], fill: i64| {
        let mut state = begin(letter);
        words.iter().for_each(|w| state.extend(w.to_le_bytes()));
        (0..size.bytes() / 8).for_each(|i| state.extend((fill + i as i64 % 7).to_le_bytes()));
        state
    };
    for letter in *b"pirc" {
        let name = char::from(letter);
        all.push((format!("{name} max"), with(letter, &[i64::MAX; 4], i64::MAX - 10)));
        all.push((format!("{name} zero"), with(letter, &[0; 4], 0)));
        // For counts: one window of a microsecond, and millions of times; as many windows as there are words.
        all.push((format!("{name} times"), with(letter, &[0, 1, 0, 0, 1, 0], 1)));
        all.push((format!("{name} windows"), with(letter, &[0, (size.bytes() / 40) as i64], 1)));
        all.push((format!("{name} few"), with(letter, &[0, 1000], 1)));
    }
    // Scores: all on one side, and a side that is longer than the whole.
    let mut scores = vec![1];
    scores.extend((size.bytes() as u64 / 16).to_le_bytes());
    scores.extend((0..size.bytes() as u64 / 8).flat_map(|i| (i as f64).sin().to_le_bytes()));
    all.push(("scores".into(), scores));
    all
}

/// Every call of a round.
pub fn calls(client: &mut Client) -> Result<Vec<String>, Error> {
    let functions = client.query(
        "SELECT p.oid::regproc::text, p.prokind::text, p.proretset, coalesce(p.proargnames[:p.pronargs], '{}'),
           ARRAY(SELECT format_type(t, NULL) FROM unnest(p.proargtypes) WITH ORDINALITY a(t, o) ORDER BY o), p.proname::text, n.nspname::text
         FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace JOIN pg_depend d ON d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e'
           JOIN pg_extension e ON e.oid = d.refobjid AND e.extname = 'pg_affinity'
         WHERE p.prorettype NOT IN ('trigger'::regtype, 'event_trigger'::regtype) AND NOT 'internal'::regtype = ANY (p.proargtypes) ORDER BY p.oid",
        &[],
    )?;
    let mut all = Vec::new();
    for f in functions {
        let (kind, set, names, types): (String, bool, Vec<String>, Vec<String>) = (f.get(1), f.get(2), f.get(3), f.get(4));
        let (name, schema): (String, String) = (f.get(5), f.get(6));
        let name_of = |i: usize| names.get(i).map_or("", String::as_str);
        let has_model = name_of(0) == "model" && !name.starts_with("train");
        for i in 0..types.len() {
            for bad in values(&types[i]) {
                let models: &[&str] = if has_model && i > 0 { &MODELS } else { &MODELS[..1] };
                for model in models {
                    let argument = |j: usize| if j == i { bad.clone() } else { ordinary(&name, name_of(j), &types[j], model) };
                    let arguments: Vec<String> = (0..types.len()).map(argument).collect();
                    let call = format!("{schema}.{name}({})", arguments.join(", "));
                    all.push(match kind.as_str() {
                        "a" => format!("SELECT {call} IS NULL FROM generate_series(1, 2)"),
                        "w" => format!("SELECT {call} OVER () IS NULL"),
                        _ if set => format!("SELECT count(x) FROM (SELECT {call} AS x) s"),
                        _ => format!("SELECT {call} IS NULL"),
                    });
                }
            }
        }
    }
    Ok(all)
}

fn of(column: &str, labels: &[&str]) -> Vec<String> {
    labels.iter().map(|l| format!("(SELECT {column} FROM hostile WHERE label = '{l}')")).collect()
}

/// Values of a type that mean harm.
fn values(typ: &str) -> Vec<String> {
    let list = |values: &[&str]| values.iter().map(|v| (*v).to_string()).collect::<Vec<_>>();
    let rows = |column: &str| of(column, &["huge", "holes"]);
    let states = ["noise", "zeros", "ones", "none", "scores"].map(String::from).into_iter();
    let forged = ["max", "zero", "times", "windows", "few"].into_iter().flat_map(|w| ["p", "i", "r", "c"].map(|l| format!("{l} {w}")));
    match typ {
        "text" => of("t", &["huge", "wide", "megabyte"]),
        "jsonb" => of(
            "j",
            &[
                "deep", "deep128", "number", "negative", "tiny", "scalar", "null", "widths", "hidden", "long", "key", "flat", "keys",
                "columns", "digits", "powers",
            ],
        ),
        "real[]" => rows("f4").into_iter().chain(list(&["'{}'::real[]", "'{{1,2},{3,4}}'::real[]"])).collect(),
        "interval[]" => rows("iv").into_iter().chain(list(&["'{}'::interval[]", "'{178000000 years}'::interval[]"])).collect(),
        "text[]" => rows("tt"),
        "anycompatiblearray" | "anyarray" => [rows("i8"), rows("tt"), rows("f8"), rows("iv")].concat(),
        "\"any\"" => [rows("i8"), rows("tt"), rows("f8"), of("t", &["huge", "literal"]), of("j", &["flat"]), of("b", &["noise"])].concat(),
        "anyelement" | "anycompatible" | "record" => {
            let plain = [of("t", &["huge", "megabyte"]), rows("tt"), of("j", &["flat"])].concat();
            let row = |v: String| if typ == "record" { format!("ROW({v}, 1)") } else { v };
            let mut all: Vec<String> = plain.into_iter().map(row).collect();
            if typ == "record" {
                // Rows that a model can read, with a huge text in one column.
                all.extend(
                    of("t", &["huge", "wide"])
                        .iter()
                        .map(|t| format!("(SELECT r FROM (SELECT 1 AS i, 1::real AS a, 2 AS b, {t} AS c, true AS y) r)")),
                );
                all.extend(["tt", "f4", "f8"].iter().map(|c| {
                    format!("(SELECT r FROM (SELECT 1 AS i, (SELECT {c} FROM hostile WHERE label = 'huge') AS a, 2 AS b, 'x' AS c) r)")
                }));
            } else {
                all.extend(list(&["repeat('9', 100000)::numeric", "'infinity'::timestamptz", "9223372036854775807"]));
            }
            all
        }
        "bytea" => of("b", &states.chain(forged).collect::<Vec<_>>().iter().map(String::as_str).collect::<Vec<_>>()),
        "bigint" => list(&[
            "2147483647::bigint",
            "9223372036854775807",
            "-1::bigint",
            "(-9223372036854775807 - 1)::bigint",
            "0::bigint",
            "NULL::bigint",
        ]),
        "integer" => list(&["2147483647", "-1", "(-2147483647 - 1)", "0", "NULL::integer"]),
        "double precision" => list(&["'NaN'::float8", "'Infinity'::float8", "-1e308::float8", "1e308::float8", "NULL::float8"]),
        "interval" => list(&["interval '178000000 years'", "interval '-178000000 years'", "interval '0'", "NULL::interval"]),
        "regclass" => {
            list(&["0::regclass", "'pg_class'::regclass", "'hostile'::regclass", "'hostile_pkey'::regclass", "4294967295::regclass"])
        }
        "name" => list(&["repeat('n', 63)::name", "''::name", "'label'::name"]),
        t if t.starts_with("timestamp") => {
            list(&["'infinity'", "'-infinity'", "'294276-12-31'", "'4713-01-01 BC'", "NULL"]).iter().map(|v| format!("{v}::{t}")).collect()
        }
        t => vec![format!("NULL::{t}")],
    }
}

/// An ordinary value of an argument.
fn ordinary(function: &str, name: &str, typ: &str, model: &str) -> String {
    let recommender = function == "train_recommender";
    match (name, typ) {
        ("model", _) if function.starts_with("train") => "'h new'".into(),
        ("model", _) => format!("'{model}'"),
        ("models", _) => "ARRAY['h ease', 'h als']".into(),
        ("kind", _) => if recommender { "'popularity'" } else { "'mlp'" }.into(),
        ("deploy", _) => "'never'".into(),
        ("dtype", _) => "'f32'".into(),
        ("names", _) => "ARRAY['a']".into(),
        ("target", _) => "'y'::name".into(),
        ("user_col", _) => "'user_id'::name".into(),
        ("item_col", _) => "'item_id'::name".into(),
        ("role", _) => "'public'::name".into(),
        ("params", _) => if recommender { "'{}'::jsonb" } else { "'{\"epochs\": 1}'::jsonb" }.into(),
        ("weights", _) => "'{\"x\": 1}'::jsonb".into(),
        ("exclude", "\"any\"") => "ARRAY[1]::bigint[]".into(),
        ("as_type", _) => format!("NULL::affinity.{}recommendation", if function == "recommend_all" { "user_" } else { "" }),
        ("events", _) => "'h_events'::regclass".into(),
        ("source", _) if function.starts_with("train") => "'h_rows'::regclass".into(),
        ("source", _) if function == "compare" => "'h_events'::regclass".into(),
        ("titles" | "items", "regclass") => "'h_titles'::regclass".into(),
        (_, "text") => "'x'".into(),
        (_, "jsonb") => "'{}'::jsonb".into(),
        (_, "real[]") => "'{1,2}'::real[]".into(),
        (_, "text[]") => "'{a}'::text[]".into(),
        (_, "interval[]") => "'{1 day,30 days}'::interval[]".into(),
        (_, "anycompatiblearray" | "anyarray") => "ARRAY[1,2]::bigint[]".into(),
        (_, "record") => "(SELECT t FROM h_rows t LIMIT 1)".into(),
        (_, "bytea") => "'\\x00010203'::bytea".into(),
        (_, "bigint" | "anyelement" | "anycompatible" | "\"any\"") => "1::bigint".into(),
        (_, "integer") => "5".into(),
        (_, "boolean") => "true".into(),
        (_, "double precision") => "1::float8".into(),
        (_, "interval") => "interval '1 day'".into(),
        (_, t) if t.starts_with("timestamp") => format!("'2026-01-01'::{t}"),
        (_, t) => format!("NULL::{t}"),
    }
}

/// One session that asks, opened again where it was lost.
pub struct Asker {
    config: Config,
    settings: String,
    client: Client,
}

impl Asker {
    /// With a timeout of a second and `settings`.
    pub fn new(config: Config, settings: &str) -> Result<Self, Error> {
        let client = Self::open(&config, settings)?;
        Ok(Self { config, settings: settings.into(), client })
    }

    fn open(config: &Config, settings: &str) -> Result<Client, Error> {
        let mut client = config.connect(NoTls)?;
        client.batch_execute(&format!("SET statement_timeout = '1s'; {settings}"))?;
        Ok(client)
    }

    /// The session.
    pub fn client(&mut self) -> &mut Client {
        &mut self.client
    }

    /// Makes a call in a transaction that is rolled back.
    pub fn ask(&mut self, call: &str) -> Answer {
        let begun = self.client.batch_execute("BEGIN").is_ok();
        let start = Instant::now();
        let outcome = if begun { self.client.batch_execute(call) } else { Ok(()) };
        let seconds = start.elapsed().as_secs_f64();
        let error = outcome
            .as_ref()
            .err()
            .and_then(Error::as_db_error)
            .map(|e| (e.code().code().to_string(), e.message().chars().take(200).collect()));
        let lost = !begun || self.client.batch_execute("ROLLBACK").is_err();
        if lost {
            // A server that starts again takes a moment.
            for _ in 0..100 {
                if let Ok(client) = Self::open(&self.config, &self.settings) {
                    self.client = client;
                    break;
                }
                std::thread::sleep(std::time::Duration::from_millis(100));
            }
        }
        Answer { call: call.into(), seconds, error, lost }
    }
}

/// Leaves a session's backend `room` bytes of address space beyond what it uses now. Err, with why, where that cannot be done here.
pub fn cap(client: &mut Client, room: u64) -> Result<(), Box<dyn std::error::Error>> {
    // What is loaded when first used is loaded before.
    client.batch_execute("SELECT affinity.version()")?;
    let pid: i32 = client.query_one("SELECT pg_backend_pid()", &[])?.get(0);
    let status = std::fs::read_to_string(format!("/proc/{pid}/status"))?;
    let size = status.lines().find_map(|l| l.strip_prefix("VmSize:")).ok_or("no VmSize")?;
    let kilobytes: u64 = size.trim().trim_end_matches(" kB").parse()?;
    let limit = kilobytes * 1024 + room;
    // By the user whose process it is: another needs more than to be root in some containers.
    let owner = std::fs::metadata(format!("/proc/{pid}"))?;
    let mut prlimit = std::process::Command::new("prlimit");
    let done = prlimit.args([format!("--pid={pid}"), format!("--as={limit}")]).uid(owner.uid()).gid(owner.gid()).status()?;
    if done.success() { Ok(()) } else { Err("prlimit may not limit the backend".into()) }
}
