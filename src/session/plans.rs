//! Plans as objects: making one, listing the operations of a stored one.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::objects::{PlanObject, to_value};
use super::runs::policy_name;
use super::sync::policy;
use super::{Outcome, Session, flag, guid, texts};
use crate::clock;
use crate::cycle::{Finished, Job, Manner};
use crate::error::{Error, ErrorId, Result};
use crate::model::Guid;
use crate::operation::Context;
use crate::plan::{GroupPlan, Operation, operations, operations_from};
use crate::store::{Direction, OperationStatus, PlanRecord, Store, StoredGroupPlan};

/// Groups and members read in one go.
const PAGE: usize = 100;
const MEMBERS_PAGE: usize = 2000;

/// A plan in numbers.
pub(super) fn plan_object(plan: &PlanRecord) -> PlanObject {
    PlanObject {
        plan_id: plan.header.plan_id.to_string(),
        configuration_name: plan.header.configuration.clone(),
        origin: plan.header.origin.clone(),
        policy_type: policy_name(plan.header.policy_type).to_owned(),
        created_in_utc: clock::rfc3339(plan.header.created),
        creates: plan.totals.creates,
        updates: plan.totals.updates,
        renames: plan.totals.renames,
        converts: plan.totals.converts,
        deletes: plan.totals.deletes,
        member_adds: plan.totals.member_adds,
        member_removals: plan.totals.member_removals,
        complete: plan.complete,
        state: format!("{:?}", plan.state),
    }
}

impl Session {
    /// `plan`: imports, plans, writes nothing.
    pub(super) async fn new_plan(&self, members: &Value, ctx: &Context) -> Result<Outcome> {
        let engine = self.engine(ctx).await?;
        let identity = texts(members, "identity");
        let job = if members["identity"].is_array() {
            let ids = self.identify(&identity, &engine, ctx).await?;
            if ids.is_empty() {
                return Ok(Outcome::default());
            }
            Job::Groups(ids)
        } else {
            Job::Cycle {
                policy: policy(members),
                removed_server: None,
            }
        };
        // The groups are listed as operations below, so the what-if's own listing goes nowhere.
        let quiet = Context {
            host: std::sync::Arc::new(WithoutPlanGroups(ctx.host.clone())),
            cancel: ctx.cancel.clone(),
        };
        let finished = engine
            .run(
                job,
                Manner {
                    what_if: true,
                    ..Manner::default()
                },
                &quiet,
                None,
            )
            .await?;
        let Finished::Planned(plan) = finished else {
            return Ok(Outcome::default());
        };
        self.show(&plan, members, ctx).await
    }

    /// `operations`: a stored plan.
    pub(super) async fn stored_operations(
        &self,
        members: &Value,
        ctx: &Context,
    ) -> Result<Outcome> {
        let store = self.store()?;
        let plan = match guid(members, "planId")? {
            Some(id) => store.plan(id)?.ok_or_else(|| {
                Error::new(
                    ErrorId::PlanNotFound,
                    format!("There is no plan {id} in configuration '{}'.", self.name()),
                )
                .target(id)
            })?,
            None => match store.latest_plan()? {
                Some(plan) => plan,
                None => return Ok(Outcome::default()),
            },
        };
        self.show(&plan, members, ctx).await
    }

    async fn show(&self, plan: &PlanRecord, members: &Value, ctx: &Context) -> Result<Outcome> {
        if flag(members, "summary") {
            ctx.item("Plan", to_value(&plan_object(plan))).await;
            return Ok(Outcome::default());
        }
        let actions: BTreeSet<String> = texts(members, "action").into_iter().collect();
        let chosen = |o: &Operation| {
            actions.is_empty() || actions.iter().any(|a| a.eq_ignore_ascii_case(o.action))
        };
        self.emit_operations(plan.header.plan_id, &chosen, ctx)
            .await?;
        Ok(Outcome::default())
    }

    /// Emits the chosen operations of a plan with what became of them.
    pub(super) async fn emit_operations(
        &self,
        plan_id: Guid,
        chosen: Chosen<'_>,
        ctx: &Context,
    ) -> Result<()> {
        let store = self.store()?;
        let mut after = None;
        loop {
            let page = store.group_plans(plan_id, after, PAGE)?;
            let Some(last) = page.last() else {
                return Ok(());
            };
            after = Some(last.plan.object_id);
            for stored in page {
                ctx.cancel.check()?;
                for (operation, status) in operations(&stored.plan).zip(&stored.statuses) {
                    if chosen(&operation) {
                        emit(
                            ctx,
                            plan_id,
                            &operation,
                            status.status,
                            status.error.as_deref(),
                        )
                        .await;
                    }
                }
                for direction in [Direction::Add, Direction::Remove] {
                    emit_members(store.as_ref(), ctx, plan_id, &stored, direction, chosen).await?;
                }
            }
        }
    }
}

/// Which operations are to be shown.
pub(super) type Chosen<'a> = &'a (dyn Fn(&Operation) -> bool + Sync);

async fn emit_members(
    store: &dyn Store,
    ctx: &Context,
    plan_id: Guid,
    stored: &StoredGroupPlan,
    direction: Direction,
    chosen: Chosen<'_>,
) -> Result<()> {
    let before = match direction {
        Direction::Add => stored.plan.changes.len(),
        Direction::Remove => {
            stored.plan.changes.len() + usize::try_from(stored.adds).unwrap_or(usize::MAX)
        }
    };
    let (mut after, mut done) = (None, 0);
    loop {
        let page = store.plan_members(
            plan_id,
            stored.plan.object_id,
            direction,
            after,
            MEMBERS_PAGE,
        )?;
        let Some(last) = page.last() else {
            return Ok(());
        };
        after = Some(last.ordinal);
        let members = page.iter().map(|m| m.member.clone()).collect();
        let mut only = GroupPlan {
            changes: Vec::new(),
            adds: Vec::new(),
            removes: Vec::new(),
            ..stored.plan.clone()
        };
        match direction {
            Direction::Add => only.adds = members,
            Direction::Remove => only.removes = members,
        }
        for (operation, member) in operations_from(&only, before + done)
            .zip(&page)
            .filter(|(o, _)| chosen(o))
        {
            emit(
                ctx,
                plan_id,
                &operation,
                member.status,
                member.error.as_deref(),
            )
            .await;
        }
        done += page.len();
    }
}

async fn emit(
    ctx: &Context,
    plan_id: Guid,
    operation: &Operation,
    status: OperationStatus,
    error: Option<&str>,
) {
    let mut value = to_value(operation);
    value["PlanId"] = json!(plan_id);
    value["Status"] = json!(status);
    value["Error"] = json!(error);
    ctx.item("Operation", value).await;
}

/// Passes everything on but the what-if's list of groups.
struct WithoutPlanGroups(std::sync::Arc<dyn crate::operation::Host>);

impl crate::operation::Host for WithoutPlanGroups {
    fn emit(
        &self,
        event: crate::operation::Event,
    ) -> std::pin::Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        if matches!(
            &event,
            crate::operation::Event::Item {
                kind: "PlanGroup",
                ..
            }
        ) {
            return Box::pin(async {});
        }
        self.0.emit(event)
    }

    fn ask(
        &self,
        ask: crate::operation::Ask,
    ) -> std::pin::Pin<Box<dyn Future<Output = Result<crate::operation::Answer>> + Send + '_>> {
        self.0.ask(ask)
    }
}
