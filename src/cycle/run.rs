//! The frame of a run: lease, header, progress and cancellation across processes, steps, counts, end.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use ring::rand::{SecureRandom, SystemRandom};

use super::{Engine, Finished};
use crate::clock;
use crate::error::{Error, ErrorId, Result};
use crate::model::{GroupType, Guid, Sid};
use crate::operation::{Cancel, Context};
use crate::store::{
    Fence, Lease, PlanRecord, PolicyType, RunCounts, RunEnd, RunHeader, RunOutcome, RunStep, Store,
};

/// Remark of a run that only planned: such runs are no part of the history that people ask for.
pub(crate) const ONLY_PLANNED: &str = "Planned only; nothing was written.";
/// How often the store hears how far a run is, and the run hears of requests to stop.
const SUPERVISION: Duration = Duration::from_millis(300);
/// Plans and runs kept.
const KEPT: usize = 100;

/// A random (version 4) GUID.
pub fn new_guid() -> Result<Guid> {
    let mut bytes = [0u8; 16];
    SystemRandom::new().fill(&mut bytes).map_err(|_| {
        Error::new(
            ErrorId::StoreUnavailable,
            "The system gives no random numbers.",
        )
    })?;
    bytes[6] = bytes[6] & 0x0f | 0x40;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    Ok(Guid(bytes))
}

/// How far the run is; shared with its supervisor.
#[derive(Default)]
struct Position {
    phase: Mutex<&'static str>,
    done: AtomicU64,
    /// 0 = unknown.
    total: AtomicU64,
}

/// A run under way.
pub(super) struct Run<'a> {
    pub engine: &'a Engine,
    pub ctx: Context,
    pub id: Guid,
    pub policy: PolicyType,
    pub counts: RunCounts,
    pub plan_id: Option<Guid>,
    /// Types of AD's own groups that were asked for.
    pub group_types: HashMap<Sid, Option<GroupType>>,
    lease: Lease,
    steps: Vec<RunStep>,
    position: Arc<Position>,
    said: Option<Instant>,
    graph_before: u64,
    directory_before: u64,
}

impl<'a> Run<'a> {
    /// Takes the lease and records the start.
    pub fn begin(engine: &'a Engine, ctx: &Context, policy: PolicyType) -> Result<Run<'a>> {
        let id = new_guid()?;
        let lease = engine
            .store
            .acquire_lease(id, &engine.host_name, std::process::id())?;
        engine.store.begin_run(
            lease.fence,
            &RunHeader {
                run_id: id,
                configuration: engine.name.clone(),
                policy_type: policy,
                started: clock::now(),
                server: engine.directory.root().dns_host_name.clone(),
            },
        )?;
        Ok(Run {
            engine,
            ctx: ctx.clone(),
            id,
            policy,
            counts: RunCounts::default(),
            plan_id: None,
            group_types: HashMap::new(),
            lease,
            steps: Vec::new(),
            position: Arc::default(),
            said: None,
            graph_before: engine.graph.counters().requests,
            directory_before: engine.directory.counters().operations,
        })
    }

    /// What every write of this run carries.
    pub fn fence(&self) -> Fence {
        self.lease.fence
    }

    /// The store.
    pub fn store(&self) -> &'a dyn Store {
        self.engine.store.as_ref()
    }

    /// Watches for requests to stop and tells the store how far the run is.
    pub fn supervise(&self) -> Result<Supervisor> {
        let (store, fence, id) = (self.engine.store.clone(), self.fence(), self.id);
        let (cancel, position) = (self.ctx.cancel.clone(), self.position.clone());
        let stop = Cancel::default();
        let stopped = stop.clone();
        let task = tokio::spawn(async move {
            loop {
                tokio::select! {
                    () = stopped.cancelled() => return None,
                    () = tokio::time::sleep(SUPERVISION) => {}
                }
                let phase = *position
                    .phase
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner);
                let (done, total) = (
                    position.done.load(Ordering::Relaxed),
                    position.total.load(Ordering::Relaxed),
                );
                let total = (total > 0).then_some(total);
                let heard = super::on_disk(|| {
                    store.progress(fence, id, phase, done, total)?;
                    store.cancel_requested(id)
                });
                if matches!(heard, Ok(false)) {
                    continue;
                }
                // A lost lease or an unreadable store ends the run just as a request does.
                cancel.cancel();
                return heard.err();
            }
        });
        Ok(Supervisor { stop, task })
    }

    /// Begins a step (`Import`, `Plan`, `Export`), which ends the one before.
    pub async fn step(&mut self, name: &'static str) {
        self.close_step(RunOutcome::Success);
        let number = self.steps.len() as u32 + 1;
        self.steps.push(RunStep {
            step_number: number,
            name: name.to_owned(),
            result: RunOutcome::Success,
            started: clock::now(),
            ended: None,
            done: 0,
        });
        *self
            .position
            .phase
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = name;
        self.said = None;
        self.position.total.store(0, Ordering::Relaxed);
        self.at(0, None, "").await;
    }

    /// Tells how far the step is. Cheap: at most ten events a second leave.
    pub async fn at(&mut self, done: u64, total: Option<u64>, text: &str) {
        let known = total.unwrap_or(0);
        let before = self.position.done.swap(done, Ordering::Relaxed);
        let total_before = self.position.total.swap(known, Ordering::Relaxed);
        let same = (before, total_before) == (done, known);
        if let Some(step) = self.steps.last_mut() {
            step.done = done;
        }
        let last = total == Some(done) && !same;
        if !last
            && self
                .said
                .is_some_and(|said| said.elapsed() < Duration::from_millis(100))
        {
            return;
        }
        self.said = Some(Instant::now());
        let phase = *self
            .position
            .phase
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        self.ctx.progress(phase, done, total, text).await;
    }

    /// One group failed: said, counted, the run goes on.
    pub async fn group_failed(&mut self, error: Error) {
        self.counts.groups_failed += 1;
        self.ctx.fail(error).await;
    }

    fn close_step(&mut self, result: RunOutcome) {
        if let Some(step) = self.steps.last_mut()
            && step.ended.is_none()
        {
            step.ended = Some(clock::now());
            step.result = result;
        }
    }

    /// Records the end, whatever it was, and gives the caller's result.
    pub fn end(mut self, worked: Result<Option<PlanRecord>>) -> Result<Finished> {
        let outcome = match &worked {
            Ok(_) if self.counts.groups_failed > 0 => RunOutcome::CompletedWithErrors,
            Ok(_) => RunOutcome::Success,
            Err(error) => match error.id {
                ErrorId::OperationCancelled => RunOutcome::Stopped,
                ErrorId::DeletionThresholdExceeded | ErrorId::MemberRemovalThresholdExceeded => {
                    RunOutcome::Blocked
                }
                _ => RunOutcome::Failed,
            },
        };
        self.close_step(outcome);
        self.counts.graph_requests = self
            .engine
            .graph
            .counters()
            .requests
            .saturating_sub(self.graph_before);
        self.counts.directory_operations = self
            .engine
            .directory
            .counters()
            .operations
            .saturating_sub(self.directory_before);
        let end = RunEnd {
            result: outcome,
            ended: clock::now(),
            plan_id: self.plan_id,
            counts: self.counts,
            steps: std::mem::take(&mut self.steps),
            message: match &worked {
                Ok(Some(_)) => Some(ONLY_PLANNED.to_owned()),
                Ok(None) => None,
                Err(error) => Some(error.to_string()),
            },
        };
        let store = self.engine.store.as_ref();
        let ended = store
            .end_run(self.lease.fence, self.id, &end)
            .and_then(|()| store.purge(self.lease.fence, KEPT, KEPT));
        match worked {
            // The first error is the one to know.
            Err(error) => Err(error),
            Ok(plan) => {
                ended?;
                if let Some(plan) = plan {
                    return Ok(Finished::Planned(plan));
                }
                let record = store.run(self.id)?.ok_or_else(|| {
                    Error::new(
                        ErrorId::StoreUnavailable,
                        "The store has lost the run that just ended.",
                    )
                })?;
                Ok(Finished::Ran(record))
            }
        }
    }
}

/// The task that watches over a run.
pub(super) struct Supervisor {
    stop: Cancel,
    task: tokio::task::JoinHandle<Option<Error>>,
}

impl Supervisor {
    /// Ends it and waits, so that nothing writes progress after the end. Gives why it stopped the run, if it did so
    /// of itself.
    pub async fn stop(mut self) -> Option<Error> {
        self.stop.cancel();
        (&mut self.task).await.unwrap_or_default()
    }
}

impl Drop for Supervisor {
    fn drop(&mut self) {
        // A run whose future is dropped (session closed) must not leave its watcher behind.
        self.task.abort();
    }
}
