//! Graph: what a full read costs (f), and how long it takes when Graph throttles (g).

use std::process::Command;

use serde_json::{Value, json};

use super::host::Host;
use super::lab::{Parts, Tenant};
use super::report::Figure;
use super::{Bench, say};

/// Resource units that a throttled tenant grants in ten seconds.
const GRANTED: u64 = 20;
const WINDOW: f64 = 10.0;
/// What a 429 of the storm asks to wait.
const WAIT: u64 = 1;

fn tenant(bench: &Bench) -> Tenant {
    let (groups, users, memberships, largest) = bench.size(
        (1_000, 20_000, 40_000, 5_000),
        (10_000, 60_000, 250_000, 20_000),
    );
    Tenant {
        groups,
        users,
        memberships,
        largest,
    }
}

/// (f) The units of an Initial cycle against those of the pages themselves: the floor is found by following the same
/// feeds page by page with curl, the pages as large as Graph makes them.
pub fn units(bench: &Bench) -> Result<Vec<Figure>, String> {
    let parts = Parts::start(bench, tenant(bench), &[])?;
    say("walking the feeds with curl ...");
    parts.reset()?;
    let mut pages = 0;
    for feed in FEEDS {
        pages += walk(&parts, feed)?;
    }
    let floor = parts.counters()?.number(&["graph", "resourceUnits"]);
    let mut host = Host::start(bench, &parts)?;
    parts.reset()?;
    host.cycle("Initial")?;
    let counters = parts.counters()?;
    let spent = counters.number(&["graph", "resourceUnits"]);
    Ok(vec![
        Figure::limited(
            "resource units over those of the pages",
            "times",
            vec![spent as f64 / floor as f64],
            1.1,
        ),
        Figure::told("resource units of the full read", "", vec![spent as f64]),
        Figure::told(
            "resource units of the pages (floor)",
            "",
            vec![floor as f64],
        ),
        Figure::told(
            "Graph requests of the full read",
            "",
            vec![counters.number(&["graph", "requests"]) as f64],
        ),
        Figure::told("pages (floor)", "", vec![pages as f64]),
    ])
}

/// Where a full read starts; which properties are asked for makes no page cheaper, whether members are makes more pages.
const FEEDS: [&str; 3] = [
    "/v1.0/users/delta?$select=id,displayName",
    "/v1.0/devices/delta?$select=id,displayName",
    "/v1.0/groups/delta?$select=id,displayName,members",
];

/// Follows one feed to its deltaLink; gives the number of pages.
fn walk(parts: &Parts, feed: &str) -> Result<u64, String> {
    let mut url = format!("{}{feed}", parts.text("graph")?);
    let mut pages = 0;
    loop {
        let output = Command::new("curl")
            .args([
                "-sf",
                "--globoff",
                "-H",
                "Prefer: odata.maxpagesize=999",
                "-H",
            ])
            .arg(format!(
                "Authorization: Bearer {}",
                parts.text("accessToken")?
            ))
            .arg(&url)
            .output()
            .map_err(|e| e.to_string())?;
        let page: Value =
            serde_json::from_slice(&output.stdout).map_err(|e| format!("{url}: {e}"))?;
        pages += 1;
        match page["@odata.nextLink"].as_str() {
            Some(next) => url = next.to_owned(),
            None if page["@odata.deltaLink"].is_string() => return Ok(pages),
            None => return Err(format!("{url} is the end of nothing")),
        }
    }
}

/// (g) An Initial cycle under a tight rate, and one with a third of all requests refused.
pub fn throttled(bench: &Bench) -> Result<Vec<Figure>, String> {
    let (groups, users, memberships, largest) = bench.size(
        (300, 20_000, 10_000, 2_000),
        (2_000, 60_000, 60_000, 10_000),
    );
    let tenant = Tenant {
        groups,
        users,
        memberships,
        largest,
    };
    say("without a throttle ...");
    let parts = Parts::start(bench, tenant, &[])?;
    let mut host = Host::start(bench, &parts)?;
    parts.reset()?;
    let free = host.cycle("Initial")?.seconds;
    let needed = parts.counters()?.number(&["graph", "resourceUnits"]);
    drop((host, parts));

    // A full bucket at the start, then one for each ten seconds: the earliest end of the last request.
    let windows = needed.div_ceil(GRANTED) - 1;
    say(&format!(
        "{needed} resource units at {GRANTED} in ten seconds ..."
    ));
    let granted = GRANTED.to_string();
    let parts = Parts::start(bench, tenant, &["--resource-units", &granted])?;
    // Signing in and the settings use the bucket too; it must be full again.
    let mut host = Host::start(bench, &parts)?;
    std::thread::sleep(std::time::Duration::from_secs_f64(WINDOW));
    parts.reset()?;
    let tight = host.cycle("Initial")?.seconds;
    let tight_counters = parts.counters()?;
    drop((host, parts));
    let tight_floor = WINDOW * windows as f64 + free;

    say("a third of the requests refused ...");
    let parts = Parts::start(bench, tenant, &[])?;
    let mut host = Host::start(bench, &parts)?;
    parts.control(
        "fault",
        Some(&json!({"fault": "throttle", "retryAfterSeconds": WAIT, "share": 0.3333})),
    )?;
    parts.reset()?;
    let storm = host.cycle("Initial")?.seconds;
    let storm_counters = parts.counters()?;
    let refused = storm_counters.number(&["graph", "throttled"]);
    let storm_floor = (refused * WAIT) as f64 + free;
    let early = |c: &super::lab::Counters| c.number(&["graph", "retriesBeforeRetryAfter"]) as f64;
    Ok(vec![
        Figure::limited(
            "tight rate: time over what the rate allows",
            "times",
            vec![tight / tight_floor],
            1.25,
        ),
        Figure::told("tight rate: time", "s", vec![tight]),
        Figure::told("tight rate: earliest end", "s", vec![tight_floor]),
        Figure::limited(
            "a third refused: time over the waits asked for",
            "times",
            vec![storm / storm_floor],
            1.25,
        ),
        Figure::told("a third refused: time", "s", vec![storm]),
        Figure::told(
            "a third refused: requests refused",
            "",
            vec![refused as f64],
        ),
        Figure::limited(
            "requests before the wait was over",
            "",
            vec![early(&tight_counters) + early(&storm_counters)],
            0.0,
        ),
    ])
}
