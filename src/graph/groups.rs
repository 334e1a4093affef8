//! Groups one by one and by the batch: what lists don't have, and evidence of deletions.

use std::collections::HashSet;

use reqwest::Method;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::task::JoinSet;

use super::fault::Fault;
use super::pager::Pager;
use super::permissions::{READ_DELETED, READ_GROUPS, READ_OBJECTS, SET_FLAG};
use super::rows::{FromJson, GroupRow, ObjectRow, RawGroup, Reading, USER_SELECT};
use super::session::{Call, json as parse, nothing};
use super::{GraphClient, Presence};
use crate::error::{Error, ErrorId};
use crate::graph::Result;
use crate::model::{CloudGroup, MemberKind, ObjectId, WritebackFlag};

/// What `getByIds` takes in one call.
const IDS_PER_CALL: usize = 1000;
/// Properties of a single group; lists can't give the last one.
const SINGLE_SELECT: &str = "id,displayName,description,mail,mailNickname,proxyAddresses,\
groupTypes,securityEnabled,mailEnabled,onPremisesSyncEnabled,onPremisesSecurityIdentifier";

/// Pages of a group's direct members.
pub struct MembersReader {
    pager: Result<Pager<ObjectRow>>,
    group: ObjectId,
}

impl MembersReader {
    pub(super) fn new(client: GraphClient, group: ObjectId) -> Self {
        // One select for all types: properties that a type lacks just don't come.
        let path = format!(
            "/v1.0/groups/{group}/members?$select=id,displayName,onPremisesSecurityIdentifier,onPremisesImmutableId&$top=999"
        );
        let pager = client.session.endpoints.graph_address(&path).map(|url| {
            let reading = Reading {
                kind: MemberKind::Other,
                whole_objects: true,
            };
            Pager::new(client.clone(), Call::get(url, &READ_GROUPS), reading, false)
        });
        MembersReader { pager, group }
    }

    /// The next page; `None` after the last, and only then is the list whole. Service principals are
    /// not in it (v1.0 leaves them out).
    pub async fn next_page(&mut self) -> Result<Option<Vec<ObjectRow>>> {
        let pager = self.pager.as_mut().map_err(|e| e.clone())?;
        match pager.page().await {
            Ok(page) => Ok(page.map(|page| page.rows)),
            Err(Fault::Refused(refusal)) if refusal.is_object_missing() => Err(Error::new(
                ErrorId::GroupNotFound,
                format!("The group {} is not in the tenant (any more).", self.group),
            )
            .target(self.group)),
            Err(Fault::Refused(refusal)) if refusal.is_resync() => Err(refusal.into_error()),
            Err(fault) => Err(fault.into()),
        }
    }
}

/// A row of the flags' list. `flag` is `None` when the row doesn't even have the key.
#[derive(Hash)]
struct FlagRow {
    id: ObjectId,
    known: bool,
    enabled: Option<bool>,
    kind: Option<String>,
    present: bool,
}

#[derive(Deserialize)]
struct RawFlag {
    id: ObjectId,
    #[serde(rename = "writebackConfiguration", default, deserialize_with = "some")]
    configuration: Option<Option<RawConfiguration>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawConfiguration {
    is_enabled: Option<bool>,
    on_premises_group_type: Option<String>,
}

/// Tells a null (`Some(None)`) from an absent key (`None`).
fn some<'de, D, T>(deserializer: D) -> Result<Option<Option<T>>, D::Error>
where
    D: serde::Deserializer<'de>,
    T: Deserialize<'de>,
{
    Option::<T>::deserialize(deserializer).map(Some)
}

impl FromJson for FlagRow {
    type Raw = RawFlag;

    fn from_raw(raw: RawFlag, _: &Reading, _: &mut Vec<String>) -> Self {
        let known = raw.configuration.is_some();
        let configuration = raw.configuration.flatten();
        FlagRow {
            id: raw.id,
            known,
            present: configuration.is_some(),
            enabled: configuration.as_ref().and_then(|c| c.is_enabled),
            kind: configuration.and_then(|c| c.on_premises_group_type),
        }
    }

    fn is_readable(&self) -> bool {
        true
    }
}

impl GraphClient {
    /// One group, with `allowExternalSenders`; `None` when there is none (404).
    pub async fn group(&self, id: ObjectId) -> Result<Option<CloudGroup>> {
        let Some(mut group) = self.group_properties(id).await? else {
            return Ok(None);
        };
        // By itself: the property is the mailbox's, and a group without one answers with an error.
        let external = self.groups_allow_external_senders(&[id]).await?;
        group.allow_external_senders = external.first().and_then(|(_, value)| *value);
        Ok(Some(group))
    }

    /// All properties of one group that lists give as well; `None` when there is none (404).
    pub async fn group_properties(&self, id: ObjectId) -> Result<Option<CloudGroup>> {
        let url = self
            .session
            .endpoints
            .graph_address(&format!("/v1.0/groups/{id}?$select={SINGLE_SELECT}"))?;
        let call = Call::get(url, &READ_GROUPS);
        let raw: RawGroup = match self.call(&call, parse).await {
            Ok(raw) => raw,
            Err(Fault::Refused(refusal)) if refusal.is_object_missing() => return Ok(None),
            Err(fault) => return Err(fault.into()),
        };
        let mut faults = Vec::new();
        let reading = Reading {
            kind: MemberKind::Group,
            whole_objects: true,
        };
        let row = GroupRow::from_raw(raw, &reading, &mut faults);
        let GroupRow::Changed(patch) = row else {
            return Ok(None);
        };
        if let Some(fault) = faults.first() {
            return Err(Error::new(
                ErrorId::SourceReadIncomplete,
                format!("Graph gave a malformed value: {fault}."),
            )
            .target(id));
        }
        if !patch.readable || patch.display_name.is_absent() {
            return Err(Error::new(
                ErrorId::GraphPermissionMissing,
                format!("The group {id} came without its name: the app may not read it. It needs one of {}.", READ_GROUPS.any_of.join(", ")),
            )
            .target(id));
        }
        let mut group = CloudGroup::new(id);
        patch.apply(&mut group);
        Ok(Some(group))
    }

    /// `allowExternalSenders` of many groups; `None` where Graph doesn't say (no mailbox, gone, not
    /// allowed). Those who refuse are told in one warning.
    pub async fn groups_allow_external_senders(
        &self,
        ids: &[ObjectId],
    ) -> Result<Vec<(ObjectId, Option<bool>)>> {
        let urls = ids
            .iter()
            .map(|id| format!("/groups/{id}?$select=id,allowExternalSenders"))
            .collect();
        let replies = self.batch(urls, &READ_GROUPS).await?;
        let mut refused = 0u64;
        let mut example = None;
        let values = ids
            .iter()
            .zip(replies)
            .map(|(id, reply)| {
                let value = match reply.status {
                    200..=299 => reply.body["allowExternalSenders"].as_bool(),
                    404 => None,
                    _ => {
                        refused += 1;
                        example.get_or_insert_with(|| reply.refusal().into_error());
                        None
                    }
                };
                (*id, value)
            })
            .collect();
        if let Some(example) = example {
            self.ctx
                .warn(Error {
                    message: format!(
                        "Whether outsiders may send to {refused} groups could not be read; the value in AD stays as it is. E.g.: {}",
                        example.message
                    ),
                    ..example
                })
                .await;
        }
        Ok(values)
    }

    /// The per-group flags of all groups that have one (beta). `WritebackFlagUnavailable` when the
    /// cloud has none.
    pub async fn group_flags(&self) -> Result<Vec<(ObjectId, WritebackFlag)>> {
        const RESTARTS: u32 = 3;
        let mut restarts = 0;
        loop {
            match self.group_flags_once().await {
                // Never goes on from a broken list: it starts again.
                Err(Fault::Refused(r)) if r.is_page_token_expired() && restarts < RESTARTS => {
                    restarts += 1
                }
                Err(Fault::Refused(refusal)) if refusal.status == 400 && !refusal.is_resync() => {
                    return Err(flag_unavailable(Some(refusal.into_error())));
                }
                Err(fault) => return Err(fault.into()),
                Ok(flags) => return Ok(flags),
            }
        }
    }

    async fn group_flags_once(&self) -> Result<Vec<(ObjectId, WritebackFlag)>, Fault> {
        let path = "/beta/groups?$select=id,displayName,writebackConfiguration&$top=999";
        let url = self.session.endpoints.graph_address(path)?;
        let reading = Reading {
            kind: MemberKind::Group,
            whole_objects: true,
        };
        let mut pager: Pager<FlagRow> =
            Pager::new(self.clone(), Call::get(url, &READ_GROUPS), reading, false);
        let (mut flags, mut seen) = (Vec::new(), HashSet::new());
        let (mut any, mut known) = (false, false);
        while let Some(page) = pager.page().await? {
            for row in page.rows {
                any = true;
                known |= row.known;
                if row.present && seen.insert(row.id) {
                    let flag = WritebackFlag {
                        is_enabled: row.enabled,
                        on_premises_group_type: row.kind,
                    };
                    flags.push((row.id, flag));
                }
            }
        }
        // A cloud may take the select and give nothing: that is not "all flags are null".
        if any && !known {
            return Err(flag_unavailable(None).into());
        }
        Ok(flags)
    }

    /// Writes the per-group flag (beta); nulls are sent as nulls.
    pub async fn set_group_flag(&self, id: ObjectId, flag: &WritebackFlag) -> Result<()> {
        const SPURIOUS: u32 = 4;
        let url = self
            .session
            .endpoints
            .graph_address(&format!("/beta/groups/{id}"))?;
        let body = json!({"writebackConfiguration": {
            "isEnabled": flag.is_enabled,
            "onPremisesGroupType": flag.on_premises_group_type,
        }});
        let call = Call::with_json(Method::PATCH, url, &body, &SET_FLAG);
        let mut tries = 0;
        loop {
            match self.call(&call, nothing).await {
                Ok(()) => return Ok(()),
                // For a while after a change Graph may not find its own group.
                Err(Fault::Refused(r)) if matches!(r.status, 403 | 404) && tries < SPURIOUS => {
                    tries += 1;
                    self.pause(self.session.tuning.base_wait * 2u32.pow(tries))
                        .await?;
                }
                Err(Fault::Refused(r)) if r.is_object_missing() => {
                    return Err(Error::new(
                        ErrorId::GroupNotFound,
                        format!("The tenant has no group {id}."),
                    )
                    .target(id));
                }
                Err(Fault::Refused(r)) if r.status == 400 => {
                    return Err(flag_unavailable(Some(r.into_error())));
                }
                Err(Fault::Refused(r)) if r.status == 403 => {
                    return Err(r.into_error().action(
                        "Grant Group.ReadWrite.All; for role-assignable groups PrivilegedAccess.ReadWrite.AzureADGroup.",
                    ));
                }
                Err(fault) => return Err(fault.into()),
            }
        }
    }

    /// Where groups stand. [`Presence::Gone`] only on positive evidence (Graph itself says 404 for
    /// the group and for its deleted item); anything unclear is an error.
    pub async fn deletion_state(&self, ids: &[ObjectId]) -> Result<Vec<(ObjectId, Presence)>> {
        let mut states: Vec<(ObjectId, Option<Presence>)> =
            ids.iter().map(|id| (*id, None)).collect();
        // The third look is for a group restored between the first two.
        for (path, presence) in [
            ("/groups", Presence::Active),
            ("/directory/deletedItems", Presence::SoftDeleted),
            ("/groups", Presence::Active),
        ] {
            let open: Vec<usize> = (0..states.len())
                .filter(|i| states[*i].1.is_none())
                .collect();
            let urls = open
                .iter()
                .map(|i| format!("{path}/{}?$select=id", states[*i].0))
                .collect();
            for (index, reply) in open.iter().zip(self.batch(urls, &READ_DELETED).await?) {
                let (id, state) = &mut states[*index];
                match reply.status {
                    200..=299 if is_object(&reply.body, *id) => *state = Some(presence),
                    200..=299 => {
                        return Err(Error::new(
                            ErrorId::SourceReadIncomplete,
                            format!("Graph's answer about the group {id} is about something else."),
                        )
                        .target(*id));
                    }
                    404 if reply.refusal().is_object_missing() => {}
                    _ => return Err(reply.refusal().into_error()),
                }
            }
        }
        Ok(states
            .into_iter()
            .map(|(id, state)| (id, state.unwrap_or(Presence::Gone)))
            .collect())
    }

    /// Users, devices, groups and contacts by id, with anchors. Ids without object are left out.
    pub async fn objects_by_id(&self, ids: &[ObjectId]) -> Result<Vec<ObjectRow>> {
        let mut running = JoinSet::new();
        for chunk in ids.chunks(IDS_PER_CALL) {
            let url = self.session.endpoints.graph_address(&format!(
                "/v1.0/directoryObjects/getByIds?$select={USER_SELECT}"
            ))?;
            let body = json!({"ids": chunk, "types": ["user", "group", "device", "orgContact"]});
            let call = Call::with_json(Method::POST, url, &body, &READ_OBJECTS);
            let client = self.clone();
            running.spawn(async move {
                let reading = Reading {
                    kind: MemberKind::Other,
                    whole_objects: true,
                };
                let mut pager: Pager<ObjectRow> = Pager::new(client, call, reading, false);
                let mut rows = Vec::new();
                while let Some(page) = pager.page().await? {
                    rows.extend(page.rows);
                }
                Ok::<_, Fault>(rows)
            });
        }
        let mut rows = Vec::with_capacity(ids.len());
        while let Some(done) = running.join_next().await {
            match done {
                Ok(part) => rows.extend(part?),
                Err(e) => {
                    return Err(Error::new(
                        ErrorId::SourceReadIncomplete,
                        "A read of objects broke off.",
                    )
                    .caused_by(&e));
                }
            }
        }
        Ok(rows)
    }
}

fn is_object(body: &Value, id: ObjectId) -> bool {
    body["id"].as_str().and_then(|text| text.parse().ok()) == Some(id)
}

fn flag_unavailable(cause: Option<Error>) -> Error {
    let error = Error::new(
        ErrorId::WritebackFlagUnavailable,
        "This cloud's groups have no writebackConfiguration.",
    );
    match cause {
        Some(cause) => error.caused_by(&cause),
        None => error,
    }
}
