//! One table of requests, played to the embedded directory and to Samba: both must answer alike and hold
//! the same in the end. Where Samba is known not to do as Windows does, the row says so and why.

mod player;
mod table;

use group_writeback_lab::client;
use group_writeback_lab::serve::{LabOptions, RunningLab, start};
use group_writeback_lab::{DirectoryKind, WorldOptions};
use player::{Player, Told};
use table::TABLE;

/// One request.
pub struct Row {
    /// What is tried.
    pub about: &'static str,
    pub ask: Ask,
    /// How Samba differs, if it does.
    pub differs: Option<Differs>,
}

/// What is asked. `{..}` stands for what only the directory knows; see [`Player::fill`].
pub enum Ask {
    Add(
        &'static str,
        &'static [(&'static str, &'static [&'static str])],
    ),
    Modify(&'static str, &'static [Control], &'static [Change]),
    Delete(&'static str, &'static [Control]),
    Rename(&'static str, &'static str, Option<&'static str>),
    Search(Search),
}

pub struct Search {
    pub base: &'static str,
    pub scope: ldap3::Scope,
    pub filter: &'static str,
    pub attributes: &'static [&'static str],
    pub controls: &'static [Control],
}

pub type Change = (Kind, &'static str, &'static [&'static str]);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Add,
    Delete,
    Replace,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Control {
    Permissive,
    Tree,
    ShowDeleted,
    ExtendedDn,
    DomainScope,
    Paged,
    Unknown,
}

/// A deviation of Samba from Windows that the embedded directory doesn't follow.
pub struct Differs {
    /// What Samba tells.
    pub samba: &'static str,
    /// What the embedded directory tells, as Windows does.
    pub embedded: &'static str,
    /// Where it is written that Windows does so.
    pub why: &'static str,
}

/// What is wrong about a row, if something is.
fn judge(row: &Row, embedded: &Told, samba: &Told) -> Option<String> {
    let about = row.about;
    match &row.differs {
        None if embedded.same(samba) => None,
        None => Some(format!(
            "{about}:\n  embedded {embedded}\n  samba    {samba}"
        )),
        Some(differs) if embedded.answer == differs.embedded && samba.answer == differs.samba => {
            None
        }
        Some(differs) => Some(format!(
            "{about}: not as listed ({}):\n  embedded {embedded}\n  samba    {samba}",
            differs.why
        )),
    }
}

async fn player(lab: &RunningLab) -> Player {
    let text = |name: &str| lab.ready()[name].as_str().unwrap();
    Player::new(text("ldaps"), text("adminUser"), text("adminPassword")).await
}

async fn requests(lab: &RunningLab) -> serde_json::Value {
    let url = format!("{}/counters", lab.ready()["control"].as_str().unwrap());
    let reply = client::send("GET", &url, &[], "").await.unwrap();
    let counters: serde_json::Value = serde_json::from_str(&reply.body).unwrap();
    counters["ldap"]["byKind"].clone()
}

// Several threads: the lab's client of Samba and the server that it waits for share this runtime.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "starts Samba, which needs its packages and root: cargo xtask test --only samba"]
async fn samba_and_the_embedded_directory_answer_alike() {
    let world = WorldOptions {
        users: 30,
        m365_groups: 3,
        security_groups: 2,
        synced_groups: 1,
        devices: 2,
        memberships: 20,
        largest_group: 5,
        ..WorldOptions::default()
    };
    let mut labs = Vec::new();
    for directory in [DirectoryKind::Embedded, DirectoryKind::Samba] {
        let world = world.clone();
        let options = LabOptions {
            world,
            directory,
            ..LabOptions::default()
        };
        labs.push(start(options).await.unwrap());
    }
    let mut players = (player(&labs[0]).await, player(&labs[1]).await);
    let mut wrong = Vec::new();
    for row in TABLE {
        let embedded = players.0.play(&row.ask).await;
        let samba = players.1.play(&row.ask).await;
        wrong.extend(judge(row, &embedded, &samba));
    }
    let count = wrong.len();
    assert!(wrong.is_empty(), "{count} rows\n{}", wrong.join("\n"));
    // The gateway in front of Samba counts as the embedded directory does.
    assert_eq!(requests(&labs[1]).await, requests(&labs[0]).await);
    for lab in labs {
        lab.stop().await;
    }
}
