//! The client of one region; clients of other regions share its credentials and connections.

mod call;
pub(super) mod decode;
mod reply;

use std::{fmt, sync::Arc};

use futures::FutureExt as _;

pub(super) use self::{
    call::{Auth, Call, PROJECT, Sender},
    reply::Reply,
};
use super::{
    config::{Config, Settings},
    credential::{Credentials, Flights},
    error::Error,
    iam::{self, Scope},
};
use crate::{budget::Budget, config_error::ConfigError, transport::Transport};

/// Calls Huawei Cloud in one region. Cheap to clone.
///
/// Nothing is sent before the first call: then the credential is fetched, if it has to be, and the id of the region's
/// project is looked up, if it is not configured.
#[derive(Clone)]
pub struct Client {
    shared: Arc<Shared>,
    region: Arc<str>,
}

struct Shared {
    sender: Sender,
    credentials: Arc<Credentials>,
    region: String,
    project_id: Option<String>,
    project_name: Option<String>,
    projects: Flights<Arc<str>>,
}

impl Client {
    /// A client of the configured region.
    ///
    /// # Errors
    /// [`ConfigError`] with everything that is wrong with `config`; the network is not touched.
    #[allow(clippy::needless_pass_by_value, reason = "a configuration is made for one client")]
    pub fn new(config: Config, transport: Transport) -> Result<Self, ConfigError> {
        let Settings { endpoints, source, roles, project_id, project_name } = Settings::new(&config)?;
        let region = endpoints.region.clone();
        let scope = match (&project_id, &project_name) {
            // The project is one of the account whose agency is assumed; the login is in our own account.
            _ if !roles.is_empty() => Scope::Name(region.clone()),
            (Some(id), _) => Scope::Id(id.clone()),
            (None, Some(name)) => Scope::Name(name.clone()),
            (None, None) => Scope::Name(region.clone()),
        };
        let sender = Sender::new(transport, Arc::new(endpoints));
        let credentials = Arc::new(Credentials::new(sender.clone(), source, roles, region.clone(), scope));
        let this = region.as_str().into();
        let shared = Shared {
            sender,
            credentials,
            region,
            project_id,
            project_name,
            projects: Flights::new("KeystoneListProjects"),
        };
        Ok(Self { shared: Arc::new(shared), region: this })
    }

    /// The region that is called.
    pub fn region(&self) -> &str {
        &self.region
    }

    /// A client of another region, with the same credentials. Endpoints that were overridden serve the configured region
    /// only; calls to them from another one fail.
    #[must_use]
    pub fn for_region(&self, region: &str) -> Self {
        Self { shared: Arc::clone(&self.shared), region: region.into() }
    }

    /// The id of the region's project: the configured one, or the one that IAM knows by the region's name.
    ///
    /// # Errors
    /// Of IAM; of kind `Configuration` when there is no such project or more than one.
    pub async fn project_id(&self, budget: &Budget) -> Result<Arc<str>, Error> {
        let configured = *self.region == *self.shared.region;
        if let Some(id) = self.shared.project_id.as_deref().filter(|_| configured) {
            return Ok(id.into());
        }
        let fetch = || {
            let (shared, region, budget) = (Arc::clone(&self.shared), Arc::clone(&self.region), budget.clone());
            async move {
                let name = shared.project_name.as_deref().filter(|_| configured).unwrap_or(&region);
                let auth = Auth::Source(&shared.credentials);
                iam::keystone_list_projects(&shared.sender, &budget, &region, name, auth).await.map(Into::into)
            }
            .boxed()
        };
        self.shared.projects.get(budget, &self.region, |_| true, fetch).await
    }

    /// Makes a call in the region's project, which stands for [`PROJECT`] in its path.
    pub(super) async fn send(&self, budget: &Budget, call: Call<'_>) -> Result<Reply, Error> {
        let project = self.project_id(budget).await.map_err(|error| Error::not_sent(call.operation, error))?;
        let call = call.in_project(&project);
        self.shared.sender.send(budget, &self.region, &call, Auth::Source(&self.shared.credentials)).await
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("region", &self.region).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
