//! Where each service of a region is: the vendor's naming rule, the user's overrides, and what is refused before a secret is sent there.
//!
//! Vendor's page: "Regions and Endpoints". A credential only ever goes to the hosts that come out of this file.

use url::Url;

use crate::transport::is_loopback;

/// The cloud whose names Huawei Cloud's public sites end with.
const PUBLIC_CLOUD: &str = "myhuaweicloud.com";
/// Where the European regions of the public cloud are instead.
const EUROPEAN_CLOUD: &str = "myhuaweicloud.eu";
/// What the names of those regions begin with.
const EUROPEAN_REGIONS: &str = "eu-west-1";

/// The services that are called.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Service {
    /// Elastic Cloud Server.
    Ecs,
    /// Elastic Volume Service.
    Evs,
    /// ModelArts, for its Lite Servers.
    ModelArts,
    /// Identity and Access Management.
    Iam,
    /// Security Token Service, which assumes agencies of the newer kind.
    Sts,
}

impl Service {
    /// The first label of the service's host names, and its key among the `endpoints` of the configuration.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ecs => "ecs",
            Self::Evs => "evs",
            Self::ModelArts => "modelarts",
            Self::Iam => "iam",
            Self::Sts => "sts",
        }
    }

    /// Whether the service's answers belong to one region. An identity service may be asked from anywhere.
    const fn is_regional(self) -> bool {
        matches!(self, Self::Ecs | Self::Evs | Self::ModelArts)
    }
}

/// Base URLs that replace the vendor's, one a service; already checked, without a slash at the end.
#[derive(Clone, Debug, Default)]
pub(super) struct Overrides {
    pub(super) ecs: Option<Url>,
    pub(super) evs: Option<Url>,
    pub(super) modelarts: Option<Url>,
    pub(super) iam: Option<Url>,
    pub(super) sts: Option<Url>,
}

/// The rule that gives each service of each region its base URL.
#[derive(Clone, Debug)]
pub(super) struct Endpoints {
    /// The region that the overrides belong to.
    pub(super) region: String,
    /// The domain after the region, e.g. `myhuaweicloud.com`.
    pub(super) cloud: Option<String>,
    /// Whether IAM is asked at the region's own host. Regions in Europe have no other.
    pub(super) regional_iam: bool,
    /// What the user set.
    pub(super) overrides: Overrides,
}

/// Why a service has no URL in a region.
#[derive(Debug, thiserror::Error)]
pub(super) enum EndpointError {
    #[error(
        "endpoints.{service} is overridden for region {configured} and cannot serve region {region}: \
         use a provider configuration of its own for that region"
    )]
    OtherRegion { service: &'static str, configured: String, region: String },
    #[error("{0:?} is not a region's name")]
    Region(String),
    #[error("{0:?} cannot be part of a URL")]
    Segment(String),
    #[error("no URL can be made for {service} in region {region}: {source}")]
    Url { service: &'static str, region: String, source: url::ParseError },
}

impl Endpoints {
    /// The URL of a call: the service's base, then `segments` of the path. No segment may be empty or need escaping, so that
    /// an id that a user or a cloud made up can never lead to another call.
    pub(super) fn url(&self, service: Service, region: &str, segments: &[&str]) -> Result<Url, EndpointError> {
        let mut url = self.base(service, region)?;
        for segment in segments {
            let plain = |c: u8| c.is_ascii_alphanumeric() || matches!(c, b'-' | b'_' | b'.' | b'~');
            if matches!(*segment, "" | "." | "..") || !segment.bytes().all(plain) {
                return Err(EndpointError::Segment((*segment).to_owned()));
            }
            url.push('/');
            url.push_str(segment);
        }
        let error = |source| EndpointError::Url { service: service.name(), region: region.to_owned(), source };
        Url::parse(&url).map_err(error)
    }

    fn base(&self, service: Service, region: &str) -> Result<String, EndpointError> {
        if !is_region(region) {
            return Err(EndpointError::Region(region.to_owned()));
        }
        let name = service.name();
        if let Some(base) = self.overridden(service) {
            if service.is_regional() && region != self.region {
                let configured = self.region.clone();
                return Err(EndpointError::OtherRegion { service: name, configured, region: region.to_owned() });
            }
            return Ok(base.as_str().trim_end_matches('/').to_owned());
        }
        let european = region.starts_with(EUROPEAN_REGIONS);
        let cloud = match self.cloud.as_deref() {
            None | Some(PUBLIC_CLOUD) if european => EUROPEAN_CLOUD,
            None => PUBLIC_CLOUD,
            Some(cloud) => cloud,
        };
        if service == Service::Iam && !self.regional_iam && !european {
            return Ok(format!("https://{name}.{cloud}"));
        }
        Ok(format!("https://{name}.{region}.{cloud}"))
    }

    const fn overridden(&self, service: Service) -> Option<&Url> {
        match service {
            Service::Ecs => self.overrides.ecs.as_ref(),
            Service::Evs => self.overrides.evs.as_ref(),
            Service::ModelArts => self.overrides.modelarts.as_ref(),
            Service::Iam => self.overrides.iam.as_ref(),
            Service::Sts => self.overrides.sts.as_ref(),
        }
    }
}

/// Whether a text can be a region's name. It becomes part of host names that credentials are sent to.
pub(super) fn is_region(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == b'-')
}

/// Reads a URL that a user wrote: `https://` is added where there is no scheme, slashes at the end are dropped.
///
/// `http://` is refused unless the host is this machine or `plain` allows it, because a signature or a token would travel readable.
pub(super) fn parse(text: &str, plain: bool) -> Result<Url, String> {
    let text = text.trim();
    let text = if text.contains("://") { text.to_owned() } else { format!("https://{text}") };
    let url = Url::parse(text.trim_end_matches('/')).map_err(|error| format!("is not a URL: {error}"))?;
    if url.host_str().is_none_or(str::is_empty) {
        return Err("has no host".to_owned());
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err("must not hold a user or a password".to_owned());
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err("must not have a query or a fragment".to_owned());
    }
    match url.scheme() {
        "https" => Ok(url),
        "http" if plain || is_loopback(&url) => Ok(url),
        "http" => {
            Err("is http, which would send credentials readable: use https, or set insecure to allow it".to_owned())
        }
        scheme => Err(format!("has the scheme {scheme}; only https is supported")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn endpoints(region: &str) -> Endpoints {
        Endpoints { region: region.to_owned(), cloud: None, regional_iam: true, overrides: Overrides::default() }
    }

    fn host(endpoints: &Endpoints, service: Service, region: &str) -> String {
        endpoints.url(service, region, &["v1"]).unwrap().host_str().unwrap().to_owned()
    }

    #[test]
    fn each_service_is_at_its_name_in_its_region() {
        let endpoints = endpoints("cn-north-4");
        assert_eq!(host(&endpoints, Service::Ecs, "cn-north-4"), "ecs.cn-north-4.myhuaweicloud.com");
        assert_eq!(host(&endpoints, Service::Evs, "cn-east-3"), "evs.cn-east-3.myhuaweicloud.com");
        assert_eq!(host(&endpoints, Service::ModelArts, "cn-north-4"), "modelarts.cn-north-4.myhuaweicloud.com");
        assert_eq!(host(&endpoints, Service::Iam, "cn-north-4"), "iam.cn-north-4.myhuaweicloud.com");
        assert_eq!(host(&endpoints, Service::Sts, "cn-north-4"), "sts.cn-north-4.myhuaweicloud.com");
    }

    #[test]
    fn regions_in_europe_have_a_domain_of_their_own_unless_another_cloud_was_named() {
        let mut endpoints = endpoints("eu-west-101");
        assert_eq!(host(&endpoints, Service::Ecs, "eu-west-101"), "ecs.eu-west-101.myhuaweicloud.eu");
        assert_eq!(host(&endpoints, Service::Ecs, "cn-north-4"), "ecs.cn-north-4.myhuaweicloud.com");
        endpoints.regional_iam = false;
        assert_eq!(host(&endpoints, Service::Iam, "eu-west-101"), "iam.eu-west-101.myhuaweicloud.eu");
        assert_eq!(host(&endpoints, Service::Iam, "cn-north-4"), "iam.myhuaweicloud.com");
        endpoints.cloud = Some("cloud.example".to_owned());
        assert_eq!(host(&endpoints, Service::Ecs, "eu-west-101"), "ecs.eu-west-101.cloud.example");
    }

    #[test]
    fn an_override_keeps_its_port_and_path_and_serves_only_its_own_region() {
        let mut endpoints = endpoints("cn-north-4");
        endpoints.overrides.ecs = Some(parse("https://proxy.example:8443/ecs/", false).unwrap());
        endpoints.overrides.iam = Some(parse("iam.example", false).unwrap());
        let url = endpoints.url(Service::Ecs, "cn-north-4", &["v1", "p", "jobs", "j"]).unwrap();
        assert_eq!(url.as_str(), "https://proxy.example:8443/ecs/v1/p/jobs/j");
        let error = endpoints.url(Service::Ecs, "cn-east-3", &["v1"]).unwrap_err().to_string();
        assert!(error.contains("cn-north-4") && error.contains("cn-east-3"), "{error}");
        assert_eq!(host(&endpoints, Service::Iam, "cn-east-3"), "iam.example");
    }

    #[test]
    fn an_id_that_would_lead_elsewhere_is_refused() {
        let endpoints = endpoints("cn-north-4");
        for id in ["", ".", "..", "a/b", "a?b", "a#b", "a%2fb", "a b", "ä"] {
            assert!(endpoints.url(Service::Ecs, "cn-north-4", &["v1", id]).is_err(), "{id}");
        }
    }

    #[test]
    fn a_region_that_would_lead_to_another_host_is_refused() {
        let endpoints = endpoints("cn-north-4");
        for region in ["", "evil.example/", "a@evil.example", "CN-NORTH-4", "a b", "a:1"] {
            assert!(endpoints.url(Service::Ecs, region, &["v1"]).is_err(), "{region}");
        }
    }

    #[test]
    fn what_a_user_writes_is_completed_and_what_would_leak_is_refused() {
        assert_eq!(parse(" ecs.example/ ", false).unwrap().as_str(), "https://ecs.example/");
        for local in ["http://127.0.0.1:8080", "http://localhost:1", "http://[::1]:8080"] {
            assert!(parse(local, false).is_ok(), "{local}");
        }
        assert!(parse("http://ecs.example", false).unwrap_err().contains("insecure"));
        assert!(parse("http://ecs.example", true).is_ok());
        // Where such a name leads is for DNS and proxies to say.
        for elsewhere in ["http://127.0.0.1.evil.example", "http://ecs.localhost"] {
            assert!(parse(elsewhere, false).is_err(), "{elsewhere}");
        }
        for bad in
            ["", "https://", "ftp://ecs.example", "https://u:p@ecs.example", "https://ecs.example/?a=b", "https://a b"]
        {
            assert!(parse(bad, true).is_err(), "{bad}");
        }
    }
}
