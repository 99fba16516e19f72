//! Clients of the simulated clouds, over loopback.

use std::time::Duration;

use cloudvolume::{
    backoff::BackoffConfig,
    budget::Budget,
    huaweicloud::{AssumeRole, Client, Config, EndpointConfig},
    simulator::{self, Simulator, TransitionMode},
    transport::{Transport, TransportConfig},
};
use tokio_util::sync::CancellationToken;

/// More than any call here takes.
pub(crate) fn budget() -> Budget {
    Budget::new(Duration::from_secs(20), CancellationToken::new())
}

/// A simulator whose jobs the test ends.
pub(crate) async fn held(change: impl FnOnce(&mut simulator::Config)) -> Simulator {
    let mut config = simulator::Config { mode: TransitionMode::Manual, ..simulator::Config::default() };
    change(&mut config);
    Simulator::start(config).await.expect("the simulator starts")
}

/// How a client of Huawei Cloud says who it is.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Identity {
    /// With a key that signs.
    Key,
    /// With a password, for a token.
    Password,
    /// With a key, for the temporary key of an agency of an account known by its name.
    Agency,
    /// Likewise, the account known by its id.
    AgencyById,
}

/// A client of the simulated Huawei Cloud.
pub(crate) fn huaweicloud(cloud: &Simulator, identity: Identity) -> Client {
    let url = || Some(cloud.huaweicloud_url());
    let account = simulator::huaweicloud::Config::default();
    let config = Config {
        region: Some(account.regions[0].name.clone()),
        endpoints: EndpointConfig { ecs: url(), evs: url(), modelarts: url(), iam: url(), sts: url() },
        ..Config::default()
    };
    let key = Config {
        access_key: Some("SIMULATORACCESSKEY01".to_owned()),
        secret_key: Some("simulator-secret-key-0000000000000000001".into()),
        ..config.clone()
    };
    let role = |domain_name, domain_id| AssumeRole {
        agency_name: account.agencies[0].clone(),
        domain_name,
        domain_id,
        duration: Some(Duration::from_secs(3600)),
    };
    let config = match identity {
        Identity::Key => key,
        Identity::Password => Config {
            user_name: Some("practitioner".to_owned()),
            password: Some("simulator-password".into()),
            domain_name: Some(account.domain_name),
            ..config
        },
        Identity::Agency => Config { assume_role: vec![role(Some(account.domain_name), None)], ..key },
        Identity::AgencyById => Config { assume_role: vec![role(None, Some(account.domain_id))], ..key },
    };
    let quick = BackoffConfig { initial: Duration::from_millis(1), max: Duration::from_millis(5), multiplier: 2.0 };
    let transport = TransportConfig { backoff: quick.clone(), throttle_backoff: quick, ..TransportConfig::default() };
    Client::new(config, Transport::new(transport).expect("a transport")).expect("a client")
}
