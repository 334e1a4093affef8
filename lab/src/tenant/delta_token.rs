//! The opaque tokens in nextLinks and deltaLinks: where a delta round stands, with its query baked in.

use super::state::{Index, Version};
use crate::ids::{base64url, from_base64url};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// Which collection a delta runs over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Collection {
    #[serde(rename = "g")]
    Groups,
    #[serde(rename = "u")]
    Users,
    #[serde(rename = "d")]
    Devices,
}

/// A place in a group's member list: a part (0 the members of the start, 1 what changed since) and a
/// position in it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct MemberCursor(pub(crate) u8, pub(crate) u32);

/// What the first request of a delta asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct DeltaQuery {
    #[serde(rename = "c")]
    pub(crate) collection: Collection,
    #[serde(rename = "b")]
    pub(crate) beta: bool,
    /// Selected properties, `None` for the default ones.
    #[serde(rename = "s")]
    pub(crate) select: Option<Vec<String>>,
    /// Chosen objects, empty for all.
    #[serde(rename = "i")]
    pub(crate) ids: Vec<String>,
}

/// Where a round stands.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Cursor {
    /// What the reader knows already; `None` in the first round.
    #[serde(rename = "f")]
    pub(crate) since: Option<Version>,
    /// What the reader will know at the end of the round.
    #[serde(rename = "t")]
    pub(crate) until: Version,
    /// How far the list of objects, or the change log, has been read.
    #[serde(rename = "p")]
    pub(crate) position: usize,
    /// Groups whose further slices are still to come.
    #[serde(rename = "n")]
    pub(crate) pending: Vec<(Index, MemberCursor)>,
    /// Rows that this page repeats from the one before.
    #[serde(rename = "r")]
    pub(crate) replay: Vec<(Index, MemberCursor)>,
    /// The page's number in its round.
    #[serde(rename = "q")]
    pub(crate) page: u32,
    /// Set when the page before was an injected empty one.
    #[serde(rename = "e", default)]
    pub(crate) after_empty: bool,
}

/// A whole token.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct DeltaToken {
    #[serde(rename = "q")]
    pub(crate) query: DeltaQuery,
    #[serde(rename = "c")]
    pub(crate) cursor: Cursor,
    /// Tenant time when it was issued.
    #[serde(rename = "a")]
    pub(crate) issued: i64,
}

impl DeltaToken {
    /// The token's text, with a checksum so that a damaged one is noticed.
    pub(crate) fn encode(&self) -> String {
        let body = serde_json::to_vec(self).unwrap_or_default();
        let mut bytes = Sha256::digest(&body)[..8].to_vec();
        bytes.extend_from_slice(&body);
        base64url(&bytes)
    }

    /// Reads a token's text.
    pub(crate) fn decode(text: &str) -> Option<Self> {
        let bytes = from_base64url(text)?;
        let (sum, body) = bytes.split_at_checked(8)?;
        if Sha256::digest(body)[..8] != *sum {
            return None;
        }
        serde_json::from_slice(body).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_round_trip_and_damage_is_noticed() {
        let query = DeltaQuery {
            collection: Collection::Groups,
            beta: false,
            select: Some(vec!["members".into()]),
            ids: vec![],
        };
        let cursor = Cursor {
            pending: vec![(7, MemberCursor(1, 9))],
            ..Cursor::default()
        };
        let token = DeltaToken {
            query,
            cursor,
            issued: 5,
        };
        let text = token.encode();
        assert_eq!(DeltaToken::decode(&text), Some(token));
        let mut damaged = text.clone();
        damaged.replace_range(20..21, if &text[20..21] == "A" { "B" } else { "A" });
        assert_eq!(DeltaToken::decode(&damaged), None);
        assert_eq!(DeltaToken::decode("?"), None);
        assert_eq!(DeltaToken::decode(""), None);
    }
}
