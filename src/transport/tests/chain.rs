//! The chain of attempts, time paused, the service scripted.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex},
    time::{Duration, SystemTime},
};

use async_trait::async_trait;
use bytes::Bytes;
use http::{Method, header};
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use super::request;
use crate::{
    budget::{Budget, Ended},
    transport::{
        ByStatus, ErrorKind, Request, Response, SendCause, SendError, Service, ServiceError, Sign, SignError,
        Transport, TransportConfig, Unsigned,
    },
};

const URL: &str = "https://user:secret@ecs.example.com/v1/attach?token=secret";
const SECOND: Duration = Duration::from_secs(1);

/// What the service does with the next attempt; with none left it answers 200.
#[derive(Clone)]
enum Step {
    Answer(u16),
    RetryAfter(u16, &'static str),
    Fail(ServiceError),
    Hang,
}

#[derive(Clone)]
struct Script {
    steps: Arc<Mutex<VecDeque<Step>>>,
    /// When each attempt came, and with which signature.
    seen: Arc<Mutex<Vec<(Duration, String)>>>,
    started: Instant,
}

#[async_trait]
impl Service for Script {
    async fn call(&self, request: Request) -> Result<http::Response<Bytes>, ServiceError> {
        let signature =
            request.headers.get("signature").map_or_else(String::new, |value| value.to_str().unwrap().into());
        self.seen.lock().unwrap().push((self.started.elapsed(), signature));
        let step = self.steps.lock().unwrap().pop_front().unwrap_or(Step::Answer(200));
        let answer = http::Response::builder();
        let answer = match step {
            Step::Answer(status) => answer.status(status),
            Step::RetryAfter(status, after) => answer.status(status).header(header::RETRY_AFTER, after),
            Step::Fail(error) => return Err(error),
            Step::Hang => std::future::pending().await,
        };
        Ok(answer.body(Bytes::from_static(b"{}")).unwrap())
    }
}

/// Everything one call needs.
struct Bench {
    script: Script,
    transport: Transport,
    stop: CancellationToken,
    budget: Budget,
}

fn bench(steps: &[Step]) -> Bench {
    bench_with(TransportConfig::default(), steps)
}

fn bench_with(config: TransportConfig, steps: &[Step]) -> Bench {
    let script = Script {
        steps: Arc::new(Mutex::new(steps.iter().cloned().collect())),
        seen: Arc::default(),
        started: Instant::now(),
    };
    let stop = CancellationToken::new();
    Bench {
        transport: Transport::with_service(config, script.clone()).unwrap(),
        script,
        budget: Budget::new(600 * SECOND, stop.clone()),
        stop,
    }
}

impl Bench {
    async fn send(&self, method: Method) -> Result<Response, SendError> {
        self.transport.send(&request(method, URL), &Unsigned, &ByStatus, &self.budget).await
    }

    fn times(&self) -> Vec<Duration> {
        self.script.seen.lock().unwrap().iter().map(|(at, _)| *at).collect()
    }
}

fn refused() -> Step {
    Step::Fail(ServiceError::Connect("connection refused".to_owned()))
}

fn reset() -> Step {
    Step::Fail(ServiceError::Interrupted("connection reset".to_owned()))
}

#[tokio::test(start_paused = true)]
async fn a_call_that_never_left_or_was_refused_for_now_is_sent_again_whatever_it_is() {
    for method in [Method::GET, Method::POST] {
        let bench = bench(&[refused(), Step::Answer(429), refused()]);
        let response = bench.send(method).await.unwrap();
        assert_eq!((response.status.as_u16(), response.attempts), (200, 4));
        let times = bench.times();
        assert!(times[1] - times[0] < SECOND && times[2] - times[1] >= 5 * SECOND, "{times:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_read_is_sent_again_after_a_server_error_a_broken_connection_and_silence() {
    let bench = bench(&[Step::Answer(500), reset(), Step::Hang, Step::Answer(502)]);
    assert_eq!(bench.send(Method::GET).await.unwrap().attempts, 5);
    assert!(bench.budget.elapsed() > 30 * SECOND);
}

#[tokio::test(start_paused = true)]
async fn a_mutating_call_that_may_have_arrived_is_sent_once_and_its_answer_counts_as_lost() {
    for step in [Step::Answer(500), Step::RetryAfter(503, "1"), reset(), Step::Hang] {
        let bench = bench(&[step]);
        let error = bench.send(Method::POST).await.unwrap_err();
        assert_eq!((error.kind(), error.may_have_been_processed, error.attempts), (ErrorKind::AnswerLost, true, 1));
        assert_eq!(bench.times().len(), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn an_ambiguous_answer_is_kept_for_its_error_code() {
    let error = bench(&[Step::Answer(504)]).send(Method::POST).await.unwrap_err();
    assert!(matches!(error.cause, SendCause::Ambiguous(status) if status == 504));
    assert_eq!(error.answer.unwrap().body, "{}");
}

#[tokio::test(start_paused = true)]
async fn a_throttled_mutating_call_whose_next_attempt_is_lost_may_have_been_processed() {
    let error = bench(&[Step::Answer(429), reset()]).send(Method::POST).await.unwrap_err();
    assert_eq!((error.may_have_been_processed, error.attempts), (true, 2));
}

#[tokio::test(start_paused = true)]
async fn after_the_last_retry_the_answer_is_handed_over_as_it_is() {
    let bench =
        bench_with(TransportConfig { max_retries: 2, ..TransportConfig::default() }, &[const { Step::Answer(429) }; 9]);
    let response = bench.send(Method::POST).await.unwrap();
    assert_eq!((response.status.as_u16(), response.attempts, bench.times().len()), (429, 3, 3));
}

#[tokio::test(start_paused = true)]
async fn after_the_last_retry_an_unreachable_cloud_is_an_error_that_says_so() {
    let bench = bench(&std::iter::repeat_with(refused).take(9).collect::<Vec<_>>());
    let error = bench.send(Method::POST).await.unwrap_err();
    assert_eq!((error.kind(), error.may_have_been_processed, error.attempts), (ErrorKind::Unreachable, false, 6));
}

#[tokio::test(start_paused = true)]
async fn retry_after_is_obeyed_and_one_beyond_the_deadline_is_not_slept_for() {
    let bench = bench(&[Step::RetryAfter(429, "77"), Step::RetryAfter(429, "3600")]);
    let response = bench.send(Method::POST).await.unwrap();
    assert_eq!((response.status.as_u16(), response.attempts), (429, 2));
    let elapsed = bench.budget.elapsed();
    assert!(elapsed >= 77 * SECOND && elapsed < 78 * SECOND, "{elapsed:?}");
}

#[tokio::test(start_paused = true)]
async fn a_stop_while_backing_off_ends_the_call_at_once_and_nothing_was_processed() {
    let bench = bench(&[Step::Answer(429)]);
    let (answer, ()) = tokio::join!(bench.send(Method::POST), async {
        sleep(SECOND).await;
        bench.stop.cancel();
    });
    let error = answer.unwrap_err();
    assert_eq!((error.kind(), error.may_have_been_processed, error.elapsed), (ErrorKind::Stopped, false, SECOND));
}

#[tokio::test(start_paused = true)]
async fn a_stop_or_a_deadline_during_an_attempt_leaves_a_mutating_call_open_and_a_read_not() {
    for (method, kind) in [(Method::POST, ErrorKind::AnswerLost), (Method::GET, ErrorKind::Stopped)] {
        let bench = bench(&[Step::Hang]);
        let (answer, ()) = tokio::join!(bench.send(method.clone()), async {
            sleep(SECOND).await;
            bench.stop.cancel();
        });
        let error = answer.unwrap_err();
        assert!(matches!(error.cause, SendCause::Ended(Ended::Stopped)));
        assert_eq!((error.kind(), error.may_have_been_processed), (kind, method == Method::POST));
    }
    let mut bench = bench(&[Step::Hang]);
    bench.budget = bench.budget.shorter(SECOND);
    let error = bench.send(Method::POST).await.unwrap_err();
    assert!(matches!(error.cause, SendCause::Ended(Ended::DeadlineExceeded)) && error.may_have_been_processed);
}

#[tokio::test(start_paused = true)]
async fn nothing_is_sent_once_the_budget_has_ended() {
    let mut bench = bench(&[]);
    bench.budget = bench.budget.shorter(Duration::ZERO);
    let error = bench.send(Method::POST).await.unwrap_err();
    assert_eq!((error.kind(), error.may_have_been_processed), (ErrorKind::DeadlineExceeded, false));
    bench.stop.cancel();
    assert_eq!(bench.send(Method::POST).await.unwrap_err().kind(), ErrorKind::Stopped);
    assert!(bench.times().is_empty());
}

#[tokio::test(start_paused = true)]
async fn each_attempt_is_signed_anew_with_its_own_time() {
    struct Stamp;
    #[async_trait]
    impl Sign for Stamp {
        async fn sign(&self, request: &mut Request, now: SystemTime) -> Result<(), SignError> {
            let seconds = now.duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs();
            let signed_already = request.headers.insert("signature", seconds.into()).is_some();
            assert!(!signed_already);
            Ok(())
        }
    }
    let began = Instant::now();
    let clock = Arc::new(move || SystemTime::UNIX_EPOCH + began.elapsed());
    let bench = bench_with(TransportConfig { clock, ..TransportConfig::default() }, &[Step::RetryAfter(429, "60")]);
    bench.transport.send(&request(Method::POST, URL), &Stamp, &ByStatus, &bench.budget).await.unwrap();
    let signatures: Vec<_> = bench.script.seen.lock().unwrap().iter().map(|(_, signature)| signature.clone()).collect();
    assert_eq!(signatures, ["0", "60"]);
}

#[tokio::test(start_paused = true)]
async fn a_call_that_cannot_be_signed_is_not_sent() {
    struct NoKey;
    #[async_trait]
    impl Sign for NoKey {
        async fn sign(&self, _: &mut Request, _: SystemTime) -> Result<(), SignError> {
            Err(SignError("no access key".to_owned()))
        }
    }
    let bench = bench(&[]);
    let sent = bench.transport.send(&request(Method::POST, URL), &NoKey, &ByStatus, &bench.budget).await;
    let error = sent.unwrap_err();
    assert_eq!((error.kind(), error.attempts), (ErrorKind::Configuration, 0));
    assert!(bench.times().is_empty());
}

#[tokio::test(start_paused = true)]
async fn clones_share_the_rate_limit_and_retries_count() {
    let config = TransportConfig { requests_per_second: Some(1.0), ..TransportConfig::default() };
    let bench = bench_with(config, &[Step::Answer(500)]);
    let clone = bench.transport.clone();
    let get = request(Method::GET, URL);
    let (first, second) = tokio::join!(bench.send(Method::GET), clone.send(&get, &Unsigned, &ByStatus, &bench.budget));
    assert_eq!((first.unwrap().attempts, second.unwrap().attempts), (2, 1));
    assert_eq!(bench.times().iter().map(Duration::as_secs).collect::<Vec<_>>(), [0, 1, 2]);
}

#[tokio::test(start_paused = true)]
async fn an_error_names_the_call_and_shows_no_secret() {
    let error = bench(&[reset()]).send(Method::POST).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "AttachServerVolume: the connection broke before the answer was complete: connection reset \
         (POST https://ecs.example.com/v1/attach, attempt 1, 0.000 s)"
    );
    let request = request(Method::POST, URL);
    assert!(!format!("{error:?}{request:?}").contains("secret"));
}
