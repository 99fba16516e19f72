//! One call from end to end: find the endpoint, build the URL, send it signed, judge the answer.

use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};

use bytes::Bytes;
use futures::FutureExt;
use http::{
    HeaderMap, HeaderName, HeaderValue, Method,
    header::{ACCEPT, ACCEPT_LANGUAGE, CONTENT_TYPE},
};
use serde::de::DeserializeOwned;
use serde_json::Value;
use time::OffsetDateTime;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use url::Url;

use super::{
    config::{Config, given},
    credential::Credential,
    endpoint::{Catalog, Endpoint, Entry, LookupError, Route, join, parse_catalog, select},
    error::{Classifier, Error, is_accepted},
    signer::Signer,
    version::{ApiVersion, OfferedVersion, VersionNotice, notice, parse_versions},
};
use crate::{
    budget::Budget,
    config_error::{ConfigError, Problem},
    transport::{Request, Response, Sign, Transport, Unsigned},
};

const LIST_ENDPOINTS: &str = "ListEndpoints";
const LIST_VERSIONS: &str = "ListVersions";
/// More than the transport's own limits let a catalog call take; its waiters have their own budgets.
const CATALOG_TIMEOUT: Duration = Duration::from_secs(10 * 60);

/// Calls the Virtual Server service of one region. Cheap to clone; clones and other regions' clients share the
/// connections, the credential and the catalog.
#[derive(Clone, Debug)]
pub struct Client {
    account: Arc<Account>,
    region: Option<Arc<str>>,
}

#[derive(Debug)]
struct Account {
    transport: Transport,
    credential: Credential,
    account_id: String,
    /// The configured region, which is the only one that an override serves.
    region: Option<Arc<str>>,
    route: Route,
    catalog: Catalog,
    insecure: bool,
    version: ApiVersion,
    version_header: HeaderValue,
    version_check: VersionCheck,
}

#[derive(Debug)]
struct VersionCheck {
    skip: bool,
    max_remain_days: u32,
    timeout: Duration,
}

/// A call of the service, before it knows where to go.
pub(super) struct Call<'a> {
    pub(super) operation: &'static str,
    pub(super) method: Method,
    /// Segments after the base URL; ids among them.
    pub(super) path: &'a [&'a str],
    pub(super) body: Option<Value>,
    pub(super) idempotent: bool,
}

/// An answer of success, with what an error about it would have to say.
pub(super) struct Accepted {
    request: Request,
    response: Response,
    elapsed: Duration,
}

impl Accepted {
    pub(super) fn body(&self) -> &[u8] {
        &self.response.body
    }

    /// The body as JSON.
    pub(super) fn decode<T: DeserializeOwned>(&self) -> Result<T, Error> {
        serde_json::from_slice(self.body()).map_err(|error| self.malformed(&error.to_string()))
    }

    pub(super) fn malformed(&self, reason: &str) -> Error {
        Error::malformed(&self.response, &self.request, self.elapsed, reason)
    }
}

impl Client {
    /// A client for the configured region, or for the catalog's only one. Nothing is sent yet.
    ///
    /// # Errors
    /// Every problem of `config` at once.
    pub fn new(config: &Config, transport: Transport) -> Result<Self, ConfigError> {
        let mut problems = Vec::new();
        let mut keep = |found: Vec<Problem>| problems.extend(found);
        let route = Route::from_config(config).map_err(&mut keep).ok();
        let credential = Credential::from_config(config).map_err(&mut keep).ok();
        let problem = |field, reason: &dyn ToString| vec![Problem::new(field, reason.to_string())];
        let version = config.api_version.trim().parse::<ApiVersion>();
        let version = version.map_err(|error| keep(problem("api_version", &error))).ok();
        let version_header = version.and_then(|version| HeaderValue::from_str(&version.header()).ok());
        let account_id = given(config.account_id.as_ref()).unwrap_or_default().to_owned();
        if !account_id.bytes().all(|byte| byte.is_ascii_graphic()) {
            keep(problem("account_id", &"holds a character that no account id has"));
        }
        let (Some(route), Some(credential), Some(version), Some(version_header), true) =
            (route, credential, version, version_header, problems.is_empty())
        else {
            return Err(ConfigError { problems });
        };
        let version_check = VersionCheck {
            skip: config.skip_version_check,
            max_remain_days: config.max_remain_days,
            timeout: config.microversion_check_timeout,
        };
        let insecure = config.insecure;
        let catalog = Catalog::default();
        let region: Option<Arc<str>> = given(config.default_region.as_ref()).map(Arc::from);
        Ok(Self {
            account: Arc::new(Account {
                transport,
                credential,
                account_id,
                region: region.clone(),
                route,
                catalog,
                insecure,
                version,
                version_header,
                version_check,
            }),
            region,
        })
    }

    /// The region that was asked for; `None` where the catalog decides.
    pub fn region(&self) -> Option<&str> {
        self.region.as_deref()
    }

    /// The same account in another region; an empty text is the configured one.
    #[must_use]
    pub fn for_region(&self, region: &str) -> Self {
        let region = if region.is_empty() { self.account.region.clone() } else { Some(region.into()) };
        Self { account: Arc::clone(&self.account), region }
    }

    /// Where this client's calls go; the catalog is asked once in the life of the account's clients.
    ///
    /// # Errors
    /// The catalog cannot be had, or has no endpoint for this region (the error lists the regions it has). An override
    /// serves no region but the configured one: another's would be attached in the wrong place.
    pub async fn endpoint(&self, budget: &Budget) -> Result<Endpoint, Error> {
        let catalog_url = match &self.account.route {
            Route::Fixed { setting, url } => return self.overridden(setting, url),
            Route::Catalog(url) => url,
        };
        let begin = || fetch_catalog(Arc::clone(&self.account), catalog_url.clone()).boxed();
        let entries = self.account.catalog.entries(budget, begin).await;
        let entries = entries.map_err(|ended| Error::ended(LIST_ENDPOINTS, ended))??;
        select(&entries, self.region(), self.account.insecure).map_err(|error| Error::lookup(LIST_ENDPOINTS, &error))
    }

    fn overridden(&self, setting: &'static str, url: &Url) -> Result<Endpoint, Error> {
        match (self.region(), self.account.region.as_deref()) {
            (Some(region), configured) if configured != Some(region) => {
                let (configured, region) = (configured.map(str::to_owned), region.to_owned());
                Err(Error::lookup(setting, &LookupError::Overridden { configured, region }))
            }
            (region, _) => Ok(Endpoint { region: region.map(str::to_owned), url: url.clone() }),
        }
    }

    /// The versions that the service offers: `GET /`, without signature and version.
    ///
    /// # Errors
    /// The endpoint cannot be found or gives no such list.
    pub async fn versions(&self, budget: &Budget) -> Result<Vec<OfferedVersion>, Error> {
        let endpoint = self.endpoint(budget).await?;
        let request = read_request(LIST_VERSIONS, join(&endpoint.url, &[""]));
        let accepted = self.account.send(budget, request, &Unsigned).await.map_err(|(error, _)| error.of_lookup())?;
        parse_versions(accepted.body()).ok_or_else(|| accepted.malformed("it is no list of versions"))
    }

    /// What the practitioner should know about the configured version: it is deprecated, its support ends soon, or it
    /// is not offered. `None` when there is nothing to say, or the check is to be skipped.
    ///
    /// # Errors
    /// As [`Self::versions`]; also when the check takes longer than it may.
    pub async fn version_notice(&self, budget: &Budget, now: SystemTime) -> Result<Option<VersionNotice>, Error> {
        let Account { version, version_check, .. } = &*self.account;
        if version_check.skip {
            return Ok(None);
        }
        let offered = self.versions(&budget.shorter(version_check.timeout)).await?;
        Ok(notice(*version, offered, OffsetDateTime::from(now).date(), version_check.max_remain_days))
    }

    /// The version that every call names.
    pub fn api_version(&self) -> ApiVersion {
        self.account.version
    }

    /// Makes a call of the service. Every segment of the path is checked: an empty one or a `..` would turn the URL of
    /// a detach into that of the volume itself, whose DELETE destroys it.
    pub(super) async fn send(&self, budget: &Budget, call: Call<'_>) -> Result<Accepted, Error> {
        if let Some(bad) = call.path.iter().find(|segment| !is_plain(segment)) {
            return Err(Error::invalid_id(call.operation, bad));
        }
        let endpoint = self.endpoint(budget).await?;
        let mut request = Request {
            method: call.method,
            idempotent: call.idempotent,
            ..read_request(call.operation, join(&endpoint.url, call.path))
        };
        request.headers.insert(HeaderName::from_static("scp-api-version"), self.account.version_header.clone());
        if let Some(body) = call.body {
            request.headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
            request.body = Bytes::from(body.to_string());
        }
        let signer = Signer::new(&self.account.credential);
        match self.account.send(budget, request, &signer).await {
            Ok(accepted) => Ok(accepted),
            Err((error, _)) if error.is_version_refused() => {
                Err(error.with_offered_versions(self.versions(budget).await.unwrap_or_default()))
            }
            Err((error, headers)) => Err(error.with_clocks(&headers, signer.signed_at())),
        }
    }
}

impl Account {
    /// Sends `request` and takes a 2xx that is what it seems for an answer. An error comes with the answer's headers.
    async fn send(&self, budget: &Budget, request: Request, signer: &dyn Sign) -> Result<Accepted, (Error, HeaderMap)> {
        let started = Instant::now();
        let redact = |text: &str| self.credential.redact(text);
        match self.transport.send(&request, signer, &Classifier, budget).await {
            Ok(response) if is_accepted(&response) => Ok(Accepted { request, response, elapsed: started.elapsed() }),
            Ok(response) => {
                let error = Error::from_response(&response, &request, started.elapsed(), &redact);
                Err((error, response.headers))
            }
            Err(error) => Err((Error::from_send(&error, &request, &redact), HeaderMap::new())),
        }
    }
}

/// Fetches the catalog for whoever waits for it. It names no API version.
async fn fetch_catalog(account: Arc<Account>, url: Url) -> Result<Arc<[Entry]>, Error> {
    let budget = Budget::new(CATALOG_TIMEOUT, CancellationToken::new());
    let signer = Signer::with_account_id(&account.credential, &account.account_id);
    let accepted = account.send(&budget, read_request(LIST_ENDPOINTS, url), &signer).await;
    let accepted = accepted.map_err(|(error, headers)| error.of_lookup().with_clocks(&headers, signer.signed_at()))?;
    parse_catalog(accepted.body()).ok_or_else(|| accepted.malformed("it is no catalog of endpoints"))
}

/// A GET with the headers of every call but the signature's. The language is fixed, since errors come in it.
fn read_request(operation: &'static str, url: Url) -> Request {
    let headers =
        [(ACCEPT, HeaderValue::from_static("application/json")), (ACCEPT_LANGUAGE, HeaderValue::from_static("en-US"))];
    Request {
        operation,
        method: Method::GET,
        url,
        headers: headers.into_iter().collect(),
        body: Bytes::new(),
        idempotent: true,
    }
}

/// Whether `segment` can only be itself in a URL; every id is.
fn is_plain(segment: &str) -> bool {
    !segment.is_empty() && segment.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
}

#[cfg(test)]
#[path = "client_tests.rs"]
mod tests;
