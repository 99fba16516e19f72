//! Where calls go: an override, or what the account's catalog says for the region. Nothing else ever sees a credential.

use std::{
    fmt,
    sync::{Arc, Mutex, OnceLock, PoisonError},
};

use futures::{
    FutureExt,
    future::{BoxFuture, WeakShared},
};
use serde_json::Value;
use url::Url;

use super::{
    config::{Config, given},
    error::Error,
};
use crate::{
    budget::{Budget, Ended},
    config_error::Problem,
    transport::is_loopback,
};

/// What the catalog calls the Virtual Server service.
const SERVICE_TYPE: &str = "scp-virtualserver";

/// Where the Virtual Server calls of one region go.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Endpoint {
    /// The region, where one is known: configured, or the catalog's only one.
    pub region: Option<String>,
    /// Base URL without `/v1` and without a slash that would double.
    pub url: Url,
}

/// How an endpoint is found.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Route {
    /// An override, by the setting of this name. It serves the account's configured region.
    Fixed { setting: &'static str, url: Url },
    /// The catalog's URL.
    Catalog(Url),
}

impl Route {
    /// The route `config` asks for.
    ///
    /// # Errors
    /// Each URL that cannot be used, whether or not another one makes it unnecessary.
    pub(super) fn from_config(config: &Config) -> Result<Self, Vec<Problem>> {
        let mut problems = Vec::new();
        let mut read = |field, value: Option<&String>, what: UrlOf| {
            let parsed = given(value).map(|text| base_url(text, what, config.insecure));
            parsed.and_then(|url| url.map_err(|reason| problems.push(Problem::new(field, reason))).ok())
        };
        let virtualserver = read("endpoints.virtualserver", config.endpoints.virtualserver.as_ref(), UrlOf::Service);
        let all = read("endpoint_override", config.endpoint_override.as_ref(), UrlOf::Service);
        let iam = read("endpoints.iam", config.endpoints.iam.as_ref(), UrlOf::Identity);
        let auth_url = read("auth_url", config.auth_url.as_ref(), UrlOf::Identity);
        if !problems.is_empty() {
            return Err(problems);
        }
        // The identity service's own override says where it is, not under which version: `/v1` is added if it is left out.
        let iam = iam.map(|url| if url.path().ends_with("/v1") { url } else { join(&url, &["v1"]) });
        let fixed = |setting| move |url| Self::Fixed { setting, url };
        virtualserver
            .map(fixed("endpoints.virtualserver"))
            .or_else(|| all.map(fixed("endpoint_override")))
            .or_else(|| iam.or(auth_url).map(|url| Self::Catalog(join(&url, &["endpoints"]))))
            .ok_or_else(|| vec![Problem::new("auth_url", "is missing, and no endpoint is given in its place")])
    }
}

/// Which mistakes a URL can hold.
#[derive(Clone, Copy, Eq, PartialEq)]
enum UrlOf {
    Service,
    Identity,
}

/// Reads a base URL that somebody configured or that the catalog holds; slashes at its end are dropped, because
/// `…//v1` would be signed and sent as it stands.
fn base_url(text: &str, what: UrlOf, insecure: bool) -> Result<Url, String> {
    let url = Url::parse(text.trim_end_matches('/')).map_err(|error| format!("is no URL ({error})"))?;
    if !matches!(url.scheme(), "https" | "http") || url.host().is_none() {
        return Err("must begin with https:// and a host".to_owned());
    }
    if url.scheme() == "http" && !is_loopback(&url) && !insecure {
        return Err(
            "must begin with https://: over http:// anybody on the way can read and repeat the calls".to_owned()
        );
    }
    if !url.username().is_empty() || url.password().is_some() || url.query().is_some() || url.fragment().is_some() {
        return Err("must be a plain base URL, without user, query or fragment".to_owned());
    }
    if what == UrlOf::Service && url.path().ends_with("/v1") {
        return Err("must not end with /v1: the version's path is added to it".to_owned());
    }
    if what == UrlOf::Identity && url.path().ends_with("/endpoints") {
        return Err("must not end with /endpoints: that is added to it".to_owned());
    }
    Ok(url)
}

/// `base` with `segments` after its path, escaped where needed. `.` and `..` are never segments of ours.
pub(super) fn join(base: &Url, segments: &[&str]) -> Url {
    let mut url = base.clone();
    if let Ok(mut path) = url.path_segments_mut() {
        path.pop_if_empty().extend(segments);
    }
    url
}

/// An entry of the catalog for the Virtual Server service.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Entry {
    region: String,
    url: String,
}

/// Reads the body of `GET {auth_url}/endpoints`, keeping what is for the Virtual Server service; `None` when it is no
/// catalog.
pub(super) fn parse_catalog(body: &[u8]) -> Option<Arc<[Entry]>> {
    let body: Value = serde_json::from_slice(body).ok()?;
    let text = |entry: &Value, key: &str| entry.get(key).and_then(Value::as_str).map(str::to_owned);
    let entries = body.get("endpoints")?.as_array()?.iter();
    let ours = entries.filter(|entry| text(entry, "service_type").as_deref() == Some(SERVICE_TYPE));
    ours.map(|entry| Some(Entry { region: text(entry, "region").unwrap_or_default(), url: text(entry, "url")? }))
        .collect()
}

/// Why there is no endpoint.
#[derive(Debug, Eq, PartialEq)]
pub(super) enum LookupError {
    /// No Virtual Server service at all.
    NoService,
    /// Not in this region; the regions where it is.
    NoSuchRegion { region: String, regions: Vec<String> },
    /// In several regions, and none was asked for.
    RegionNeeded { regions: Vec<String> },
    /// Two URLs for one region.
    Ambiguous { urls: Vec<String> },
    /// A URL that no credential may go to.
    Unusable { url: String, reason: String },
    /// The catalog is not asked: an override serves the region that is configured with it, if any is, and no other.
    Overridden { configured: Option<String>, region: String },
}

impl fmt::Display for LookupError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoService => write!(f, "the catalog has no service of type {SERVICE_TYPE}"),
            Self::NoSuchRegion { region, regions } => {
                write!(f, "the catalog has no {SERVICE_TYPE} in region \"{region}\"; it has {}", regions.join(", "))
            }
            Self::RegionNeeded { regions } => {
                write!(
                    f,
                    "the catalog has {SERVICE_TYPE} in several regions, so one must be named: {}",
                    regions.join(", ")
                )
            }
            Self::Ambiguous { urls } => {
                write!(f, "the catalog has several URLs of {SERVICE_TYPE} for one region: {}", urls.join(", "))
            }
            Self::Unusable { url, reason } => write!(f, "the catalog's URL {url} of {SERVICE_TYPE} {reason}"),
            Self::Overridden { configured: Some(configured), region } => write!(
                f,
                "it is overridden for region \"{configured}\" and cannot serve region \"{region}\": use a provider \
                 configuration of its own for that region"
            ),
            Self::Overridden { configured: None, region } => write!(
                f,
                "it is overridden, and nothing says that it serves region \"{region}\": set default_region to the region \
                 that it serves"
            ),
        }
    }
}

/// The endpoint of `region`, matched exactly. (The vendor's provider falls back to another region in silence.) Without
/// a region the catalog must leave no choice.
pub(super) fn select(entries: &[Entry], region: Option<&str>, insecure: bool) -> Result<Endpoint, LookupError> {
    let sorted = |texts: &mut dyn Iterator<Item = &String>| {
        let mut texts = texts.cloned().collect::<Vec<_>>();
        texts.sort();
        texts.dedup();
        texts
    };
    let regions = sorted(&mut entries.iter().map(|entry| &entry.region));
    let wanted = match (region, regions.as_slice()) {
        (_, []) => return Err(LookupError::NoService),
        (Some(region), _) if regions.iter().any(|known| known == region) => region,
        (Some(region), _) => return Err(LookupError::NoSuchRegion { region: region.to_owned(), regions }),
        (None, [only]) => only,
        (None, _) => return Err(LookupError::RegionNeeded { regions }),
    };
    let urls = sorted(&mut entries.iter().filter(|entry| entry.region == wanted).map(|entry| &entry.url));
    let [url] = urls.as_slice() else { return Err(LookupError::Ambiguous { urls }) };
    match base_url(url, UrlOf::Service, insecure) {
        Ok(parsed) => Ok(Endpoint { region: Some(wanted.to_owned()).filter(|name| !name.is_empty()), url: parsed }),
        Err(reason) => Err(LookupError::Unusable { url: url.clone(), reason }),
    }
}

/// A fetch of the catalog that several callers may wait for.
pub(super) type Fetch = BoxFuture<'static, Result<Arc<[Entry]>, Error>>;

/// The catalog once it is known, and the fetch under way until then: callers of one moment share one fetch and its
/// failure; a later caller tries again.
#[derive(Default)]
pub(super) struct Catalog {
    known: OnceLock<Arc<[Entry]>>,
    /// Weak, so that a fetch nobody waits for any more ends instead of standing still until the next caller.
    /// A std mutex: it is never held over an await.
    under_way: Mutex<Option<WeakShared<Fetch>>>,
}

impl Catalog {
    /// The catalog, from memory or from the fetch that `begin` starts if none is under way.
    ///
    /// # Errors
    /// The fetch's error inside, or that `budget` ended before the fetch did.
    pub(super) async fn entries(
        &self,
        budget: &Budget,
        begin: impl FnOnce() -> Fetch,
    ) -> Result<Result<Arc<[Entry]>, Error>, Ended> {
        if let Some(entries) = self.known.get() {
            return Ok(Ok(Arc::clone(entries)));
        }
        let fetch = {
            let mut under_way = self.under_way.lock().unwrap_or_else(PoisonError::into_inner);
            under_way.as_ref().and_then(WeakShared::upgrade).unwrap_or_else(|| {
                let fetch = begin().shared();
                *under_way = fetch.downgrade();
                fetch
            })
        };
        let fetched = budget.run(fetch).await?;
        Ok(fetched.map(|entries| Arc::clone(self.known.get_or_init(|| entries))))
    }
}

impl fmt::Debug for Catalog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Catalog").field("known", &self.known).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::{
        sync::atomic::{AtomicUsize, Ordering},
        time::Duration,
    };

    use tokio::time::sleep;
    use tokio_util::sync::CancellationToken;

    use super::*;
    use crate::{config_error::ConfigError, samsungcloud::config::EndpointConfig};

    const CATALOG: &[u8] = br#"{"endpoints":[
        {"region":"kr-west1","service_name":"Virtual Server","service_type":"scp-virtualserver",
            "url":"https://virtualserver.kr-west1.e.samsungsdscloud.com"},
        {"region":"kr-east1","service_name":"Virtual Server","service_type":"scp-virtualserver",
            "url":"https://virtualserver.kr-east1.e.samsungsdscloud.com/"},
        {"region":"kr-south1","service_type":"scp-vpc","url":"https://vpc.kr-south1.e.samsungsdscloud.com"},
        {"region":null,"service_type":"scp-iam"}]}"#;

    fn entries(entries: &[(&str, &str)]) -> Vec<Entry> {
        let entry = |(region, url): &(&str, &str)| Entry { region: (*region).to_owned(), url: (*url).to_owned() };
        entries.iter().map(entry).collect()
    }

    fn text(value: &str) -> Option<String> {
        Some(value.to_owned())
    }

    #[test]
    fn an_override_outranks_the_catalog_and_a_services_own_outranks_the_one_for_all() {
        let mut config = Config { auth_url: text("https://iam.e.samsungsdscloud.com/v1/"), ..Config::default() };
        let route = |config: &Config| match Route::from_config(config).unwrap() {
            Route::Fixed { setting, url } => format!("{setting} {url}"),
            Route::Catalog(url) => format!("catalog {url}"),
        };
        assert_eq!(route(&config), "catalog https://iam.e.samsungsdscloud.com/v1/endpoints");
        config.endpoints.iam = text("http://127.0.0.1:18080");
        assert_eq!(route(&config), "catalog http://127.0.0.1:18080/v1/endpoints");
        config.endpoints.iam = text("http://127.0.0.1:18080/v1/");
        assert_eq!(route(&config), "catalog http://127.0.0.1:18080/v1/endpoints");
        config.endpoint_override = text("https://all.example.com/scp//");
        assert_eq!(route(&config), "endpoint_override https://all.example.com/scp");
        config.endpoints.virtualserver = text("https://one.example.com");
        assert_eq!(route(&config), "endpoints.virtualserver https://one.example.com/");
    }

    #[test]
    fn a_trailing_slash_never_doubles() {
        for base in ["https://example.com", "https://example.com/", "https://example.com//"] {
            let base = base_url(base, UrlOf::Service, false).unwrap();
            assert_eq!(join(&base, &["v1", "volumes"]).as_str(), "https://example.com/v1/volumes");
            assert_eq!(join(&base, &[""]).as_str(), "https://example.com/");
        }
    }

    #[test]
    fn every_url_that_cannot_be_used_is_named_with_its_field() {
        let config = Config {
            auth_url: text("https://iam.e.samsungsdscloud.com/v1/endpoints"),
            endpoint_override: text("virtualserver.example.com"),
            endpoints: EndpointConfig {
                iam: text("http://iam.example.com"),
                virtualserver: text("https://virtualserver.example.com/v1"),
            },
            ..Config::default()
        };
        let problems = Route::from_config(&config).unwrap_err();
        assert_eq!(
            ConfigError { problems }.to_string(),
            "endpoints.virtualserver must not end with /v1: the version's path is added to it; \
             endpoint_override is no URL (relative URL without a base); \
             endpoints.iam must begin with https://: over http:// anybody on the way can read and repeat the calls; \
             auth_url must not end with /endpoints: that is added to it"
        );
        let problems = Route::from_config(&Config::default()).unwrap_err();
        assert_eq!(ConfigError { problems }.to_string(), "auth_url is missing, and no endpoint is given in its place");
    }

    #[test]
    fn plain_http_is_for_this_machine_or_for_who_insists() {
        for url in ["http://127.0.0.1:1", "http://localhost:1", "http://[::1]:1", "https://a.b"] {
            assert!(base_url(url, UrlOf::Service, false).is_ok(), "{url}");
        }
        for url in [
            "http://a.b",
            "http://a.localhost",
            "http://127.0.0.1.a.b",
            "http://localhost.a.b",
            "http://10.0.0.1",
            "ftp://localhost",
        ] {
            assert!(base_url(url, UrlOf::Service, false).is_err(), "{url}");
        }
        assert!(base_url("http://a.b", UrlOf::Service, true).is_ok());
        assert!(base_url("ftp://a.b", UrlOf::Service, true).is_err());
        for url in ["https://u@a.b", "https://u:p@a.b", "https://a.b?c", "https://a.b#c", "data:text/plain,a", ""] {
            assert!(base_url(url, UrlOf::Service, true).is_err(), "{url}");
        }
    }

    #[test]
    fn the_catalogs_entry_of_exactly_this_region_is_taken() {
        let catalog = parse_catalog(CATALOG).unwrap();
        let endpoint = select(&catalog, Some("kr-east1"), false).unwrap();
        assert_eq!(endpoint.url.as_str(), "https://virtualserver.kr-east1.e.samsungsdscloud.com/");
        assert_eq!(endpoint.region.as_deref(), Some("kr-east1"));
        let error = select(&catalog, Some("kr-south1"), false).unwrap_err();
        assert_eq!(
            error.to_string(),
            "the catalog has no scp-virtualserver in region \"kr-south1\"; it has kr-east1, kr-west1"
        );
        let error = select(&catalog, None, false).unwrap_err();
        assert_eq!(
            error.to_string(),
            "the catalog has scp-virtualserver in several regions, so one must be named: kr-east1, kr-west1"
        );
    }

    #[test]
    fn without_a_region_the_only_entry_is_taken_and_names_the_region() {
        let one = entries(&[("kr-west1", "https://a.b"), ("kr-west1", "https://a.b")]);
        assert_eq!(select(&one, None, false).unwrap().region.as_deref(), Some("kr-west1"));
        assert!(matches!(select(&one, Some("kr-east1"), false), Err(LookupError::NoSuchRegion { .. })));
        assert_eq!(select(&entries(&[("", "https://a.b")]), None, false).unwrap().region, None);
        assert_eq!(select(&[], None, false), Err(LookupError::NoService));
        let two = entries(&[("kr-west1", "https://a.b"), ("kr-west1", "https://c.d")]);
        assert!(matches!(select(&two, None, false), Err(LookupError::Ambiguous { .. })));
    }

    #[test]
    fn no_credential_goes_where_the_catalog_says_http() {
        let error = select(&entries(&[("r", "http://a.b")]), None, false).unwrap_err();
        assert!(error.to_string().starts_with("the catalog's URL http://a.b of scp-virtualserver must begin with"));
        assert!(select(&entries(&[("r", "http://127.0.0.1:1")]), None, false).is_ok());
    }

    #[test]
    fn what_is_no_catalog_is_not_taken_for_one() {
        for body in ["", "[]", "{}", r#"{"endpoints":{}}"#, r#"{"endpoints":[{"service_type":"scp-virtualserver"}]}"#] {
            assert_eq!(parse_catalog(body.as_bytes()), None, "{body}");
        }
    }

    fn budget(seconds: u64) -> Budget {
        Budget::new(Duration::from_secs(seconds), CancellationToken::new())
    }

    /// Fetches that take five seconds each and fail as long as `failures` says so.
    struct Fetches {
        begun: Arc<AtomicUsize>,
        failures: usize,
    }

    impl Fetches {
        fn new(failures: usize) -> Self {
            Self { begun: Arc::default(), failures }
        }

        fn begin(&self) -> Fetch {
            let number = self.begun.fetch_add(1, Ordering::Relaxed);
            let failed = number < self.failures;
            async move {
                sleep(Duration::from_secs(5)).await;
                let entries = entries(&[("r", "https://a.b")]).into();
                if failed { Err(Error::lookup("ListEndpoints", &LookupError::NoService)) } else { Ok(entries) }
            }
            .boxed()
        }

        fn begun(&self) -> usize {
            self.begun.load(Ordering::Relaxed)
        }
    }

    #[tokio::test(start_paused = true)]
    async fn callers_of_one_moment_share_one_fetch_and_later_ones_its_result() {
        let (catalog, fetches) = (Catalog::default(), Fetches::new(0));
        let budget = budget(60);
        let (one, two) =
            tokio::join!(catalog.entries(&budget, || fetches.begin()), catalog.entries(&budget, || fetches.begin()),);
        assert_eq!(one.unwrap().unwrap(), two.unwrap().unwrap());
        assert!(catalog.entries(&budget, || fetches.begin()).await.unwrap().is_ok());
        assert_eq!((fetches.begun(), budget.elapsed()), (1, Duration::from_secs(5)));
    }

    #[tokio::test(start_paused = true)]
    async fn a_failure_is_shared_by_those_who_wait_and_tried_again_by_the_next() {
        let (catalog, fetches) = (Catalog::default(), Fetches::new(1));
        let budget = budget(60);
        let (one, two) =
            tokio::join!(catalog.entries(&budget, || fetches.begin()), catalog.entries(&budget, || fetches.begin()),);
        assert!(one.unwrap().is_err() && two.unwrap().is_err());
        assert!(catalog.entries(&budget, || fetches.begin()).await.unwrap().is_ok());
        assert_eq!(fetches.begun(), 2);
    }

    #[tokio::test(start_paused = true)]
    async fn one_who_gives_up_takes_the_fetch_from_nobody_and_leaves_none_behind() {
        let (catalog, fetches) = (Catalog::default(), Fetches::new(0));
        let (short, long) = (budget(2), budget(60));
        let (one, two) =
            tokio::join!(catalog.entries(&short, || fetches.begin()), catalog.entries(&long, || fetches.begin()),);
        assert_eq!(one.unwrap_err(), Ended::DeadlineExceeded);
        assert!(two.unwrap().is_ok());
        assert_eq!((fetches.begun(), long.elapsed()), (1, Duration::from_secs(5)));

        let (catalog, fetches) = (Catalog::default(), Fetches::new(0));
        assert!(catalog.entries(&budget(2), || fetches.begin()).await.is_err());
        let later = budget(60);
        assert!(catalog.entries(&later, || fetches.begin()).await.unwrap().is_ok());
        assert_eq!((fetches.begun(), later.elapsed()), (2, Duration::from_secs(5)), "begun anew");
    }
}
