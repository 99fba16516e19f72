//! Faults: rules that spoil a request or the job it starts. A rule is a matcher, an effect and a when.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::duration;
use super::message::{Reply, Request};

/// One rule. Rules are tried in the order in which they were added; the first that fires and spoils the exchange wins,
/// and every job effect that fires is applied.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FaultRule {
    /// For the journal and the counters.
    #[serde(default)]
    pub name: String,
    /// The operation as the vendor calls it; any when absent.
    #[serde(default)]
    pub operation: Option<String>,
    /// The method; any when absent.
    #[serde(default)]
    pub method: Option<String>,
    /// A path template such as `/v1/{project_id}/jobs/{job_id}`: a segment in braces matches any one segment.
    #[serde(default)]
    pub path: Option<String>,
    /// Only requests that name this server. In a batch, a job effect hits this member alone.
    #[serde(default)]
    pub server_id: Option<String>,
    /// Only requests that name this volume.
    #[serde(default)]
    pub volume_id: Option<String>,
    /// What happens.
    pub effect: Effect,
    /// The cloud acts before its answer is replaced (`status`, `api_error`, `html_page`), as when a gateway gives up on a
    /// backend that goes on; and Huawei Cloud's job fails although its work is done (`job_fails`). Nothing for other
    /// effects: they have one order only, and what is throttled was not let in.
    #[serde(default)]
    pub after: bool,
    /// Lets the first so many matching requests pass.
    #[serde(default)]
    pub skip: u32,
    /// Fires at most so many times; without limit when absent.
    #[serde(default)]
    pub times: Option<u32>,
    /// How likely it is to fire, from 0 to 1, by the simulator's seed.
    #[serde(default = "always")]
    pub probability: f64,
    /// Off without being removed.
    #[serde(default = "enabled")]
    pub enabled: bool,
}

fn always() -> f64 {
    1.0
}

fn enabled() -> bool {
    true
}

impl FaultRule {
    /// A rule for one operation that always fires; set its fields, or chain the methods below, to narrow it.
    pub fn new(operation: &str, effect: Effect) -> Self {
        Self { operation: Some(operation.to_owned()), ..Self::any(effect) }
    }

    /// A rule that fires on every request.
    pub fn any(effect: Effect) -> Self {
        Self {
            name: String::new(),
            operation: None,
            method: None,
            path: None,
            server_id: None,
            volume_id: None,
            effect,
            after: false,
            skip: 0,
            times: None,
            probability: 1.0,
            enabled: true,
        }
    }

    /// Fires at most `times` times.
    pub fn times(self, times: u32) -> Self {
        Self { times: Some(times), ..self }
    }

    /// Lets the first `skip` matching requests pass.
    pub fn skip(self, skip: u32) -> Self {
        Self { skip, ..self }
    }

    /// Only for this server.
    pub fn server(self, id: &str) -> Self {
        Self { server_id: Some(id.to_owned()), ..self }
    }

    /// Only for this volume.
    pub fn volume(self, id: &str) -> Self {
        Self { volume_id: Some(id.to_owned()), ..self }
    }

    /// The cloud acts first, and then its answer is replaced or its job fails.
    pub fn after(self) -> Self {
        Self { after: true, ..self }
    }

    /// With a name for the journal and the counters.
    pub fn named(self, name: &str) -> Self {
        Self { name: name.to_owned(), ..self }
    }

    fn label(&self) -> String {
        if self.name.is_empty() { self.effect.label().to_owned() } else { self.name.clone() }
    }

    fn matches(&self, request: &Request, target: &Target) -> bool {
        let any_or = |wanted: &Option<String>, given: &str| wanted.as_ref().is_none_or(|wanted| wanted == given);
        let any_or_in = |wanted: &Option<String>, given: &[String]| wanted.as_ref().is_none_or(|w| given.contains(w));
        self.enabled
            && any_or(&self.operation, &target.operation)
            && self.method.as_ref().is_none_or(|method| method.eq_ignore_ascii_case(&request.method))
            && self.path.as_ref().is_none_or(|template| path_matches(template, &request.segments()))
            && any_or_in(&self.server_id, &target.server_ids)
            && any_or_in(&self.volume_id, &target.volume_ids)
    }
}

/// Whether the segments fit a template in which `{name}` stands for any one segment.
fn path_matches(template: &str, segments: &[String]) -> bool {
    let wanted: Vec<&str> = template.trim_matches('/').split('/').collect();
    wanted.len() == segments.len()
        && wanted.iter().zip(segments).all(|(wanted, given)| wanted.starts_with('{') || wanted == given)
}

/// What a fault does.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Effect {
    /// Answers this status and body; the cloud never sees the request, unless [`FaultRule::after`].
    Status {
        /// The HTTP status.
        status: u16,
        /// The body, sent as JSON.
        #[serde(default)]
        body: String,
    },
    /// Answers an error in the envelope of the service asked; the cloud never sees the request, unless [`FaultRule::after`].
    ApiError {
        /// The HTTP status.
        status: u16,
        /// The vendor's code, e.g. `Ecs.0100`.
        code: String,
        /// The text.
        message: String,
    },
    /// Holds the request before the cloud sees it.
    Delay {
        /// For how long.
        #[serde(with = "duration")]
        time: Duration,
    },
    /// Holds the answer after the cloud has acted.
    DelayAnswer {
        /// For how long.
        #[serde(with = "duration")]
        time: Duration,
    },
    /// Resets the connection; the cloud never sees the request.
    ResetBefore,
    /// Resets the connection after the cloud has acted: the answer is lost.
    ResetAfter,
    /// Cuts the answer's body in half and resets the connection; the cloud has acted.
    Truncate,
    /// Answers an HTML page, as a proxy does; the cloud never sees the request, unless [`FaultRule::after`].
    HtmlPage {
        /// The HTTP status.
        status: u16,
    },
    /// Answers 200 with a body that is not JSON, after the cloud has acted.
    NotJson,
    /// Answers as if too many requests had come; the cloud never sees this one.
    Throttle {
        /// How the vendor says so.
        #[serde(default)]
        style: ThrottleStyle,
        /// A `Retry-After` header, in seconds.
        #[serde(default)]
        retry_after: Option<u32>,
    },
    /// Lets the job that the request starts fail.
    JobFails {
        /// The job's `error_code`.
        code: String,
        /// The job's `fail_reason`.
        reason: String,
    },
    /// Lets the job that the request starts run for ever.
    JobStalls,
    /// Gives the job that the request starts a status of this name while it is unfinished.
    JobStatus {
        /// A word the vendor's page does not know.
        status: String,
    },
    /// Lets the lists follow the job that the request starts so much later than usual.
    ExtraLag {
        /// How much.
        #[serde(with = "duration")]
        lag: Duration,
    },
}

/// The ways in which a vendor says "too many requests".
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ThrottleStyle {
    /// 429 from the gateway (`APIGW.0308`).
    #[default]
    Gateway,
    /// ECS: HTTP **202** with `Common.0024`.
    Accepted,
    /// ECS: `Common.1503`, with the status the `flow_control_status` switch says.
    FlowControl,
}

impl Effect {
    /// Its name in JSON.
    fn label(&self) -> &'static str {
        match self {
            Self::Status { .. } => "status",
            Self::ApiError { .. } => "api_error",
            Self::Delay { .. } => "delay",
            Self::DelayAnswer { .. } => "delay_answer",
            Self::ResetBefore => "reset_before",
            Self::ResetAfter => "reset_after",
            Self::Truncate => "truncate",
            Self::HtmlPage { .. } => "html_page",
            Self::NotJson => "not_json",
            Self::Throttle { .. } => "throttle",
            Self::JobFails { .. } => "job_fails",
            Self::JobStalls => "job_stalls",
            Self::JobStatus { .. } => "job_status",
            Self::ExtraLag { .. } => "extra_lag",
        }
    }

    fn replaces_the_answer(&self) -> bool {
        matches!(self, Self::Status { .. } | Self::ApiError { .. } | Self::HtmlPage { .. })
    }

    fn is_for_the_job(&self) -> bool {
        matches!(self, Self::JobFails { .. } | Self::JobStalls | Self::JobStatus { .. } | Self::ExtraLag { .. })
    }

    /// The answer of an effect that needs to know nothing of the cloud.
    pub(crate) fn plain_reply(&self) -> Option<Reply> {
        match self {
            Self::Status { status, body } => Some(Reply::text(*status, "application/json", body.clone())),
            Self::HtmlPage { status } => {
                let page = "<!DOCTYPE html>\n<html><head><title>Bad gateway</title></head>\
                            <body><h1>The page cannot be shown</h1></body></html>\n";
                Some(Reply::text(*status, "text/html", page))
            }
            _ => None,
        }
    }
}

/// What a request is about, as far as rules care.
#[derive(Debug, Clone, Default)]
pub(crate) struct Target {
    pub(crate) service: &'static str,
    pub(crate) operation: String,
    pub(crate) mutating: bool,
    pub(crate) server_ids: Vec<String>,
    pub(crate) volume_ids: Vec<String>,
}

/// How often a rule matched and fired.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FaultCount {
    /// The rule's name, or its effect when it has none.
    pub name: String,
    /// Matching requests so far.
    pub matched: u32,
    /// How many of them it spoiled.
    pub fired: u32,
}

/// A job effect with the member it is meant for.
#[derive(Debug, Clone)]
pub(crate) struct JobFault {
    pub(crate) server_id: Option<String>,
    pub(crate) effect: Effect,
    /// A job that fails does so after its work.
    pub(crate) after: bool,
}

impl JobFault {
    /// What all effects on a job come to.
    pub(crate) fn digest(faults: &[Self]) -> Digest<'_> {
        let mut digest = Digest::default();
        for fault in faults {
            match &fault.effect {
                Effect::JobFails { code, reason } => {
                    digest
                        .failures
                        .push((fault.server_id.as_deref(), ShareFails { why: (code, reason), after: fault.after }));
                }
                Effect::JobStalls => digest.stalls = true,
                Effect::JobStatus { status } => digest.status_shown = Some(status.clone()),
                Effect::ExtraLag { lag } => digest.extra_lag += *lag,
                _ => {}
            }
        }
        digest
    }
}

/// What rules do to one job.
#[derive(Debug, Default)]
pub(crate) struct Digest<'a> {
    /// It never ends.
    pub(crate) stalls: bool,
    /// A word shown while it is unfinished.
    pub(crate) status_shown: Option<String>,
    /// How much later than usual the lists follow.
    pub(crate) extra_lag: Duration,
    /// Each with the only server it is meant for, if it is for one.
    failures: Vec<(Option<&'a str>, ShareFails<'a>)>,
}

/// How a server's share of a job fails.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ShareFails<'a> {
    /// Code and reason.
    pub(crate) why: (&'a str, &'a str),
    /// After its work is done.
    pub(crate) after: bool,
}

impl<'a> Digest<'a> {
    /// How a server's share of the job fails: the first rule's way.
    pub(crate) fn failure(&self, server_id: &str) -> Option<ShareFails<'a>> {
        let meant = self.failures.iter().find(|(only, _)| only.is_none_or(|only| only == server_id));
        meant.map(|(_, failure)| *failure)
    }
}

/// What the rules decided about one request.
#[derive(Debug, Default)]
pub(crate) struct Verdict {
    /// Spoils the exchange.
    pub(crate) exchange: Option<Effect>,
    /// The cloud acts before its answer is replaced.
    pub(crate) acts: bool,
    /// Spoil the job.
    pub(crate) job: Vec<JobFault>,
    /// For the journal.
    pub(crate) label: Option<String>,
}

/// The rules in force and their counters.
#[derive(Debug, Default)]
pub(crate) struct FaultInjector {
    rules: Vec<(FaultRule, u32, u32)>,
}

impl FaultInjector {
    pub(crate) fn add(&mut self, rule: FaultRule) {
        self.rules.push((rule, 0, 0));
    }

    pub(crate) fn clear(&mut self) {
        self.rules.clear();
    }

    pub(crate) fn rules(&self) -> Vec<FaultRule> {
        self.rules.iter().map(|(rule, _, _)| rule.clone()).collect()
    }

    pub(crate) fn counts(&self) -> Vec<FaultCount> {
        let count = |(rule, matched, fired): &(FaultRule, u32, u32)| FaultCount {
            name: rule.label(),
            matched: *matched,
            fired: *fired,
        };
        self.rules.iter().map(count).collect()
    }

    /// Asks every rule about a request and counts.
    pub(crate) fn judge(&mut self, request: &Request, target: &Target, dice: &mut fastrand::Rng) -> Verdict {
        let mut verdict = Verdict::default();
        for (rule, matched, fired) in &mut self.rules {
            let spoken_for = verdict.exchange.is_some() && !rule.effect.is_for_the_job();
            if spoken_for || !rule.matches(request, target) {
                continue;
            }
            *matched += 1;
            let used_up = rule.times.is_some_and(|times| *fired >= times);
            if *matched <= rule.skip || used_up || dice.f64() >= rule.probability {
                continue;
            }
            *fired += 1;
            verdict.label.get_or_insert_with(|| rule.label());
            if rule.effect.is_for_the_job() {
                let (server_id, effect) = (rule.server_id.clone(), rule.effect.clone());
                verdict.job.push(JobFault { server_id, effect, after: rule.after });
            } else {
                verdict.exchange = Some(rule.effect.clone());
                verdict.acts = rule.after && rule.effect.replaces_the_answer();
            }
        }
        verdict
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;

    fn request(path: &str) -> (Request, Target) {
        let request = Request {
            method: "GET".to_owned(),
            path: path.to_owned(),
            query: String::new(),
            headers: Vec::new(),
            body: Bytes::new(),
        };
        (request, Target { operation: "ShowJob".to_owned(), server_ids: vec!["s".to_owned()], ..Target::default() })
    }

    fn fires(injector: &mut FaultInjector, times: usize) -> Vec<bool> {
        let (request, target) = request("/v1/p/jobs/j");
        let mut dice = fastrand::Rng::with_seed(7);
        (0..times).map(|_| injector.judge(&request, &target, &mut dice).exchange.is_some()).collect()
    }

    #[test]
    fn a_rule_skips_then_fires_so_many_times() {
        let mut injector = FaultInjector::default();
        injector.add(FaultRule::new("ShowJob", Effect::ResetBefore).skip(1).times(2));
        assert_eq!(fires(&mut injector, 5), [false, true, true, false, false]);
        assert_eq!(injector.counts(), [FaultCount { name: "reset_before".to_owned(), matched: 5, fired: 2 }]);
    }

    #[test]
    fn a_rule_matches_by_template_method_and_ids() {
        let (request, target) = request("/v1/p/jobs/j");
        let by_path = |path: &str| FaultRule { path: Some(path.to_owned()), ..FaultRule::any(Effect::NotJson) };
        assert!(by_path("/v1/{project_id}/jobs/{job_id}").matches(&request, &target));
        assert!(!by_path("/v1/{project_id}/jobs").matches(&request, &target));
        assert!(FaultRule::any(Effect::NotJson).server("s").matches(&request, &target));
        assert!(!FaultRule::any(Effect::NotJson).server("t").matches(&request, &target));
        assert!(!FaultRule::any(Effect::NotJson).volume("v").matches(&request, &target));
        let put = FaultRule { method: Some("PUT".to_owned()), ..FaultRule::any(Effect::NotJson) };
        assert!(!put.matches(&request, &target));
        let off = FaultRule { enabled: false, ..FaultRule::any(Effect::NotJson) };
        assert!(!off.matches(&request, &target));
    }

    #[test]
    fn a_probability_repeats_with_the_seed() {
        let rule = FaultRule { probability: 0.5, ..FaultRule::any(Effect::NotJson) };
        let run = || {
            let mut injector = FaultInjector::default();
            injector.add(rule.clone());
            fires(&mut injector, 40)
        };
        let first = run();
        assert_eq!(first, run());
        assert!(first.contains(&true) && first.contains(&false));
    }

    #[test]
    fn a_job_effect_and_a_lost_answer_can_hit_the_same_request() {
        let mut injector = FaultInjector::default();
        injector.add(FaultRule::any(Effect::ResetAfter));
        injector.add(FaultRule::any(Effect::ResetBefore));
        injector.add(FaultRule::any(Effect::JobStalls));
        let (request, target) = request("/x");
        let verdict = injector.judge(&request, &target, &mut fastrand::Rng::with_seed(1));
        assert_eq!(verdict.exchange, Some(Effect::ResetAfter), "the first wins");
        assert_eq!(verdict.job.len(), 1);
    }

    #[test]
    fn a_rule_is_written_in_json_with_no_more_than_it_needs() {
        let rule: FaultRule =
            serde_json::from_str(r#"{"operation":"ShowJob","effect":{"kind":"delay","time":"2s"},"times":1}"#).unwrap();
        assert_eq!(rule, FaultRule::new("ShowJob", Effect::Delay { time: Duration::from_secs(2) }).times(1));
        assert!(serde_json::from_str::<FaultRule>(r#"{"effect":{"kind":"delay"}}"#).is_err(), "no time given");
    }
}
