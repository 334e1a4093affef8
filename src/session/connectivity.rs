//! `testConnectivity`: can each service be reached and used, how fast, and what to do if not.

use std::time::Instant;

use serde_json::Value;

use super::objects::{ConnectivityReportObject, to_value};
use super::{Outcome, Session, lock, texts};
use crate::error::{Error, Result};
use crate::graph::GraphClient;
use crate::operation::Context;

/// Clock difference at which Kerberos and signed assertions fail, seconds.
const CLOCK_LIMIT: i64 = 300;

impl Session {
    /// One row a service; a failure is a row, not an error. Works before and after connecting.
    pub(super) async fn test_connectivity(
        &self,
        members: &Value,
        ctx: &Context,
    ) -> Result<Outcome> {
        let chosen = texts(members, "services");
        let wanted = |service: &str| {
            chosen.is_empty() || chosen.iter().any(|s| s.eq_ignore_ascii_case(service))
        };
        let connection = self.connection()?;
        let connected = lock(&self.clients).clone();
        let mut rows = Vec::new();
        if ["SignIn", "Graph", "Clock"].iter().any(|s| wanted(s)) {
            let begun = Instant::now();
            let graph = match &connected {
                Some(clients) => Ok(clients.graph.with_context(ctx)),
                None => {
                    ctx.cancel
                        .guard(GraphClient::connect(&connection, self.timeout(), ctx))
                        .await
                }
            };
            let signed_in = begun.elapsed().as_millis() as u64;
            match graph {
                Ok(graph) => rows.extend(
                    self.cloud_rows(&graph, &connection.tenant_id, signed_in, ctx)
                        .await?,
                ),
                Err(error) => rows.extend(
                    ["SignIn", "Graph", "Clock"]
                        .map(|s| failed(s, &connection.tenant_id, signed_in, &error)),
                ),
            }
        }
        if wanted("Directory") {
            let begun = Instant::now();
            // A fresh bind: an old connection that still works would prove nothing about the next run.
            let bound = match &connected {
                // What the next run would do: the controller that is there, else the next.
                Some(clients) => {
                    ctx.cancel
                        .guard(clients.directory.at_hand(&self.closing))
                        .await
                }
                None => self.bind(&connection, ctx).await,
            };
            let latency = begun.elapsed().as_millis() as u64;
            rows.push(match bound {
                Ok(directory) => fine(
                    "Directory",
                    &directory.server(),
                    latency,
                    format!(
                        "Bound as {} to {} ({}).",
                        directory.account_name(),
                        directory.root().dns_host_name,
                        directory.root().domain_dns_name()
                    ),
                ),
                Err(error) => failed("Directory", &connection.server, latency, &error),
            });
        }
        for row in rows.iter().filter(|r| wanted(&r.service)) {
            ctx.item("ConnectivityReport", to_value(row)).await;
        }
        Ok(Outcome::default())
    }

    async fn cloud_rows(
        &self,
        graph: &GraphClient,
        tenant: &str,
        signed_in: u64,
        ctx: &Context,
    ) -> Result<Vec<ConnectivityReportObject>> {
        let begun = Instant::now();
        let check = match ctx.cancel.guard(graph.check()).await {
            Ok(check) => check,
            Err(error) => {
                ctx.cancel.check()?;
                let latency = begun.elapsed().as_millis() as u64;
                return Ok(vec![
                    fine("SignIn", tenant, signed_in, "Signed in.".into()),
                    failed("Graph", graph.endpoint(), latency, &error),
                ]);
            }
        };
        let latency = check
            .token_latency
            .map_or(signed_in, |l| l.as_millis() as u64);
        let missing: Vec<_> = graph
            .missing_roles()
            .into_iter()
            .filter(|m| m.required)
            .collect();
        let mut rows = vec![fine(
            "SignIn",
            tenant,
            latency,
            format!(
                "Signed in with {} application permissions.",
                graph.roles().len()
            ),
        )];
        let mut graph_row = fine(
            "Graph",
            graph.endpoint(),
            check.graph_latency.as_millis() as u64,
            "Answers.".into(),
        );
        if let Some(first) = missing.first() {
            graph_row.succeeded = false;
            graph_row.message = format!("The app may not {}.", first.task);
            graph_row.remedy = format!("Grant {} with admin consent.", first.any_of.join(" or "));
        }
        rows.push(graph_row);
        let mut clock = match check.clock_difference_seconds {
            Some(seconds) => fine(
                "Clock",
                graph.endpoint(),
                0,
                format!("Differs from the service's by {seconds} s."),
            ),
            None => fine(
                "Clock",
                graph.endpoint(),
                0,
                "The service did not tell its time.".into(),
            ),
        };
        if check
            .clock_difference_seconds
            .is_some_and(|s| s.abs() >= CLOCK_LIMIT)
        {
            clock.succeeded = false;
            clock.remedy = "Set this machine's clock (w32tm /resync, timedatectl): sign-ins fail past five minutes.".into();
        }
        rows.push(clock);
        Ok(rows)
    }
}

fn fine(
    service: &str,
    endpoint: &str,
    latency_ms: u64,
    message: String,
) -> ConnectivityReportObject {
    ConnectivityReportObject {
        service: service.to_owned(),
        endpoint: endpoint.to_owned(),
        succeeded: true,
        latency_ms,
        message,
        remedy: String::new(),
    }
}

fn failed(
    service: &str,
    endpoint: &str,
    latency_ms: u64,
    error: &Error,
) -> ConnectivityReportObject {
    ConnectivityReportObject {
        succeeded: false,
        message: error.to_string(),
        remedy: error.recommended_action.clone(),
        ..fine(service, endpoint, latency_ms, String::new())
    }
}
