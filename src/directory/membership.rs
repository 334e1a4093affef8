//! Changing the members of one group: what the batches need of LDAP.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use ldap3::Mod;

use super::DirectoryWriter;
use super::batches::{self, Change, Look, Port, Refusal};
use super::codes::code;
use super::dn;
use super::result::{self, MemberFault, Operation};
use super::search::{self, Spec, control, oid};
use super::types::MemberOutcome;
use super::writer::{LARGEST_BATCH, gone};
use crate::error::Result;
use crate::model::{GroupType, Guid, MemberKey, SkipReason};

/// Values that are asked for by themselves; for more, reading the whole group is no dearer.
const QUICK: usize = 1000;

impl DirectoryWriter {
    /// Adds, then removes members, in batches; what AD won't take is isolated and reported, the rest is written.
    /// Present members may be added and absent ones removed: repeats are harmless.
    pub async fn modify_members(
        &self,
        guid: Guid,
        adds: &[MemberKey],
        removes: &[MemberKey],
        batch_size: usize,
    ) -> Result<MemberOutcome> {
        let port = Arc::new(GroupPort {
            writer: self.clone(),
            guid,
        });
        let learned = self.limit.load(Ordering::Relaxed);
        let limit = AtomicUsize::new(batch_size.clamp(1, LARGEST_BATCH).min(learned));
        let (foreign, adds): (Vec<_>, Vec<_>) =
            adds.iter().cloned().partition(|key| self.is_foreign(key));
        let added = batches::run(&port, Change::Add, &adds, &limit).await;
        let removed = match &added {
            Ok(_) => batches::run(&port, Change::Remove, removes, &limit).await,
            Err(_) => Ok(batches::Outcome::default()),
        };
        let now = limit.into_inner();
        if now < batch_size.min(learned) {
            self.limit.fetch_min(now, Ordering::Relaxed);
        }
        let (added, removed) = (added?, removed?);
        let mut failed = added.failed;
        failed.extend(removed.failed);
        failed.extend(foreign.into_iter().map(|key| {
            let error = batches::left_out(&key, SkipReason::OtherForest);
            (key, SkipReason::OtherForest, error)
        }));
        Ok(MemberOutcome {
            added: added.done,
            removed: removed.done,
            failed,
        })
    }

    /// A SID of no domain of this forest: AD would make a foreign security principal of it, or refuse the request.
    pub(super) fn is_foreign(&self, key: &MemberKey) -> bool {
        match key {
            MemberKey::Sid(sid) => !self.directory.forest().contains(sid),
            MemberKey::Guid(_) => false,
        }
    }
}

/// One group as the batches see it.
struct GroupPort {
    writer: DirectoryWriter,
    guid: Guid,
}

impl Port for GroupPort {
    async fn apply(
        &self,
        change: Change,
        keys: &[MemberKey],
    ) -> Result<std::result::Result<(), Refusal>> {
        let values: HashSet<Vec<u8>> = keys.iter().map(|k| dn::by_key(k).into_bytes()).collect();
        let member = b"member".to_vec();
        let changes = vec![match change {
            Change::Add => Mod::Add(member, values),
            Change::Remove => Mod::Delete(member, values),
        }];
        let address = dn::by_guid(self.guid);
        let permissive = [control(oid::PERMISSIVE_MODIFY, None)];
        self.writer.directory.link().count_members(keys.len());
        let answer = self
            .writer
            .modify(&address, &changes, &permissive)
            .await?
            .answer;
        if answer.rc == code::SUCCESS {
            return Ok(Ok(()));
        }
        let fault = result::member_fault(&answer);
        let error = match fault {
            MemberFault::Fatal => {
                self.writer
                    .refused(
                        Operation::Members,
                        self.guid,
                        &address,
                        &["member"],
                        &answer,
                    )
                    .await
            }
            _ => self.writer.error(Operation::Members, &address, &answer),
        };
        Ok(Err(Refusal { fault, error }))
    }

    async fn present(&self, keys: &[MemberKey], look: Look) -> Result<HashSet<MemberKey>> {
        let directory = &self.writer.directory;
        if look == Look::Quick && keys.len() <= QUICK {
            return directory.members_among(self.guid, keys).await;
        }
        let members = directory.members(self.guid).await?;
        Ok(members.into_iter().collect())
    }

    async fn unfit(&self, keys: &[MemberKey]) -> Result<HashMap<MemberKey, SkipReason>> {
        let directory = &self.writer.directory;
        // The refusal may be about the group itself: gone, or protected by a policy.
        let spec = Spec::object(&dn::by_guid(self.guid), &["groupType"]);
        let group = search::object(directory.link(), &spec)
            .await?
            .ok_or_else(|| gone(self.guid))?;
        if let Some(protected) = directory.cloud_protection(self.guid).await? {
            return Err(protected);
        }
        let group_type = GroupType(group.parsed("groupType").unwrap_or_default());
        directory.unfit_members(keys, group_type).await
    }
}
