//! Scripts of releases stay as they are: a database that has one goes on by the update scripts alone.

#![allow(clippy::unwrap_used)]

use sha2::{Digest, Sha256};
use std::path::Path;

/// Scripts that were handed out, with their SHA-256.
const FROZEN: &[(&str, &str)] = &[("pg_affinity--0.1.0.sql", "beff9ee10fd6197488146fde294eea0e856d467b421db2cee7419c7f469a50d2")];

#[test]
fn scripts_of_releases_stay() {
    for (name, digest) in FROZEN {
        let bytes = std::fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("sql").join(name)).unwrap();
        let found: String = Sha256::digest(bytes).iter().map(|b| format!("{b:02x}")).collect();
        assert_eq!(found, *digest, "sql/{name} is a release's: what changes goes into the newest update script of sql/");
    }
}
