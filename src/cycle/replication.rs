//! Which controller was written to last, and whether another one has received it. What is there and not yet here would
//! be created a second time, so a run is refused where that can't be ruled out (docs/architecture.md).

use serde::{Deserialize, Serialize};

use super::run::Run;
use crate::directory::Directory;
use crate::error::{Error, ErrorId, Result};
use crate::model::Guid;
use crate::operation::Level;
use crate::store::Store;

/// Store key: where the last writes went.
const WRITTEN: &str = "writtenTo";

/// Where the last writes went.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Written {
    /// Its database (`RootDse::replica`).
    pub replica: String,
    /// Its name.
    pub server: String,
    /// No write has a higher USN. `None` while writing; when a run broke off, only that controller can tell.
    pub usn: Option<i64>,
}

impl Written {
    fn of(store: &dyn Store) -> Result<Option<Written>> {
        let Some(text) = store.meta(WRITTEN)? else {
            return Ok(None);
        };
        serde_json::from_str(&text).map(Some).map_err(|e| {
            Error::new(
                ErrorId::StoreUnavailable,
                "The store's record of the last written controller can't be read.",
            )
            .caused_by(&e)
        })
    }

    fn save(&self, run: &Run<'_>) -> Result<()> {
        let text = serde_json::json!(self).to_string();
        run.store()
            .set_meta(Some(run.fence()), WRITTEN, Some(&text))
    }

    fn is_on(&self, directory: &Directory) -> bool {
        self.replica == directory.root().replica()
    }

    /// Whether the administrator says that this controller is gone for good.
    fn is_named(&self, removed: Option<&str>) -> bool {
        removed.is_some_and(|name| name.trim().eq_ignore_ascii_case(&self.server))
    }

    /// Why a run on this controller might not see what was written; `None`: it has received all of it.
    async fn lacking_on(&self, directory: &Directory) -> Result<Option<String>> {
        let (former, here) = (&self.server, &directory.root().dns_host_name);
        let Some(usn) = self.usn else {
            return Ok(Some(format!(
                "the last run broke off while it wrote to {former}, so only {former} can tell what was written"
            )));
        };
        let Ok(database) = self.replica.parse::<Guid>() else {
            return Ok(Some(format!(
                "the account may not read the invocationId of {former}, by which controllers count what they have received"
            )));
        };
        let Some(received) = directory.up_to_dateness().await? else {
            return Ok(Some(format!(
                "{here} doesn't tell what it has received: the account may not read replUpToDateVector of the domain there"
            )));
        };
        Ok(match received.cursor(database) {
            Some(cursor) if cursor >= usn => None,
            Some(cursor) => Some(format!(
                "it has the changes up to USN {cursor} of {former} and lacks {} up to {usn}",
                usn - cursor
            )),
            None => Some(format!(
                "it has received nothing from the present database of {former} ({database})"
            )),
        })
    }

    fn error(&self, directory: &Directory, why: &str) -> Error {
        let (former, here) = (&self.server, &directory.root().dns_host_name);
        let domain = &directory.root().default_naming_context;
        Error::new(
            ErrorId::DirectoryReplicationPending,
            format!("{here} may not have received yet what the last run wrote to {former}: {why}. A run there could create groups a second time."),
        )
        .target(here)
        .action(format!("Wait for replication (repadmin /showutdvec {here} {domain}), or connect to {former}. Only when {former} is gone for good: Start-GroupWritebackSyncCycle -RemovedServer {former} -Wait; should it come back all the same, groups may be there twice."))
    }
}

/// The controller that must be used instead of this one, if one must: its database and its name.
pub(crate) async fn former(
    store: &dyn Store,
    directory: &Directory,
) -> Result<Option<(String, String)>> {
    let Some(written) = Written::of(store)?.filter(|w| !w.is_on(directory)) else {
        return Ok(None);
    };
    let lacking = written.lacking_on(directory).await?;
    Ok(lacking.map(|_| (written.replica, written.server)))
}

/// Whether the controller of the last writes is another one that was removed: its last writes may be lost, so everything
/// is to be compared.
pub(super) fn is_given_up(
    store: &dyn Store,
    directory: &Directory,
    removed: Option<&str>,
) -> Result<bool> {
    Ok(Written::of(store)?.is_some_and(|w| !w.is_on(directory) && w.is_named(removed)))
}

/// Refuses a run on a controller that may not have received the last writes.
pub(super) async fn check(run: &Run<'_>, removed: Option<&str>, what_if: bool) -> Result<()> {
    let (store, directory) = (run.store(), &run.engine.directory);
    let Some(written) = Written::of(store)?.filter(|w| !w.is_on(directory)) else {
        return Ok(());
    };
    let Some(why) = written.lacking_on(directory).await? else {
        return Ok(());
    };
    let refusal = written.error(directory, &why);
    if !written.is_named(removed) {
        return Err(refusal);
    }
    if !what_if {
        // In this order: what it had not passed on is missing here, although nothing of it is pending any more.
        store.set_meta(
            Some(run.fence()),
            super::FULL_REQUIRED,
            Some("removedServer"),
        )?;
        store.set_meta(Some(run.fence()), WRITTEN, None)?;
    }
    run.ctx
        .warn(refusal.action(format!(
            "{} was named as removed: everything is compared now. Never let it back with its old database; groups would be there twice.",
            written.server
        )))
        .await;
    Ok(())
}

/// Before the first write of a run.
pub(super) fn writing(run: &Run<'_>) -> Result<()> {
    let root = run.engine.directory.root();
    Written {
        replica: root.replica(),
        server: root.dns_host_name.clone(),
        usn: None,
    }
    .save(run)
}

/// At the end of a run that went well: all of its writes were answered, so the controller's highest USN covers them, and
/// those of an earlier run that broke off here.
pub(super) async fn settle(run: &Run<'_>) {
    let directory = &run.engine.directory;
    let settled = async {
        let written = Written::of(run.store())?;
        let open = written.filter(|w| w.usn.is_none() && w.is_on(directory));
        if let Some(mut written) = open {
            written.usn = Some(directory.highest_usn().await?);
            written.save(run)?;
        }
        Ok::<(), Error>(())
    };
    // Left open, it binds the next run to this controller, whose end settles it.
    if let Err(error) = settled.await {
        let text = format!(
            "The USN after the last write was not recorded: {}",
            error.message
        );
        run.ctx.message(Level::Verbose, text).await;
    }
}
