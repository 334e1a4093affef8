//! The tenant's token endpoint ("OAuth 2.0 client credentials flow").

use std::time::Duration;

use reqwest::Url;
use tokio::time::Instant;

use super::Fetched;
use super::assertion::ASSERTION_TYPE;
use super::problem::{Problem, Who};
use crate::error::{Error, ErrorId};
use crate::graph::Result;
use crate::graph::limiter::{backoff, retry_after, wait};
use crate::graph::session::Session;
use crate::graph::wire::{Answer, Lost, random_share};
use crate::operation::Context;

/// Attempts a token request when the service can't be reached or fails.
const ATTEMPTS: u32 = 4;

/// The tenant's token endpoint.
pub(super) struct Login<'a> {
    pub session: &'a Session,
    pub base: &'a str,
    pub tenant: &'a str,
    pub client_id: &'a str,
    /// For apps.
    pub scope: String,
    /// For people: with a refresh token, so that they are asked once.
    pub person_scope: String,
}

impl Login<'_> {
    pub(super) fn who(&self) -> Who<'_> {
        Who {
            tenant: self.tenant,
            client_id: self.client_id,
            login: self.base,
        }
    }

    pub(super) fn address(&self, what: &str) -> String {
        format!("{}/{}/oauth2/v2.0/{what}", self.base, self.tenant)
    }

    pub(super) fn app_form<'a>(&'a self, more: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
        let mut form = vec![
            ("grant_type", "client_credentials"),
            ("client_id", self.client_id),
            ("scope", self.scope.as_str()),
        ];
        form.extend_from_slice(more);
        form
    }

    pub(super) async fn with_assertion(&self, assertion: &str, ctx: &Context) -> Result<Fetched> {
        let form = self.app_form(&[
            ("client_assertion_type", ASSERTION_TYPE),
            ("client_assertion", assertion),
        ]);
        self.token(&form, ctx)
            .await?
            .map_err(|problem| problem.into_error(&self.who()))
    }

    /// Asks for a token. The inner `Err` is a refusal in the service's words.
    pub(super) async fn token(
        &self,
        form: &[(&str, &str)],
        ctx: &Context,
    ) -> Result<Result<Fetched, Problem>> {
        let answer = self.post("token", form, ctx).await?;
        if answer.status == 200 {
            return Fetched::parse(&answer.body).map(Ok).ok_or_else(|| {
                Error::new(
                    ErrorId::GraphAuthenticationFailed,
                    "The sign-in service answered without a token.",
                )
                .target(self.base)
            });
        }
        Ok(Err(Problem::of(&answer)))
    }

    /// Posts a form; everything together takes no longer than the timeout.
    pub(super) async fn post(
        &self,
        what: &str,
        form: &[(&str, &str)],
        ctx: &Context,
    ) -> Result<Answer> {
        let session = self.session;
        let address = self.address(what);
        let url = Url::parse(&address).map_err(|e| {
            Error::new(
                ErrorId::ConfigurationInvalid,
                format!("{address} is not an address."),
            )
            .caused_by(&e)
        })?;
        let end = Instant::now() + session.timeout;
        let mut attempt = 0;
        loop {
            attempt += 1;
            let request = session.wire.form(url.clone(), form)?;
            let left = end
                .saturating_duration_since(Instant::now())
                .max(Duration::from_millis(500));
            let outcome = ctx
                .cancel
                .guard(async { Ok(session.wire.send(request, left, false).await) })
                .await?;
            let (error, asked) = match outcome {
                Ok(answer) if answer.status == 429 || answer.status >= 500 => (
                    Error::new(
                        if answer.status == 429 {
                            ErrorId::GraphThrottled
                        } else {
                            ErrorId::GraphUnavailable
                        },
                        format!("The sign-in service answers with status {}.", answer.status),
                    )
                    .target(self.base),
                    answer
                        .header("retry-after")
                        .and_then(|v| retry_after(v, answer.date())),
                ),
                Ok(answer) if (300..400).contains(&answer.status) => {
                    return Err(Error::new(
                        ErrorId::GraphUnavailable,
                        "A redirect came instead of the sign-in service's answer and was not followed: is there a proxy that wants a sign-in?",
                    )
                    .target(self.base));
                }
                Ok(answer) => return Ok(answer),
                Err(Lost::Tls(error)) => return Err(error),
                Err(lost) => (
                    Error {
                        id: ErrorId::GraphUnavailable,
                        category: ErrorId::GraphUnavailable.category(),
                        ..lost.into_error()
                    },
                    None,
                ),
            };
            let pause = asked.unwrap_or_else(|| {
                backoff(
                    attempt - 1,
                    session.tuning.base_wait,
                    session.tuning.most_wait,
                    random_share(),
                )
            });
            if attempt >= ATTEMPTS || Instant::now() + pause >= end {
                return Err(error);
            }
            wait(&ctx.cancel, pause).await?;
        }
    }
}
