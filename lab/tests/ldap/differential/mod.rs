//! One table of requests, played to the embedded directory and to Samba: both must answer alike and hold
//! the same in the end. Where Samba is known not to do as Windows does, the row says so and why.

mod player;
mod table;

use crate::places::Place;
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

#[tokio::test]
#[ignore = "needs Samba"]
async fn samba_and_the_embedded_directory_answer_alike() {
    let place = Place::direct(0).await;
    let ours = format!("ldaps://{}", place.ldaps[0]);
    let ours = Player::new(
        &ours,
        "administrator@contoso.test",
        "administrator-password",
    )
    .await;
    let theirs = std::env::var("SAMBA_URL").unwrap();
    let theirs = Player::new(&theirs, "administrator@contoso.test", "Passw0rd!x9").await;
    let mut players = (ours, theirs);
    let mut wrong = Vec::new();
    for row in TABLE {
        let embedded = players.0.play(&row.ask).await;
        let samba = players.1.play(&row.ask).await;
        wrong.extend(judge(row, &embedded, &samba));
    }
    assert!(
        wrong.is_empty(),
        "{} rows\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}
