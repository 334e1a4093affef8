//! Changes of every kind that leads to a write, and then some at random.

use serde_json::{Value, json};

use crate::support::Lab;

/// Display name of the group that is there, soft-deleted, from the beginning.
const SLEEPER: &str = "Asleep when writeback began";

/// Before the first cycle: a soft-deleted group, whose members have to be read when it is restored.
pub fn prepare(lab: &Lab) {
    let (groups, users) = (m365(lab), people(lab));
    let members: Vec<&String> = users.iter().take(5).collect();
    let added = lab.change(json!([
        {"op": "addGroup", "displayName": SLEEPER, "kind": "m365", "members": members, "description": "Any"}
    ]));
    assert!(groups.len() > 8, "enough groups for every kind of change");
    lab.change(json!([{"op": "softDeleteGroup", "id": added["ids"][0]}]));
}

/// Everything that can change has changed.
pub fn change_everything(lab: &Lab, seed: u64) {
    let (groups, users) = (m365(lab), people(lab));
    let id = |place: usize| &groups[place]["id"];
    let member = |place: usize, n: usize| &groups[place]["members"][n]["id"];
    let outside = |place: usize| -> Vec<&String> {
        let inside = groups[place]["members"].as_array().unwrap();
        let is_in = |u: &&String| inside.iter().any(|m| m["id"] == json!(u));
        users.iter().filter(|u| !is_in(u)).take(4).collect()
    };
    let sleeper = lab.dump()["groups"]
        .as_array()
        .unwrap()
        .iter()
        .find(|g| g["displayName"] == SLEEPER)
        .map(|g| g["id"].clone());
    let new: Vec<&String> = users.iter().rev().take(6).collect();
    lab.change(json!([
        {"op": "setGroup", "id": id(0), "displayName": "Renamed by the matrix", "description": null},
        {"op": "removeMembers", "id": id(0), "members": [member(0, 0)]},
        {"op": "removeMembers", "id": id(1), "members": [member(1, 0), member(1, 2)]},
        {"op": "addMembers", "id": id(1), "members": outside(1)},
        {"op": "addMembers", "id": id(2), "members": outside(2)},
        {"op": "hardDeleteGroup", "id": id(3)},
        {"op": "softDeleteGroup", "id": id(4)},
        {"op": "addGroup", "displayName": "Made by the matrix", "kind": "m365", "members": new},
        {"op": "addGroup", "displayName": "Made empty by the matrix", "kind": "m365"},
        {"op": "restoreGroup", "id": sleeper},
        {"op": "addUser", "displayName": "Uma New", "synced": true}
    ]));
    lab.control("churn", Some(json!({"operations": 40, "seed": seed})));
}

/// Active Microsoft 365 groups with at least three members, those with most first.
fn m365(lab: &Lab) -> Vec<Value> {
    let dump = lab.dump();
    let count = |g: &Value| g["members"].as_array().unwrap().len();
    let is_m365 = |g: &&Value| {
        let types = g["groupTypes"].as_array().unwrap();
        g["state"] == "active" && types.iter().any(|t| t == "Unified") && count(g) >= 3
    };
    let groups = dump["groups"].as_array().unwrap();
    let mut groups: Vec<Value> = groups.iter().filter(is_m365).cloned().collect();
    groups.sort_by_key(|g| (std::cmp::Reverse(count(g)), g["id"].to_string()));
    groups
}

/// Users with an account in AD.
fn people(lab: &Lab) -> Vec<String> {
    let dump = lab.dump();
    let users = dump["users"].as_array().unwrap();
    let synced = users
        .iter()
        .filter(|u| u["onPremisesSecurityIdentifier"].is_string());
    synced
        .map(|u| u["id"].as_str().unwrap().to_owned())
        .collect()
}
