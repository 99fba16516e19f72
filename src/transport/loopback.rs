//! Which URLs lead to this machine and nowhere else.

use url::{Host, Url};

/// Whether a URL leads to this machine. Only there may plain http carry a credential, and no proxy is used there: both rest
/// on the same answer. Names under `.localhost` are not meant, because resolvers and proxies differ on them.
pub(crate) fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_this_machine_is_meant() {
        let loopback = |url| is_loopback(&Url::parse(url).unwrap());
        for url in [
            "http://localhost:1/",
            "http://LOCALHOST/",
            "https://127.0.0.1:8443/",
            "http://127.1.2.3/",
            "http://[::1]:9/",
        ] {
            assert!(loopback(url), "{url}");
        }
        for url in [
            "https://ecs.example.com/",
            "http://localhost.example.com/",
            "http://ecs.localhost/",
            "http://10.0.0.1/",
            "http://169.254.169.254/",
            "http://[fd00::1]/",
        ] {
            assert!(!loopback(url), "{url}");
        }
    }
}
