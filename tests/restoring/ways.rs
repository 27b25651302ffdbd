//! Who dumps, who restores, by what, and where.

use super::ROLES;

/// What is in the database that is restored into.
#[derive(Debug, Clone, Copy)]
pub enum Before {
    /// Nothing.
    Nothing,
    /// The extension, which only a superuser can make.
    Extension,
    /// The whole shop, restored once already.
    Shop,
}

/// Whose the models are afterwards.
#[derive(Debug, Clone, Copy)]
pub enum Owners {
    /// As before.
    Kept,
    /// All of them are this role's.
    Now(&'static str),
    /// As before, but for those of a role that is not there, which a superuser took.
    BobGone,
}

/// The cluster that is restored into.
#[derive(Debug, Clone, Copy)]
pub enum Where {
    /// The same.
    Here,
    /// Another, with these roles.
    There(&'static [&'static str]),
}

/// One way.
#[derive(Debug, Clone, Copy)]
pub struct Way {
    /// What it is called.
    pub name: &'static str,
    /// Played by the test, too, and not by the bar alone.
    pub quick: bool,
    /// Who dumps.
    pub dumps: &'static str,
    /// pg_dump's arguments.
    pub dump: &'static [&'static str],
    /// Who restores.
    pub restores: &'static str,
    /// pg_restore's arguments, run by run.
    pub steps: &'static [&'static [&'static str]],
    /// What is there before.
    pub before: Before,
    /// Where to.
    pub place: Where,
    /// Whether some of the statements fail, as they must.
    pub complains: bool,
    /// Whose the models are.
    pub owners: Owners,
    /// Whether `affinity.check()` finds nothing.
    pub clean: bool,
    /// How often `affinity.check()` is asked and obeyed.
    pub rounds: usize,
    /// Whether all roles are there, so that rights can be tried.
    pub readers: bool,
    /// How often it is played.
    pub times: usize,
}

impl Default for Way {
    fn default() -> Self {
        Way {
            name: "plain",
            quick: true,
            dumps: "postgres",
            dump: &["-Fp"],
            restores: "postgres",
            steps: &[&[]],
            before: Before::Nothing,
            place: Where::Here,
            complains: false,
            owners: Owners::Kept,
            clean: true,
            rounds: 1,
            readers: true,
            times: 1,
        }
    }
}

/// All of them.
pub fn ways() -> Vec<Way> {
    let plain = Way::default();
    let slow = Way { quick: false, ..plain };
    let custom = Way { dump: &["-Fc"], ..plain };
    let by_dba = Way { before: Before::Extension, restores: "restores_dba", owners: Owners::Now("restores_dba"), ..custom };
    let there = Way { place: Where::There(&ROLES), ..custom };
    vec![
        plain,
        Way { name: "--inserts", dump: &["--inserts"], ..plain },
        Way { name: "--column-inserts", dump: &["--column-inserts"], ..slow },
        Way { name: "--rows-per-insert", dump: &["--rows-per-insert=50"], ..slow },
        Way { name: "-Fc", ..custom },
        Way { name: "-Ft", dump: &["-Ft"], ..slow },
        Way { name: "-Fc in one transaction", steps: &[&["-1"]], quick: false, ..custom },
        Way { name: "-Fc -j4", steps: &[&["-j4"]], times: 5, ..custom },
        Way { name: "-Fd -j4", dump: &["-Fd", "-j4"], steps: &[&["-j4"]], times: 5, ..custom },
        Way { name: "--clean over the shop", dump: &["--clean", "--if-exists"], before: Before::Shop, ..plain },
        Way { name: "pg_restore --clean -j4 over the shop", steps: &[&["--clean", "--if-exists", "-j4"]], before: Before::Shop, ..custom },
        Way { name: "schema, then data", steps: &[&["--schema-only"], &["--data-only"]], ..custom },
        Way {
            name: "by sections",
            steps: &[&["--section=pre-data"], &["--section=data", "-j4"], &["--section=post-data"]],
            quick: false,
            ..custom
        },
        Way { name: "the schema and the extension", dump: &["-n", "shop", "-e", "pg_affinity"], ..slow },
        Way { name: "--no-acl", steps: &[&["--no-acl"]], ..custom },
        Way {
            name: "--no-owner by a superuser",
            steps: &[&["--no-owner"]],
            owners: Owners::Now("postgres"),
            clean: false,
            readers: false,
            ..custom
        },
        Way {
            name: "triggers disabled",
            steps: &[&["--schema-only"], &["--data-only", "--disable-triggers"]],
            clean: false,
            rounds: 2,
            ..custom
        },
        Way { name: "by the database's owner", steps: &[&["--no-owner", "--no-comments"]], ..by_dba },
        Way { name: "by the database's owner, -j4", steps: &[&["--no-owner", "--no-comments", "-j4"]], times: 3, ..by_dba },
        Way { name: "by the database's owner, plain", dump: &["--no-owner", "--no-comments"], quick: false, ..by_dba },
        Way { name: "by the database's owner, without --no-owner", steps: &[&[]], complains: true, quick: false, ..by_dba },
        Way {
            name: "dumped and restored by the database's owner",
            dumps: "restores_dba",
            steps: &[&["--no-owner", "--no-comments"]],
            ..by_dba
        },
        Way {
            name: "--role of the database's owner",
            restores: "postgres",
            steps: &[&["--no-owner", "--no-comments", "--role=restores_dba"]],
            ..by_dba
        },
        Way { name: "dumped by who may read everything", dumps: "restores_backup", quick: false, ..custom },
        Way { name: "another cluster", ..there },
        Way { name: "another cluster, -Fd -j4", dump: &["-Fd", "-j4"], steps: &[&["-j4"]], quick: false, ..there },
        Way {
            name: "another cluster without one of the owners",
            place: Where::There(&["restores_ann", "restores_web", "restores_stranger", "restores_dba"]),
            complains: true,
            owners: Owners::BobGone,
            clean: false,
            ..custom
        },
        Way {
            name: "another cluster without any of the roles",
            place: Where::There(&[]),
            steps: &[&["--no-owner", "--no-acl"]],
            owners: Owners::Now("postgres"),
            clean: false,
            readers: false,
            ..custom
        },
        Way {
            name: "another cluster, triggers disabled",
            steps: &[&["--schema-only"], &["--data-only", "--disable-triggers"]],
            clean: false,
            rounds: 2,
            ..there
        },
    ]
}
