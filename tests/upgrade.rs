//! Releases go on: their scripts stay as they are, and where one was installed, an update makes the catalogue of a new extension and lets every
//! model answer what it did.

#![allow(clippy::unwrap_used)]

mod cluster;
#[path = "upgrade/trial.rs"]
mod trial;

use sha2::{Digest, Sha256};
use std::path::Path;
use trial::{MADE_WITH, RELEASES};

/// What was handed out, with its SHA-256: scripts, and the models that they are tested by.
const FROZEN: &[(&str, &str)] = &[
    ("sql/pg_affinity--0.1.0.sql", "beff9ee10fd6197488146fde294eea0e856d467b421db2cee7419c7f469a50d2"),
    ("tests/upgrade/0.1.0.sql.gz", "85b94b61f6b3258434cd4f15c186161141f16d6ad5b486ce681712423aef851b"),
];

#[test]
fn what_is_of_a_release_stays() {
    for (name, digest) in FROZEN {
        let bytes = std::fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join(name)).unwrap();
        let found: String = Sha256::digest(bytes).iter().map(|b| format!("{b:02x}")).collect();
        assert_eq!(found, *digest, "{name} is a release's: what changes goes into the newest update script of sql/");
    }
}

#[test]
fn one_version_stands_everywhere() {
    let read = |name: &str| std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(name)).unwrap();
    let version = env!("CARGO_PKG_VERSION");
    assert!(read("pg_affinity.control").contains(&format!("\ndefault_version = '{version}'\n")), "pg_affinity.control is not of {version}");
    let meta: serde_json::Value = serde_json::from_str(&read("META.json")).unwrap();
    let script = meta["provides"]["pg_affinity"]["file"].as_str().unwrap();
    assert_eq!(
        (meta["version"].as_str(), meta["provides"]["pg_affinity"]["version"].as_str()),
        (Some(version), Some(version)),
        "META.json"
    );
    assert!(script.ends_with(&format!("--{version}.sql")) && read(script).contains(&format!("TO '{version}'\"")), "{script}");
    assert!(read("CHANGELOG.md").contains(&format!("\n## {version}")), "CHANGELOG.md has no chapter of {version}");
}

#[test]
fn models_of_releases_answer_as_before() {
    let Some(server) = cluster::server("upgrade") else { return };
    for (release, answers) in RELEASES {
        let outcome = trial::play(&server, release).unwrap();
        assert!(outcome.faults.is_empty() && outcome.catalogue.is_empty(), "{release}: {outcome:#?}");
        assert_eq!(outcome.answers, *answers, "{release}");
        match pg_affinity::kernel::instruction_set() {
            // A rounding of single precision is allowed: products of matrices are in other blocks where the caches are of another size.
            MADE_WITH => assert!(outcome.largest <= f64::from(f32::EPSILON), "{release}: {outcome:#?}"),
            here => {
                eprintln!("{release}: made with {MADE_WITH}, here is {here}: the largest difference of an answer is {}", outcome.largest)
            }
        }
    }
}
