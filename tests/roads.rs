//! Every road to another's rights that was found or thought of, played: none may be open (`tests/roads/*.sql`).

#![allow(clippy::unwrap_used)]

mod cluster;
#[path = "roads/mod.rs"]
mod roads;

#[test]
fn no_road_to_anothers_rights_is_open() {
    let Some(server) = cluster::server("roads") else { return };
    let (played, open) = roads::play(&server, &std::env::var("ROAD").unwrap_or_default());
    println!("{played} roads played");
    assert!(open.is_empty(), "{} of {played} roads are open:\n{}", open.len(), open.join("\n"));
    assert!(played >= 40 || std::env::var_os("ROAD").is_some(), "only {played} roads were found");
}
