//! The tests that run on a real Active Directory: Samba AD DC, which the lab provisions and starts.

use crate::{build, lab::Lab, system};

/// Programs it takes.
pub const PROGRAMS: &[&str] = &["samba", "samba-tool", "ldbadd", "ldapsearch", "kinit"];

/// Integration tests (`tests/NAME.rs`) that run on the embedded directory and, once more, here.
const SUITE: &[&str] = &[
    "cycle",
    "plans",
    "members",
    "prerequisites",
    "controllers",
    "kerberos",
    "safety",
    "kills",
    "exactness",
];

/// Test files of `tests/powershell` that do.
pub const STORIES: &[&str] = &["Connect.Tests.ps1", "Cycle.Tests.ps1", "Stop.Tests.ps1"];

/// Runs the integration tests, and those of single rooms.
pub fn test() -> Result<(), String> {
    let built = build::build()?;
    let mut suite = system::cargo(["test", "--quiet", "--no-fail-fast"]);
    for name in SUITE {
        suite.args(["--test", name]);
    }
    // Each test has a Samba of its own, which takes a core while its client takes another.
    suite.args(["--", "--test-threads=2"]);
    // Always on the embedded directory: it has run there already.
    suite.args(["--skip", "a_quarter_of_a_million_members"]);
    suite.env("GROUPWRITEBACK_TEST_DIRECTORY", "samba");
    if std::env::var_os("GROUPWRITEBACK_KILLS").is_none() {
        // The hundred are killed on the embedded directory, where a cycle takes a tenth of the time.
        suite.env("GROUPWRITEBACK_KILLS", "20");
    }
    let suite = system::run(&mut suite);
    let faults = faults();
    let alone = alone(&built);
    suite.and(faults).and(alone).and(alike())
}

/// The rows of the fault matrix that are for both directories: a lab for each of all takes Samba half an hour.
fn faults() -> Result<(), String> {
    let mut rows = system::cargo(["test", "--quiet", "--test", "faults", "both::"]);
    rows.args(["--", "--test-threads=2"]);
    system::run(rows.env("GROUPWRITEBACK_TEST_DIRECTORY", "samba"))
}

/// One table of requests, played to Samba and to the embedded directory.
fn alike() -> Result<(), String> {
    system::run(system::cargo(["test", "--quiet"]).args([
        "-p",
        "group-writeback-lab",
        "--test",
        "ldap",
        "--",
        "--ignored",
    ]))
}

/// Tests of the directory's room that want a domain controller, one after the other on the same one.
fn alone(built: &build::Built) -> Result<(), String> {
    let lab = Lab::start(&built.lab, &["--directory", "samba"])?;
    let text = |name: &str| lab.ready[name].as_str().unwrap_or_default().to_owned();
    let mut test = system::cargo(["test", "--quiet", "--lib", "directory::tests::live"]);
    test.args(["--", "--ignored", "--test-threads=1"]);
    test.envs([
        ("GWB_TEST_LDAP_SERVER", text("server")),
        ("GWB_TEST_LDAP_USER", text("adminUser")),
        ("GWB_TEST_LDAP_PASSWORD", text("adminPassword")),
        ("GWB_TEST_LDAP_CA", text("caFile")),
        ("GWB_TEST_LDAP_MEMBERS", "1000".to_owned()),
    ]);
    system::run(&mut test)
}
