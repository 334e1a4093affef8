//! Cycles, single groups, stored plans: requests of `gwb_sync` as jobs of the engine.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde_json::Value;

use super::objects::SyncCycleObject;
use super::runs::{policy_name, run_object};
use super::{Outcome, Session, flag, guid, lock, text, texts};
use crate::clock;
use crate::cycle::{Approve, Finished, Job, Manner};
use crate::error::{Error, ErrorId, Result};
use crate::operation::{Answer, Ask, Cancel, Context, Event, Host};
use crate::store::PolicyType;

/// How the caller wants to be asked.
pub(super) fn manner(members: &Value) -> Manner {
    Manner {
        what_if: flag(members, "whatIf"),
        approve: match text(members, "approve") {
            Some("deletes") => Approve::Deletes,
            Some("all") => Approve::All,
            _ => Approve::None,
        },
        approve_threshold: flag(members, "approveThreshold"),
    }
}

pub(super) fn policy(members: &Value) -> Option<PolicyType> {
    match text(members, "policyType") {
        Some("Delta") => Some(PolicyType::Delta),
        Some("Initial") => Some(PolicyType::Initial),
        _ => None,
    }
}

fn cycle(members: &Value) -> Job {
    Job::Cycle {
        policy: policy(members),
        removed_server: text(members, "removedServer").map(str::to_owned),
    }
}

impl Session {
    pub(super) async fn sync(self: &Arc<Self>, members: &Value, ctx: &Context) -> Result<Outcome> {
        match text(members, "action").unwrap_or_default() {
            "group" => self.sync_groups(members, ctx).await,
            "invoke" => self.invoke(members, ctx).await,
            _ if flag(members, "detached") => self.start_detached(members, ctx).await,
            _ => {
                let job = cycle(members);
                let finished = self
                    .engine(ctx)
                    .await?
                    .run(job, manner(members), ctx, None)
                    .await?;
                Ok(outcome(&finished))
            }
        }
    }

    async fn sync_groups(&self, members: &Value, ctx: &Context) -> Result<Outcome> {
        let engine = self.engine(ctx).await?;
        let ids = self
            .identify(&texts(members, "identity"), &engine, ctx)
            .await?;
        if ids.is_empty() {
            // Every identity was reported; there is nothing to run.
            return Ok(Outcome::default());
        }
        let manner = manner(members);
        let finished = engine.run(Job::Groups(ids), manner, ctx, None).await?;
        if let Finished::Ran(record) = &finished
            && let Some(plan_id) = record.end.as_ref().and_then(|e| e.plan_id)
        {
            self.emit_operations(plan_id, &|_| true, ctx).await?;
        }
        Ok(outcome(&finished))
    }

    async fn invoke(&self, members: &Value, ctx: &Context) -> Result<Outcome> {
        let plan_id = guid(members, "planId")?.ok_or_else(|| {
            Error::new(ErrorId::InvalidArgument, "planId: is needed.").target("planId")
        })?;
        let operations: Option<BTreeSet<String>> = members["operationIds"]
            .is_array()
            .then(|| texts(members, "operationIds").into_iter().collect());
        let chosen_ids = operations.clone();
        let job = Job::Invoke {
            plan_id,
            operations,
            approve_threshold: flag(members, "approveThreshold"),
        };
        let finished = self
            .engine(ctx)
            .await?
            .run(job, manner(members), ctx, None)
            .await?;
        if flag(members, "passThru") {
            let chosen = |o: &crate::plan::Operation| {
                chosen_ids.as_ref().is_none_or(|ids| ids.contains(&o.id))
            };
            self.emit_operations(plan_id, &chosen, ctx).await?;
        }
        Ok(outcome(&finished))
    }

    /// Starts a cycle that outlives its operation; returns when it shows in the run status.
    async fn start_detached(self: &Arc<Self>, members: &Value, ctx: &Context) -> Result<Outcome> {
        let quiet = Context {
            host: Arc::new(Detached(ctx.host.clone())),
            cancel: Cancel::default(),
        };
        let engine = self.engine(&quiet).await?;
        let job = cycle(members);
        let (started, starts) = tokio::sync::oneshot::channel();
        let cancel = quiet.cancel.clone();
        let run = tokio::spawn(async move {
            engine
                .run(job, Manner::default(), &quiet, Some(started))
                .await
        });
        // Known to the session before anything is waited for: closing it then always reaches the run.
        let (ended, ends) = tokio::sync::oneshot::channel();
        {
            let mut detached = lock(&self.detached);
            detached.retain(|(_, task)| !task.is_finished());
            detached.push((
                cancel,
                tokio::spawn(async move { drop(ended.send(run.await)) }),
            ));
        }
        match starts.await {
            // The run's own result is in the store, where Wait and RunResult find it.
            Ok(record) => Ok(Outcome::of(
                "SyncCycle",
                &SyncCycleObject {
                    result: "Success",
                    run_id: record.header.run_id.to_string(),
                    policy_type: policy_name(record.header.policy_type).to_owned(),
                    start_time_in_utc: clock::rfc3339(record.header.started),
                },
            )),
            // It ended before it showed: its error is ours.
            Err(_) => match ends.await {
                Ok(Ok(Ok(finished))) => Ok(outcome(&finished)),
                Ok(Ok(Err(error))) => Err(error),
                _ => Err(Error::new(
                    ErrorId::NativeEnginePanic,
                    "The cycle ended abnormally before it showed.",
                )),
            },
        }
    }
}

/// `RunResult` of a run, `Plan` of a what-if.
pub(super) fn outcome(finished: &Finished) -> Outcome {
    match finished {
        Finished::Ran(record) => Outcome::of("RunResult", &run_object(record, true)),
        Finished::Planned(plan) => Outcome::of("Plan", &super::plans::plan_object(plan)),
    }
}

/// The host of a run whose operation has ended: nothing is shown any more, secrets can't be asked for.
struct Detached(Arc<dyn Host>);

impl Host for Detached {
    fn emit(&self, _event: Event) -> std::pin::Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        Box::pin(async {})
    }

    fn ask(&self, ask: Ask) -> std::pin::Pin<Box<dyn Future<Output = Result<Answer>> + Send + '_>> {
        match ask {
            // While the operation that started the run lives, its host still answers.
            Ask::Secret { .. } | Ask::Sign { .. } => self.0.ask(ask),
            Ask::Approve { .. } => Box::pin(async { Ok(Answer::Refused) }),
        }
    }
}
