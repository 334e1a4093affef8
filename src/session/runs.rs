//! Run status, results, waiting, stopping: what the store knows of runs, of whatever process.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::objects::{RunResultObject, RunStatusObject, StepObject, to_value};
use super::{Outcome, Session, flag, guid};
use crate::clock;
use crate::cycle::ONLY_PLANNED;
use crate::error::{Error, ErrorId, Result};
use crate::operation::Context;
use crate::store::{PolicyType, RunOutcome, RunRecord, Store};

/// How often a waiting caller looks.
const LOOK: Duration = Duration::from_millis(200);
/// Left-out members read in one go.
const PAGE: usize = 1000;

pub(super) fn policy_name(policy: PolicyType) -> &'static str {
    match policy {
        PolicyType::Delta => "Delta",
        PolicyType::Initial => "Initial",
    }
}

fn outcome_name(outcome: RunOutcome) -> &'static str {
    match outcome {
        RunOutcome::Success => "Success",
        RunOutcome::CompletedWithErrors => "CompletedWithErrors",
        RunOutcome::Stopped => "Stopped",
        RunOutcome::Blocked => "Blocked",
        RunOutcome::Failed => "Failed",
    }
}

/// A run as callers see it.
pub(super) fn run_object(record: &RunRecord, steps: bool) -> RunResultObject {
    let mut object = RunResultObject {
        run_id: record.header.run_id.to_string(),
        configuration_name: record.header.configuration.clone(),
        policy_type: policy_name(record.header.policy_type).to_owned(),
        start_time_in_utc: clock::rfc3339(record.header.started),
        server: record.header.server.clone(),
        ..RunResultObject::default()
    };
    let Some(end) = &record.end else {
        return object;
    };
    let counts = &end.counts;
    object.plan_id = end.plan_id.map(|p| p.to_string());
    object.result = outcome_name(end.result).to_owned();
    object.end_time_in_utc = clock::rfc3339(end.ended);
    object.duration = end.ended.saturating_sub(record.header.started).max(0) as f64 / 1000.0;
    object.groups_read = counts.groups_read;
    object.created = counts.created;
    object.updated = counts.updated;
    object.renamed = counts.renamed;
    object.converted = counts.converted;
    object.deleted = counts.deleted;
    object.members_added = counts.members_added;
    object.members_removed = counts.members_removed;
    object.members_skipped = counts.members_skipped;
    object.groups_failed = counts.groups_failed;
    object.graph_requests = counts.graph_requests;
    object.directory_operations = counts.directory_operations;
    if steps {
        object.steps = end
            .steps
            .iter()
            .map(|s| StepObject {
                step_number: s.step_number,
                name: s.name.clone(),
                result: outcome_name(s.result).to_owned(),
                start_time_in_utc: clock::rfc3339(s.started),
                end_time_in_utc: s.ended.map(clock::rfc3339).unwrap_or_default(),
                done: s.done,
            })
            .collect();
    }
    object
}

/// The last runs, without those that only planned.
pub(super) fn history(store: &dyn Store, number: usize) -> Result<Vec<RunRecord>> {
    let planned = |r: &RunRecord| {
        r.end
            .as_ref()
            .is_some_and(|e| e.message.as_deref() == Some(ONLY_PLANNED))
    };
    let mut runs = store.runs(usize::MAX)?;
    runs.retain(|run| !planned(run));
    runs.truncate(number);
    Ok(runs)
}

impl Session {
    pub(super) async fn run_status(&self, ctx: &Context) -> Result<Outcome> {
        let Some(running) = self.store()?.running()? else {
            return Ok(Outcome::default());
        };
        let percent = running
            .total
            .filter(|t| *t > 0)
            .map(|t| (running.done.min(t) * 100 / t) as u8);
        let status = RunStatusObject {
            run_state: "Busy",
            connector_name: running.header.configuration.clone(),
            run_id: running.header.run_id.to_string(),
            policy_type: policy_name(running.header.policy_type).to_owned(),
            phase: running.phase,
            done: running.done,
            total: running.total,
            percent_complete: percent,
            start_time_in_utc: clock::rfc3339(running.header.started),
            host_name: running.host,
        };
        ctx.item("RunStatus", to_value(&status)).await;
        Ok(Outcome::default())
    }

    pub(super) async fn run_result(&self, members: &Value, ctx: &Context) -> Result<Outcome> {
        let store = self.store()?;
        let number = members["numberRequested"].as_u64().unwrap_or(10);
        let records = match guid(members, "runId")? {
            Some(id) => vec![store.run(id)?.ok_or_else(|| {
                Error::new(
                    ErrorId::InvalidArgument,
                    format!("There is no run {id} in configuration '{}'.", self.name()),
                )
                .target(id)
            })?],
            None => history(
                store.as_ref(),
                usize::try_from(number).unwrap_or(usize::MAX),
            )?,
        };
        if flag(members, "skipped") {
            return self.skipped_rows(ctx).await;
        }
        for record in records {
            ctx.item(
                "RunResult",
                to_value(&run_object(&record, flag(members, "runStepDetails"))),
            )
            .await;
        }
        Ok(Outcome::default())
    }

    /// Members that are left out now, one row each, with the reason.
    async fn skipped_rows(&self, ctx: &Context) -> Result<Outcome> {
        let store = self.store()?;
        let mut after = None;
        loop {
            let page = store.skipped(None, after, PAGE)?;
            let Some(last) = page.last() else {
                return Ok(Outcome::default());
            };
            after = Some((last.group_id, last.member_id));
            for row in page {
                ctx.cancel.check()?;
                let dn = store.known_group(row.group_id)?.map(|k| k.group.dn);
                ctx.item(
                    "Operation",
                    json!({
                        "Id": format!("{}:skip:{}", row.group_id, row.member_id), "GroupId": row.group_id, "GroupName": row.group_name,
                        "GroupDN": dn, "Action": "AddMember", "Attribute": "member", "OldValue": null, "NewValue": row.member_name,
                        "MemberId": row.member_id, "MemberDN": null, "Reason": format!("{:?}", row.reason), "Severity": "Information",
                        "PlanId": null, "Status": "Skipped", "Error": null
                    }),
                )
                .await;
            }
        }
    }

    pub(super) async fn wait_run(&self, members: &Value, ctx: &Context) -> Result<Outcome> {
        let store = self.store()?;
        let limit = members["timeoutSec"]
            .as_u64()
            .filter(|s| *s > 0)
            .map(Duration::from_secs);
        let begun = Instant::now();
        let id = match guid(members, "runId")? {
            Some(id) => Some(id),
            None => match store.running()? {
                Some(running) => Some(running.header.run_id),
                None => store.runs(1)?.first().map(|r| r.header.run_id),
            },
        };
        let Some(id) = id else {
            return Ok(Outcome::default());
        };
        loop {
            // `running` also records the end of a run whose process died.
            let running = store.running()?;
            let record = store.run(id)?.ok_or_else(|| {
                Error::new(
                    ErrorId::InvalidArgument,
                    format!("There is no run {id} in configuration '{}'.", self.name()),
                )
                .target(id)
            })?;
            if record.end.is_some() {
                return Ok(Outcome::of("RunResult", &run_object(&record, true)));
            }
            if let Some(running) = running.filter(|r| r.header.run_id == id) {
                ctx.progress("Wait", running.done, running.total, running.phase)
                    .await;
            }
            if limit.is_some_and(|limit| begun.elapsed() >= limit) {
                return Err(Error::new(
                    ErrorId::OperationTimeout,
                    format!(
                        "Run {id} has not ended within {} s.",
                        begun.elapsed().as_secs()
                    ),
                )
                .target(id));
            }
            ctx.cancel
                .guard(async {
                    tokio::time::sleep(LOOK).await;
                    Ok(())
                })
                .await?;
        }
    }

    /// A signal, harmless and silent when nothing runs.
    pub(super) fn stop_run(&self) -> Result<Outcome> {
        let store = match self.store() {
            Err(error) if error.id == ErrorId::ConfigurationNotFound => {
                return Ok(Outcome::default());
            }
            store => store?,
        };
        if let Some(running) = store.running()? {
            store.request_cancel(running.header.run_id)?;
        }
        Ok(Outcome::default())
    }
}
