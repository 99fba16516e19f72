//! The chain of one logical call.

use std::{fmt, sync::Arc};

use async_trait::async_trait;
use tokio::time::{Instant, timeout};
use tracing::Instrument as _;

use super::{
    Classify, ConfigError, Request, Response, SendCause, SendError, Service, ServiceError, Sign, SignError,
    TransportConfig,
    limit::RateLimit,
    retry::{Outcome, Pace, Retries, Verdict, judge},
    service::HttpService,
    trace,
};
use crate::budget::Budget;

/// Sends calls. Cheap to clone; clones share connections and the rate limit.
#[derive(Clone)]
pub struct Transport(Arc<Shared>);

struct Shared {
    config: TransportConfig,
    limit: Option<RateLimit>,
    service: Box<dyn Service>,
}

impl Transport {
    /// A transport over HTTP/1.1 and HTTP/2, through the proxies that the environment names.
    ///
    /// # Errors
    /// [`ConfigError`] when the rate or a certificate cannot be used. No connection is made.
    pub fn new(config: TransportConfig) -> Result<Self, ConfigError> {
        let service = HttpService::new(&config)?;
        Self::with_service(config, service)
    }

    /// The same chain over another service, e.g. a test's.
    ///
    /// # Errors
    /// [`ConfigError::RequestsPerSecond`].
    pub fn with_service(config: TransportConfig, service: impl Service + 'static) -> Result<Self, ConfigError> {
        let limit = match config.requests_per_second {
            None => None,
            Some(rate) => Some(RateLimit::new(rate).ok_or(ConfigError::RequestsPerSecond(rate))?),
        };
        Ok(Self(Arc::new(Shared { config, limit, service: Box::new(service) })))
    }

    /// Makes one logical call: as many attempts as the rules of this module allow within `budget`.
    ///
    /// # Errors
    /// [`SendError`] when there is no answer, or when an answer leaves open whether a call that must not be sent twice
    /// was processed. Every other answer is `Ok`, also a bad one, and the last one after all retries.
    pub async fn send(
        &self,
        request: &Request,
        signer: &dyn Sign,
        classify: &dyn Classify,
        budget: &Budget,
    ) -> Result<Response, SendError> {
        self.attempts(request, signer, classify, budget).instrument(trace::call(request)).await
    }

    /// The chain: { wait for the rate limit → sign with the current time → send → classify → back off }.
    async fn attempts(
        &self,
        request: &Request,
        signer: &dyn Sign,
        classify: &dyn Classify,
        budget: &Budget,
    ) -> Result<Response, SendError> {
        let mut call = Call { request, started: Instant::now(), attempts: 0, sent: false };
        let mut retries = Retries::new(&self.0.config);
        loop {
            // Each of these can wait, and nothing is sent before both are done: an ended budget stops the call here.
            self.rate_limit(budget).await.map_err(|cause| call.error(cause))?;
            let signed = self.sign(request, signer, budget).await.map_err(|cause| call.error(cause))?;

            call.attempts += 1;
            let began = Instant::now();
            let answer = self.exchange(signed, budget, call.attempts).await;
            call.note(&answer);

            let outcome = match &answer {
                Ok(response) => {
                    trace::answered(call.attempts, began.elapsed(), response.status, &response.headers);
                    Outcome::Answer(classify.classify(response))
                }
                Err(cause) => {
                    trace::failed(call.attempts, began.elapsed(), cause);
                    outcome_of(cause)
                }
            };
            let (pace, after) = match judge(outcome, request.idempotent) {
                Verdict::Return => return answer.map_err(|cause| call.error(cause)),
                Verdict::Ambiguous => return Err(call.ambiguous(answer)),
                Verdict::Retry { pace, after } => (pace, after),
            };
            let Some(delay) = retries.next(pace, after, budget.remaining()) else {
                return answer.map_err(|cause| call.error(cause));
            };
            trace::backing_off(call.attempts, delay, pace == Pace::Throttle);
            budget.sleep(delay).await.map_err(|ended| call.error(SendCause::Ended(ended)))?;
        }
    }

    async fn rate_limit(&self, budget: &Budget) -> Result<(), SendCause> {
        match &self.0.limit {
            None => Ok(()),
            Some(limit) => limit.wait(budget).await.map_err(SendCause::Ended),
        }
    }

    /// A signed copy. A signer may have to fetch a token first, so it has the budget's time and no more.
    async fn sign(&self, request: &Request, signer: &dyn Sign, budget: &Budget) -> Result<Request, SendCause> {
        let mut signed = request.clone();
        let clock = &self.0.config.clock;
        let sign = async {
            signer.prepare(clock()).await?;
            signer.sign(&mut signed, clock()).await
        };
        let done = budget.run(sign).await.map_err(SendCause::Ended)?;
        done.map_err(|SignError(text)| SendCause::Sign(text))?;
        budget.ended().map_or(Ok(signed), |ended| Err(SendCause::Ended(ended)))
    }

    async fn exchange(&self, signed: Request, budget: &Budget, attempts: u32) -> Result<Response, SendCause> {
        let limit = self.0.config.attempt_timeout;
        let answer = match budget.run(timeout(limit, self.0.service.call(signed))).await {
            Err(ended) => return Err(SendCause::Ended(ended)),
            Ok(Err(_)) => return Err(SendCause::AttemptTimeout(limit)),
            Ok(Ok(answer)) => answer.map_err(|error| match error {
                ServiceError::Connect(text) => SendCause::Connect(text),
                ServiceError::Untrusted(text) => SendCause::Untrusted(text),
                ServiceError::Interrupted(text) => SendCause::Interrupted(text),
                ServiceError::TooLarge(bytes) => SendCause::TooLarge(bytes),
            })?,
        };
        let (head, body) = answer.into_parts();
        Ok(Response { status: head.status, headers: head.headers, body, attempts })
    }
}

impl fmt::Debug for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Transport").field(&self.0.config).finish()
    }
}

const fn outcome_of(cause: &SendCause) -> Outcome {
    match cause {
        SendCause::Connect(_) => Outcome::NotSent,
        SendCause::Interrupted(_) | SendCause::AttemptTimeout(_) => Outcome::Lost,
        SendCause::Untrusted(_)
        | SendCause::TooLarge(_)
        | SendCause::Ambiguous(_)
        | SendCause::Sign(_)
        | SendCause::Ended(_) => Outcome::Hopeless,
    }
}

/// What an error has to say about the attempts so far.
struct Call<'a> {
    request: &'a Request,
    started: Instant,
    attempts: u32,
    /// Whether one of them may have reached the cloud and was not refused by it.
    sent: bool,
}

impl Call<'_> {
    fn note(&mut self, answer: &Result<Response, SendCause>) {
        self.sent |= matches!(answer, Err(cause) if !matches!(cause, SendCause::Connect(_) | SendCause::Untrusted(_)));
    }

    fn error(&self, cause: SendCause) -> SendError {
        SendError {
            operation: self.request.operation,
            method: self.request.method.clone(),
            url: trace::shown(&self.request.url),
            attempts: self.attempts,
            elapsed: self.started.elapsed(),
            // Nothing is processed by a call that only reads.
            may_have_been_processed: self.sent && !self.request.method.is_safe(),
            cause,
            answer: None,
        }
    }

    fn ambiguous(&mut self, answer: Result<Response, SendCause>) -> SendError {
        self.sent = true;
        match answer {
            Err(cause) => self.error(cause),
            Ok(response) => {
                let error = self.error(SendCause::Ambiguous(response.status));
                SendError { answer: Some(Box::new(response)), ..error }
            }
        }
    }
}

/// Signs nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct Unsigned;

#[async_trait]
impl Sign for Unsigned {
    async fn sign(&self, _request: &mut Request, _now: std::time::SystemTime) -> Result<(), SignError> {
        Ok(())
    }
}
