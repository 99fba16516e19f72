//! One call from description to reply: URL, headers, credential, signature, and what the answer is worth.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::SystemTime,
};

use async_trait::async_trait;
use bytes::Bytes;
use http::{
    HeaderMap, HeaderName, HeaderValue, Method,
    header::{ACCEPT, CONTENT_TYPE},
};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::Value;

use super::reply::{Reply, Retrying, failed};
use crate::{
    budget::Budget,
    huaweicloud::{
        credential::{self, Credential, Credentials, Issued},
        endpoint::{EndpointError, Endpoints, Service},
        error::{Error, Subject, unescape},
        signer,
    },
    transport::{ErrorKind, Request, Response, SendCause, Sign, SignError, Transport},
};

/// Stands for the project's id in the path of a [`Call`]; no URL can be made of it.
pub(in crate::huaweicloud) const PROJECT: &str = "{project_id}";
const X_AUTH_TOKEN: HeaderName = HeaderName::from_static("x-auth-token");
const X_LANGUAGE: HeaderName = HeaderName::from_static("x-language");
const X_PROJECT_ID: HeaderName = HeaderName::from_static("x-project-id");

/// What to send, before anything is known about hosts and credentials.
pub(in crate::huaweicloud) struct Call<'a> {
    /// The vendor's name of the call.
    pub(in crate::huaweicloud) operation: &'static str,
    service: Service,
    method: Method,
    path: Vec<&'a str>,
    query: Vec<(&'static str, String)>,
    body: Bytes,
    project: Option<&'a str>,
    pub(super) subject: Subject,
    idempotent: bool,
    pub(super) secret: bool,
}

impl<'a> Call<'a> {
    /// A call that is safe to repeat if it only reads.
    pub(in crate::huaweicloud) fn new(
        operation: &'static str,
        service: Service,
        method: Method,
        path: impl IntoIterator<Item = &'a str>,
    ) -> Self {
        let idempotent = method == Method::GET;
        Self {
            operation,
            service,
            method,
            path: path.into_iter().collect(),
            query: Vec::new(),
            body: Bytes::new(),
            project: None,
            subject: Subject::Thing,
            idempotent,
            secret: false,
        }
    }

    /// Adds a parameter to the query.
    pub(in crate::huaweicloud) fn query(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.query.push((name, value.into()));
        self
    }

    /// Sets the body.
    pub(in crate::huaweicloud) fn body(mut self, body: &Value) -> Self {
        self.body = Bytes::from(body.to_string());
        self
    }

    /// Puts the project into the path, and into a header as the vendor's SDKs do.
    pub(in crate::huaweicloud) fn in_project(mut self, project: &'a str) -> Self {
        for segment in self.path.iter_mut().filter(|segment| **segment == PROJECT) {
            *segment = project;
        }
        self.project = Some(project);
        self
    }

    /// Says what "not found" would be said of.
    pub(in crate::huaweicloud) const fn about(mut self, subject: Subject) -> Self {
        self.subject = subject;
        self
    }

    /// Declares that sending it twice does no harm.
    pub(in crate::huaweicloud) const fn idempotent(mut self) -> Self {
        self.idempotent = true;
        self
    }

    /// Declares that nothing of the answer may be shown.
    pub(in crate::huaweicloud) const fn secret(mut self) -> Self {
        self.secret = true;
        self
    }

    /// Whether sending it twice could change something twice.
    pub(super) const fn is_mutating(&self) -> bool {
        !self.idempotent
    }

    fn request(&self, endpoints: &Endpoints, region: &str) -> Result<Request, Error> {
        let refused = |kind, reason: String| Error::refused(self.operation, kind, reason);
        let url = endpoints.url(self.service, region, &self.path);
        let mut url = url.map_err(|error| match error {
            EndpointError::Segment(_) => refused(ErrorKind::Invalid, error.to_string()),
            _ => refused(ErrorKind::Configuration, error.to_string()),
        })?;
        if !self.query.is_empty() {
            let pairs = self.query.iter().map(|(name, value)| format!("{name}={}", signer::encode(value.as_bytes())));
            url.set_query(Some(&pairs.collect::<Vec<_>>().join("&")));
        }
        let json = HeaderValue::from_static("application/json");
        let mut headers = HeaderMap::from_iter([
            (ACCEPT, json.clone()),
            (CONTENT_TYPE, json),
            (X_LANGUAGE, HeaderValue::from_static("en-us")),
        ]);
        // What no header can carry, no path can either: the URL was refused for it.
        if let Some(project) = self.project.and_then(|project| HeaderValue::from_str(project).ok()) {
            headers.insert(X_PROJECT_ID, project);
        }
        let (method, body) = (self.method.clone(), self.body.clone());
        Ok(Request { operation: self.operation, method, url, headers, body, idempotent: self.idempotent })
    }
}

/// Where the attempts of a call get their credential.
#[derive(Clone, Copy, Debug)]
pub(in crate::huaweicloud) enum Auth<'a> {
    /// They need none: this password, in their body, is to give one.
    Login(&'a SecretString),
    /// From the caller.
    Fixed(&'a Credential),
    /// From whatever is configured, always fresh.
    Source(&'a Arc<Credentials>),
}

/// Sends calls to the endpoints that are configured.
#[derive(Clone, Debug)]
pub(in crate::huaweicloud) struct Sender {
    transport: Transport,
    endpoints: Arc<Endpoints>,
}

impl Sender {
    pub(in crate::huaweicloud) const fn new(transport: Transport, endpoints: Arc<Endpoints>) -> Self {
        Self { transport, endpoints }
    }

    pub(in crate::huaweicloud) const fn transport(&self) -> &Transport {
        &self.transport
    }

    /// Makes the call. A fetched credential that is refused is replaced and the call made once more; a given one is refused.
    pub(in crate::huaweicloud) async fn send(
        &self,
        budget: &Budget,
        region: &str,
        call: &Call<'_>,
        auth: Auth<'_>,
    ) -> Result<Reply, Error> {
        let request = call.request(&self.endpoints, region)?;
        let (mut sent, mut used) = self.attempt(budget, region, call, &request, auth).await;
        let Auth::Source(credentials) = auth else { return sent };
        if let (Err(error), Some(refused)) = (&sent, &used)
            && error.kind() == ErrorKind::Unauthenticated
            && credentials.renew(region, refused)
        {
            (sent, used) = self.attempt(budget, region, call, &request, auth).await;
        }
        if used.is_some() {
            credentials.learn(region, sent.as_ref().err());
        }
        sent
    }

    async fn attempt(
        &self,
        budget: &Budget,
        region: &str,
        call: &Call<'_>,
        request: &Request,
        auth: Auth<'_>,
    ) -> (Result<Reply, Error>, Option<Arc<Issued>>) {
        let password = match auth {
            Auth::Login(password) => Some(password.clone()),
            Auth::Fixed(_) | Auth::Source(_) => None,
        };
        let signer = Signer { auth, budget, region, seen: Mutex::new(Seen { password, ..Seen::default() }) };
        let started = budget.elapsed();
        let sent = self.transport.send(request, &signer, &Retrying, budget).await;
        let elapsed = budget.elapsed().saturating_sub(started);
        let mut seen = signer.seen.into_inner().unwrap_or_else(PoisonError::into_inner);
        let used = seen.used.clone();
        let result = match (sent, seen.failure.take()) {
            (Ok(response), _) => Reply::new(call, response, seen, elapsed),
            // The signer could only hand its failure on as text; here it is whole.
            (Err(error), Some(failure)) if matches!(error.cause, SendCause::Sign(_)) => {
                Err(Error::not_sent(call.operation, failure))
            }
            (Err(error), _) => Err(failed(call, error, &seen)),
        };
        (result, used)
    }
}

/// Signs each attempt with the credential of its moment.
struct Signer<'a> {
    auth: Auth<'a>,
    budget: &'a Budget,
    region: &'a str,
    seen: Mutex<Seen>,
}

impl Signer<'_> {
    /// A std mutex: it is never held over an await.
    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What the last attempt was signed with.
#[derive(Default)]
pub(super) struct Seen {
    /// When.
    pub(super) at: Option<SystemTime>,
    /// The credential.
    pub(super) used: Option<Arc<Issued>>,
    /// The password, for a login.
    password: Option<SecretString>,
    /// Why there was no credential.
    failure: Option<Error>,
}

impl Seen {
    /// A text that is going to be shown, without what was sent that is secret, also where the text quotes it from JSON.
    pub(super) fn conceal(&self, text: &str) -> String {
        let concealed = self.conceal_plain(text);
        let unescaped = unescape(&concealed);
        let again = self.conceal_plain(&unescaped);
        if again == unescaped { concealed } else { again }
    }

    fn conceal_plain(&self, text: &str) -> String {
        let text = self.used.as_ref().map_or_else(|| text.to_owned(), |used| used.credential.conceal(text));
        self.password.as_ref().map_or_else(|| text.clone(), |password| credential::conceal(password, &text))
    }

    /// An answer that is going to be shown, without them in its body. They are sought in the texts that JSON means: what is
    /// made of these may cut one in two.
    pub(super) fn concealed(&self, response: &Response) -> Response {
        let body = match serde_json::from_slice::<Value>(&response.body) {
            Ok(mut body) => {
                self.conceal_texts(&mut body);
                body.to_string()
            }
            Err(_) => self.conceal(&String::from_utf8_lossy(&response.body)),
        };
        Response { body: Bytes::from(body), ..response.clone() }
    }

    fn conceal_texts(&self, value: &mut Value) {
        match value {
            Value::String(text) => *text = self.conceal(text),
            Value::Array(values) => values.iter_mut().for_each(|value| self.conceal_texts(value)),
            Value::Object(entries) => {
                let concealed = std::mem::take(entries).into_iter().map(|(name, mut value)| {
                    self.conceal_texts(&mut value);
                    (self.conceal(&name), value)
                });
                *entries = concealed.collect();
            }
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }
}

#[async_trait]
impl Sign for Signer<'_> {
    async fn prepare(&self, now: SystemTime) -> Result<(), SignError> {
        let issued = match self.auth {
            Auth::Login(_) => return Ok(()),
            Auth::Fixed(credential) => Ok(Arc::new(Issued::permanent(credential.clone()))),
            Auth::Source(credentials) => credentials.get(self.budget, self.region, now).await,
        };
        let mut seen = self.seen();
        seen.used = None;
        match issued {
            Ok(issued) => {
                seen.used = Some(issued);
                Ok(())
            }
            Err(error) => {
                let text = error.to_string();
                seen.failure = Some(error);
                Err(SignError(text))
            }
        }
    }

    async fn sign(&self, request: &mut Request, now: SystemTime) -> Result<(), SignError> {
        let mut seen = self.seen();
        let Some(used) = seen.used.clone() else { return Ok(()) };
        seen.at = Some(now);
        apply(request, &used.credential, now)
    }
}

fn apply(request: &mut Request, credential: &Credential, now: SystemTime) -> Result<(), SignError> {
    match credential {
        Credential::AccessKey(key) => signer::sign(request, key, now).map_err(|error| SignError(error.to_string())),
        Credential::Token(token) => {
            let value = HeaderValue::from_str(token.expose_secret());
            let mut value = value
                .map_err(|_| SignError("the token holds characters that an HTTP header cannot carry".to_owned()))?;
            value.set_sensitive(true);
            request.headers.insert(X_AUTH_TOKEN, value);
            Ok(())
        }
    }
}
