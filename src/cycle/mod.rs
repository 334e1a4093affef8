//! One run: import the cloud's changes, plan, export to AD. Drives the other rooms and reports; decides nothing itself.
//!
//! State of a run lives in the store, so a run killed anywhere is completed by the next one: what was imported stays
//! pending until its export is recorded.

mod apply;
mod assemble;
mod export;
mod import;
mod lookup;
mod planning;
pub(crate) mod replication;
mod rows;
mod run;
mod scopes;
mod stored;

use std::collections::BTreeSet;
use std::sync::Arc;

use serde_json::json;

use crate::config::Configuration;
use crate::directory::Directory;
use crate::error::{Error, ErrorId, Result};
use crate::graph::GraphClient;
use crate::mapping::Mapping;
use crate::model::{Guid, ObjectId};
use crate::operation::{Answer, Ask, Context};
use crate::plan::summary_of;
use crate::store::{PlanRecord, PlanState, PlanTotals, PolicyType, RunRecord, Store};

pub use assemble::SchemaFacade;
pub use planning::{DisableAction, Selection};
pub(crate) use run::ONLY_PLANNED;
use run::Run;
pub use run::new_guid;

/// Store key: set when a changed configuration needs everything to be compared.
pub(crate) const FULL_REQUIRED: &str = "fullRequired";

/// Everything a run works with.
pub struct Engine {
    /// Name of the configuration.
    pub name: String,
    /// The configuration as it was when the run began.
    pub config: Configuration,
    /// Durable state.
    pub store: Arc<dyn Store>,
    /// The cloud.
    pub graph: GraphClient,
    /// AD, reading. A writer is made only by an export.
    pub directory: Directory,
    /// Compiled scope, names and attributes.
    pub mapping: Mapping,
    /// This machine.
    pub host_name: String,
}

/// For which groups the host is asked before anything is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Approve {
    /// None: thresholds protect.
    #[default]
    None,
    /// Those that are deleted.
    Deletes,
    /// All.
    All,
}

/// What is to be run.
#[derive(Clone, Debug)]
pub enum Job {
    /// A cycle over everything pending.
    Cycle {
        /// `None`: Delta when possible.
        policy: Option<PolicyType>,
        /// The controller of the last writes, when it is gone for good.
        removed_server: Option<String>,
    },
    /// These groups only.
    Groups(Vec<ObjectId>),
    /// Deprovision every written group, then switch the feature off.
    Disable(DisableAction),
    /// A stored plan.
    Invoke {
        /// The plan.
        plan_id: Guid,
        /// Only these operations.
        operations: Option<BTreeSet<String>>,
        /// Run it although it is past a threshold.
        approve_threshold: bool,
    },
}

/// How a job is run.
#[derive(Clone, Copy, Debug, Default)]
pub struct Manner {
    /// Plan only: no writer is made.
    pub what_if: bool,
    /// Whom to ask.
    pub approve: Approve,
    /// Run the plan although it is past a threshold.
    pub approve_threshold: bool,
}

/// How a job ended.
#[derive(Clone, Debug)]
pub enum Finished {
    /// Planned only.
    Planned(PlanRecord),
    /// Ran.
    Ran(RunRecord),
}

/// Told once, when the run shows in the store.
pub type Started = tokio::sync::oneshot::Sender<RunRecord>;

impl Engine {
    /// Runs a job under the lease. Errors are terminating; what failed for single groups was emitted on the way.
    pub async fn run(
        &self,
        job: Job,
        manner: Manner,
        ctx: &Context,
        started: Option<Started>,
    ) -> Result<Finished> {
        let policy = match &job {
            Job::Cycle {
                policy,
                removed_server,
            } => {
                let removed = removed_server.as_deref();
                let store = self.store.as_ref();
                if replication::is_given_up(store, &self.directory, removed)? {
                    PolicyType::Initial
                } else {
                    import::resolve_policy(store, *policy)?
                }
            }
            _ => PolicyType::Delta,
        };
        let mut run = Run::begin(self, ctx, policy)?;
        if let Some(started) = started
            && let Some(record) = self.store.run(run.id)?
        {
            let _ = started.send(record);
        }
        let worked = match run.supervise() {
            Ok(watch) => {
                // A cancelled run is dropped where it stands, as a killed one is: the next run completes either.
                let cancel = ctx.cancel.clone();
                // On the heap: every caller's future would hold it, and move it on the stack.
                let work = Box::pin(self.work(&mut run, &job, manner));
                let worked = cancel.guard(work).await;
                if worked.is_ok() {
                    replication::settle(&run).await;
                }
                watch.stop().await;
                worked
            }
            Err(error) => Err(error),
        };
        run.end(worked)
    }

    async fn work(
        &self,
        run: &mut Run<'_>,
        job: &Job,
        manner: Manner,
    ) -> Result<Option<PlanRecord>> {
        let removed = match job {
            Job::Cycle { removed_server, .. } => removed_server.as_deref(),
            _ => None,
        };
        replication::check(run, removed, manner.what_if).await?;
        let (plan, operations, approved) = match job {
            Job::Invoke {
                plan_id,
                operations,
                approve_threshold,
            } => {
                let plan = stored::check_stored(run, *plan_id).await?;
                (plan, operations.clone(), *approve_threshold)
            }
            Job::Cycle { .. } => {
                import::import(run).await?;
                (
                    planning::plan(run, &Selection::Pending, manner).await?,
                    None,
                    manner.approve_threshold,
                )
            }
            Job::Groups(ids) => {
                import::import(run).await?;
                (
                    planning::plan(run, &Selection::Groups(ids.clone()), manner).await?,
                    None,
                    manner.approve_threshold,
                )
            }
            Job::Disable(action) => (
                planning::plan(run, &Selection::Disable(*action), manner).await?,
                None,
                manner.approve_threshold,
            ),
        };
        run.plan_id = Some(plan.header.plan_id);
        if manner.what_if {
            self.show(run, &plan, |_| true).await?;
            return Ok(Some(plan));
        }
        if plan.state == PlanState::Blocked && !approved {
            return Err(stored::blocked(&plan));
        }
        self.may_write(&plan).await?;
        let refused = self.approval(run, &plan, manner.approve).await?;
        export::export(run, &plan, operations.as_ref(), &refused).await?;
        if plan.header.origin == planning::ORIGIN_DISABLE
            && run.counts.groups_failed == 0
            && operations.is_none()
            && refused.is_empty()
        {
            self.switch_off(run)?;
        }
        Ok(None)
    }

    /// What would fail for every group is one error before the first write: a container that is gone or in which the account may create nothing.
    async fn may_write(&self, plan: &PlanRecord) -> Result<()> {
        let container = &self.config.organizational_unit;
        if plan.totals == PlanTotals::default() {
            return Ok(());
        }
        // With a rule each group has a container of its own, and an error of its own.
        if plan.totals.creates == 0 || self.config.target_rule.is_some() {
            return Ok(());
        }
        match self.directory.container_for_groups(container).await? {
            Some(_) => Ok(()),
            None => Err(self.directory.no_container(container)),
        }
    }

    /// Lists the groups of a plan to the host; gives how many.
    async fn show(
        &self,
        run: &Run<'_>,
        plan: &PlanRecord,
        choose: impl Fn(&crate::plan::GroupPlan) -> bool,
    ) -> Result<u64> {
        let (mut after, mut shown) = (None, 0);
        loop {
            let page = self.store.group_plans(plan.header.plan_id, after, 200)?;
            let Some(last) = page.last() else {
                return Ok(shown);
            };
            after = Some(last.plan.object_id);
            for stored in &page {
                let operations = stored.plan.changes.len() as u64 + stored.adds + stored.removes;
                if operations == 0 || !choose(&stored.plan) {
                    continue;
                }
                shown += 1;
                run.ctx
                    .item(
                        "PlanGroup",
                        json!({
                            "GroupId": stored.plan.object_id, "GroupName": stored.plan.name, "GroupDN": stored.plan.dn,
                            "PlanId": plan.header.plan_id, "Summary": summary_of(&stored.plan, stored.adds, stored.removes),
                            "IsDelete": is_delete(&stored.plan), "Operations": operations,
                        }),
                    )
                    .await;
            }
        }
    }

    /// Asks the host where it wants to be asked; gives the refused groups.
    async fn approval(
        &self,
        run: &Run<'_>,
        plan: &PlanRecord,
        approve: Approve,
    ) -> Result<BTreeSet<ObjectId>> {
        let wanted = match approve {
            Approve::None => return Ok(BTreeSet::new()),
            Approve::Deletes if plan.totals.deletes == 0 => return Ok(BTreeSet::new()),
            Approve::Deletes => self.show(run, plan, is_delete).await?,
            Approve::All => self.show(run, plan, |_| true).await?,
        };
        if wanted == 0 {
            return Ok(BTreeSet::new());
        }
        let ask = Ask::Approve {
            plan_id: plan.header.plan_id.to_string(),
            groups: wanted,
        };
        match run.ctx.host.ask(ask).await? {
            Answer::Approved { refused } => refused
                .iter()
                .map(|id| {
                    id.parse().map_err(|_| {
                        Error::new(
                            ErrorId::InvalidArgument,
                            format!("'{id}' in the approval is no group id."),
                        )
                    })
                })
                .collect(),
            _ => Err(Error::new(
                ErrorId::NotConfirmed,
                "The plan was not approved; nothing was written.",
            )
            .target(plan.header.plan_id)),
        }
    }

    /// The last act of a disabling run: authority ends, the cloud copy is forgotten.
    fn switch_off(&self, run: &Run<'_>) -> Result<()> {
        let mut config = self
            .store
            .configuration()?
            .unwrap_or_else(|| self.config.clone());
        config.enabled = false;
        self.store.save_configuration(&config)?;
        for feed in [
            crate::store::Feed::Groups,
            crate::store::Feed::Users,
            crate::store::Feed::Devices,
        ] {
            self.store.clear_watermark(run.fence(), feed)?;
        }
        Ok(())
    }
}

fn is_delete(plan: &crate::plan::GroupPlan) -> bool {
    plan.changes
        .iter()
        .any(|c| matches!(c, crate::plan::Change::DeleteGroup { .. }))
}

/// Runs disk work without holding up the other tasks of a worker thread.
pub(crate) fn on_disk<T>(work: impl FnOnce() -> T) -> T {
    use tokio::runtime::{Handle, RuntimeFlavor};
    match Handle::try_current().map(|h| h.runtime_flavor()) {
        Ok(RuntimeFlavor::MultiThread) => tokio::task::block_in_place(work),
        _ => work(),
    }
}
