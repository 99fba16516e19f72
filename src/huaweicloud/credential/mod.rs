//! Who we are: keys and tokens, where they come from, and keeping those that expire fresh.

mod cache;
mod metadata;
mod verdicts;

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, SystemTime},
};

use futures::FutureExt as _;
use secrecy::{ExposeSecret as _, SecretString};
use url::Url;

pub(super) use self::cache::Flights;
use self::verdicts::Verdicts;
use super::{
    client::Sender,
    config::AssumeRole,
    error::Error,
    iam::{self, Scope},
};
use crate::budget::Budget;

/// How long before it expires a credential is replaced; a third of its life where that is sooner.
const MARGIN: Duration = Duration::from_secs(600);
/// How long one that could not be replaced is used before that is tried again.
const POSTPONE: Duration = Duration::from_secs(60);

/// An access key (AK/SK), permanent or temporary.
#[derive(Clone, Debug)]
pub struct AccessKey {
    /// The id of the key; it travels readable.
    pub access_key: String,
    /// The secret that signs.
    pub secret_key: SecretString,
    /// The session token that a temporary key is sent with.
    pub security_token: Option<SecretString>,
}

/// What proves who sends a request.
#[derive(Clone, Debug)]
pub(super) enum Credential {
    /// The request is signed.
    AccessKey(AccessKey),
    /// The request carries a token.
    Token(SecretString),
}

impl Credential {
    /// Blots out what is secret in a text that is going to be shown: some proxies answer with the request as they saw it.
    pub(super) fn conceal(&self, text: &str) -> String {
        let (secret, token) = match self {
            Self::AccessKey(key) => (&key.secret_key, key.security_token.as_ref()),
            Self::Token(token) => (token, None),
        };
        token.into_iter().chain([secret]).fold(text.to_owned(), |text, secret| conceal(secret, &text))
    }
}

/// Blots out a secret. The vendor's are long; a short one can only be a test's, and would blot out half of every text.
pub(super) fn conceal(secret: &SecretString, text: &str) -> String {
    match secret.expose_secret() {
        secret if secret.len() >= 6 => text.replace(secret, "***"),
        _ => text.to_owned(),
    }
}

/// Where the first credential comes from.
#[derive(Clone, Debug)]
pub(super) enum Source {
    /// A key that was given.
    AccessKey(AccessKey),
    /// A token that was given.
    Token(SecretString),
    /// A token that IAM gives for a password; each region has its own.
    Password(Login),
    /// The agency of the ECS that this runs on.
    Metadata(Url),
}

/// A user and a password.
#[derive(Clone, Debug)]
pub(super) struct Login {
    pub(super) user: User,
    pub(super) password: SecretString,
}

/// Which IAM user.
#[derive(Clone, Debug)]
pub(super) enum User {
    Id(String),
    Name(String, Domain),
}

/// Which account.
#[derive(Clone, Debug)]
pub(super) enum Domain {
    Id(String),
    Name(String),
}

/// A credential, and when to replace it.
#[derive(Clone, Debug)]
pub(super) struct Issued {
    pub(super) credential: Credential,
    refresh_at: Option<SystemTime>,
    expires_at: Option<SystemTime>,
}

impl Issued {
    /// One that never expires, as far as we know.
    pub(super) const fn permanent(credential: Credential) -> Self {
        Self { credential, refresh_at: None, expires_at: None }
    }

    /// One that was issued at `now` and expires.
    pub(super) fn until(credential: Credential, now: SystemTime, expires_at: SystemTime) -> Self {
        let life = expires_at.duration_since(now).unwrap_or_default();
        Self { credential, refresh_at: Some(now + (life - MARGIN.min(life / 3))), expires_at: Some(expires_at) }
    }

    /// The same for a while longer; none once it has expired.
    fn postponed(&self, now: SystemTime) -> Option<Self> {
        let expires_at = self.expires_at.filter(|at| now < *at)?;
        Some(Self { refresh_at: Some(expires_at.min(now + POSTPONE)), ..self.clone() })
    }

    fn is_fresh(&self, now: SystemTime) -> bool {
        self.refresh_at.is_none_or(|at| now < at)
    }
}

/// Gives the credential for each region, and shares it: however many calls need one, it is fetched once.
#[derive(Debug)]
pub(super) struct Credentials {
    sender: Sender,
    source: Source,
    roles: Vec<AssumeRole>,
    region: String,
    scope: Scope,
    fixed: Option<Arc<Issued>>,
    verdicts: Verdicts,
    fetched: Flights<Arc<Issued>>,
    /// What was fetched last, for when the next one cannot be had. A std mutex: it is never held over an await.
    last: Mutex<HashMap<String, Arc<Issued>>>,
}

impl Credentials {
    /// `region` and `scope` are those of the configuration; other regions are asked for by their names.
    pub(super) fn new(sender: Sender, source: Source, roles: Vec<AssumeRole>, region: String, scope: Scope) -> Self {
        let fixed = match &source {
            _ if !roles.is_empty() => None,
            Source::AccessKey(key) => Some(Credential::AccessKey(key.clone())),
            Source::Token(token) => Some(Credential::Token(token.clone())),
            Source::Password(_) | Source::Metadata(_) => None,
        };
        let fixed = fixed.map(|credential| Arc::new(Issued::permanent(credential)));
        let (verdicts, fetched, last) = (Verdicts::default(), Flights::new("Authenticate"), Mutex::default());
        Self { sender, source, roles, region, scope, fixed, verdicts, fetched, last }
    }

    /// The credential for calls to `region`, fetched or replaced if need be.
    pub(super) async fn get(
        self: &Arc<Self>,
        budget: &Budget,
        region: &str,
        now: SystemTime,
    ) -> Result<Arc<Issued>, Error> {
        if let Some(error) = self.verdicts.refusal(region) {
            return Err(error);
        }
        if let Some(fixed) = &self.fixed {
            return Ok(Arc::clone(fixed));
        }
        let region = self.region_of(region).to_owned();
        let fetch = || {
            let (this, budget, region) = (Arc::clone(self), budget.clone(), region.clone());
            async move { this.replace(&budget, &region, now).await }.boxed()
        };
        self.fetched.get(budget, &region, |issued| issued.is_fresh(now), fetch).await
    }

    /// Learns how a call to `region` ended that was sent with a credential of these.
    pub(super) fn learn(&self, region: &str, error: Option<&Error>) {
        self.verdicts.learn(region, error);
    }

    /// Whether a refused `used` is worth asking for again: what was fetched may have been revoked, what was given will not
    /// change. Forgets it if so.
    pub(super) fn renew(&self, region: &str, used: &Arc<Issued>) -> bool {
        if self.fixed.is_some() {
            return false;
        }
        let region = self.region_of(region);
        self.fetched.forget(region, |cached| Arc::ptr_eq(cached, used));
        let mut last = self.last();
        if last.get(region).is_some_and(|last| Arc::ptr_eq(last, used)) {
            last.remove(region);
        }
        true
    }

    fn last(&self) -> MutexGuard<'_, HashMap<String, Arc<Issued>>> {
        self.last.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Only tokens belong to a region; keys serve them all.
    fn region_of<'a>(&'a self, region: &'a str) -> &'a str {
        if matches!(self.source, Source::Password(_)) && self.roles.is_empty() { region } else { &self.region }
    }

    /// A new credential, or the one at hand where none can be had and it has not expired: it is replaced long before that, so
    /// that a service which fails for a moment ends nothing.
    async fn replace(&self, budget: &Budget, region: &str, now: SystemTime) -> Result<Arc<Issued>, Error> {
        let last = self.last().get(region).cloned();
        let issued = match self.fetch(budget, region, now, last.is_some()).await {
            Ok(issued) => issued,
            Err(error) if budget.ended().is_some() => return Err(error),
            Err(error) => last.and_then(|last| last.postponed(now)).ok_or(error)?,
        };
        let issued = Arc::new(issued);
        self.last().insert(region.to_owned(), Arc::clone(&issued));
        Ok(issued)
    }

    async fn fetch(&self, budget: &Budget, region: &str, now: SystemTime, again: bool) -> Result<Issued, Error> {
        let mut issued = match &self.source {
            Source::AccessKey(key) => Issued::permanent(Credential::AccessKey(key.clone())),
            Source::Token(token) => Issued::permanent(Credential::Token(token.clone())),
            Source::Password(login) => {
                let other = Scope::Name(region.to_owned());
                let scope = if region == self.region { &self.scope } else { &other };
                iam::keystone_create_user_token_by_password(&self.sender, budget, region, login, scope, now).await?
            }
            Source::Metadata(base) => metadata::security_key(self.sender.transport(), budget, base, now, again).await?,
        };
        for role in &self.roles {
            issued = iam::assume(&self.sender, budget, region, role, &issued.credential, now).await?;
        }
        Ok(issued)
    }
}
