//! Delta cycles: nothing changed, one member changed, one group in a hundred changed.

use serde_json::{Value, json};

use super::host::Host;
use super::lab::{Parts, Tenant};
use super::report::{Figure, median};
use super::{Bench, say};

/// Sid-bearing user of the tenant, or the fault.
fn synced_users(dump: &Value) -> Vec<&str> {
    let users = dump["users"].as_array().into_iter().flatten();
    users
        .filter(|u| u["onPremisesSecurityIdentifier"].is_string())
        .filter_map(|u| u["id"].as_str())
        .collect()
}

/// (b) Delta cycles of an unchanged tenant, in tenants of several sizes by turns.
pub fn without_changes(bench: &Bench) -> Result<Vec<Figure>, String> {
    let sizes = bench.size([500, 2_000, 5_000], [2_000, 20_000, 100_000]);
    let rounds = bench.size(11, 31);
    let mut labs = Vec::new();
    for groups in sizes {
        say(&format!("first sync of {groups} groups ..."));
        let tenant = Tenant {
            groups,
            users: 2_000,
            memberships: groups * 3,
            largest: 500,
        };
        let parts = Parts::start(bench, tenant, &[])?;
        let mut host = Host::start(bench, &parts)?;
        host.cycle("Initial")?;
        // The end of a full read leaves work (a journal to be taken in) to the next write.
        host.cycle("Delta")?;
        labs.push((groups, parts, host, Vec::new(), Vec::new(), Vec::new()));
    }
    for _ in 0..rounds {
        for (_, parts, host, seconds, requests, writes) in &mut labs {
            parts.reset()?;
            seconds.push(host.cycle("Delta")?.seconds);
            let counters = parts.counters()?;
            requests.push(counters.number(&["graph", "requests"]) as f64);
            writes.push(counters.number(&["ldap", "writes"]) as f64);
        }
    }
    let mut figures = Vec::new();
    let mut medians = Vec::new();
    for (groups, _, _, seconds, requests, writes) in labs {
        medians.push(median(&seconds));
        figures.push(Figure::limited(
            format!("{groups} groups: Graph requests"),
            "",
            requests,
            3.0,
        ));
        figures.push(Figure::limited(
            format!("{groups} groups: LDAP writes"),
            "",
            writes,
            0.0,
        ));
        let ms = seconds.iter().map(|s| s * 1000.0).collect();
        figures.push(Figure::told(format!("{groups} groups: time"), "ms", ms));
    }
    let (first, last) = (medians[0], medians[medians.len() - 1]);
    let name = format!(
        "time at {} groups over time at {}",
        sizes[sizes.len() - 1],
        sizes[0]
    );
    figures.push(Figure::limited(name, "times", vec![last / first], 1.5));
    Ok(figures)
}

/// (c) One member leaves a large group, or comes back.
pub fn one_member(bench: &Bench) -> Result<Vec<Figure>, String> {
    let largest = bench.size(10_000, 50_000);
    let rounds = bench.size(6, 12);
    let tenant = Tenant {
        groups: 20,
        users: largest + largest / 5,
        memberships: largest + 2_000,
        largest,
    };
    say(&format!("first sync of a group of {largest} members ..."));
    let parts = Parts::start(bench, tenant, &[])?;
    let mut host = Host::start(bench, &parts)?;
    host.cycle("Initial")?;
    host.cycle("Delta")?;
    let dump = parts.control("dump", None)?;
    let synced = synced_users(&dump);
    let size = |group: &&Value| group["members"].as_array().map_or(0, Vec::len);
    let groups = dump["groups"].as_array().ok_or("the dump has no groups")?;
    let large = groups
        .iter()
        .max_by_key(size)
        .ok_or("the tenant has no group")?;
    let small = groups
        .iter()
        .filter(|g| size(g) > 0)
        .min_by_key(size)
        .ok_or("the tenant has no group")?;
    let synced_members = |group: &Value| -> Vec<String> {
        let members = group["members"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(|m| m["id"].as_str());
        members
            .filter(|id| synced.binary_search(id).is_ok())
            .map(str::to_owned)
            .take(1)
            .collect()
    };
    let mut samples: Vec<Vec<f64>> = vec![Vec::new(); 6];
    let mut growth = [Vec::new(), Vec::new()];
    for round in 0..rounds {
        for (which, group) in [small, large].into_iter().enumerate() {
            let members = synced_members(group);
            let op = if round % 2 == 0 {
                "removeMembers"
            } else {
                "addMembers"
            };
            parts.change(&[json!({"op": op, "id": group["id"], "members": members})])?;
            parts.reset()?;
            host.forget_peak()?;
            let before = host.resident()?;
            let ended = host.cycle("Delta")?;
            growth[which].push((host.peak()? as f64 - before as f64) / 1e6);
            if which == 0 {
                continue;
            }
            let counters = parts.counters()?;
            let row = [
                counters.graph("groupsDelta") + counters.graph("members"),
                counters.ldap("modify"),
                counters.number(&["ldap", "writes"]),
                counters.number(&["ldap", "memberValues"]),
                counters.number(&["ldap", "memberReads"]),
            ];
            for (list, count) in samples.iter_mut().zip(row) {
                list.push(count as f64);
            }
            samples[5].push(ended.seconds * 1000.0);
        }
    }
    let names = [
        "pages with groups or members",
        "LDAP modifies",
        "LDAP writes",
        "member values written",
        "entries read with members",
    ];
    let limits = [1.0, 1.0, 1.0, 1.0, 0.0];
    let mut figures: Vec<Figure> = names
        .iter()
        .zip(limits)
        .zip(&samples)
        .map(|((name, limit), list)| {
            // The most of all rounds counts: a count is not a matter of chance.
            let most = list.iter().copied().fold(f64::NAN, f64::max);
            Figure::limited(*name, "", vec![most], limit)
        })
        .collect();
    figures.push(Figure::told("time", "ms", samples.swap_remove(5)));
    let name = "memory above that of a change in a small group";
    figures.push(Figure::limited(
        name,
        "MB",
        vec![median(&growth[1]) - median(&growth[0])],
        2.0,
    ));
    Ok(figures)
}

/// (h) One group in a hundred gets a member, loses one, or another name.
pub fn churn(bench: &Bench) -> Result<Vec<Figure>, String> {
    let groups = bench.size(2_000, 20_000);
    let tenant = Tenant {
        groups,
        users: groups,
        memberships: groups * 20,
        largest: groups / 4,
    };
    say(&format!("first sync of {groups} groups ..."));
    let parts = Parts::start(bench, tenant, &[])?;
    let mut host = Host::start(bench, &parts)?;
    host.cycle("Initial")?;
    let (mut operations, mut writes, mut seconds) = (Vec::new(), Vec::new(), Vec::new());
    for round in 0..3 {
        let dump = parts.control("dump", None)?;
        let changes = one_percent(&dump, round)?;
        parts.change(&changes)?;
        parts.reset()?;
        seconds.push(host.cycle("Delta")?.seconds);
        let counters = parts.counters()?;
        operations.push(counters.operations() as f64 / changes.len() as f64);
        writes.push(counters.number(&["ldap", "writes"]) as f64 / changes.len() as f64);
    }
    Ok(vec![
        Figure::limited("LDAP writes for each changed group", "", writes, 1.0),
        Figure::limited(
            "LDAP requests, reads too, for each changed group",
            "",
            operations,
            1.1,
        ),
        Figure::told(
            format!("time for {} changed groups", groups / 100),
            "s",
            seconds,
        ),
    ])
}

/// Changes of as many different groups.
fn one_percent(dump: &Value, round: usize) -> Result<Vec<Value>, String> {
    let synced = synced_users(dump);
    let groups = dump["groups"].as_array().ok_or("the dump has no groups")?;
    let mut changes = Vec::new();
    for (number, group) in groups.iter().skip(round).step_by(50).enumerate() {
        if changes.len() == groups.len() / 100 {
            break;
        }
        let (id, members) = (
            &group["id"],
            group["members"]
                .as_array()
                .ok_or("a group has no members")?,
        );
        let is_member = |user: &str| members.iter().any(|m| m["id"] == user);
        let gone = members.iter().find(|m| {
            m["id"]
                .as_str()
                .is_some_and(|id| synced.binary_search(&id).is_ok())
        });
        let new = synced
            .iter()
            .cycle()
            .skip(number * 7 + round)
            .take(synced.len())
            .find(|user| !is_member(user));
        changes.push(match (number % 3, gone, new) {
            (0, Some(member), _) => json!({"op": "removeMembers", "id": id, "members": [member["id"]]}),
            (1, _, Some(user)) => json!({"op": "addMembers", "id": id, "members": [user]}),
            _ => json!({"op": "setGroup", "id": id, "displayName": format!("Renamed {round}-{number}")}),
        });
    }
    Ok(changes)
}
