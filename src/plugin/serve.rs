//! The life of the process: from the handshake to the end of the last connection.
//!
//! It ends when Terraform says so (Shutdown), when the last connection has closed (a dead parent closes its own), or when
//! none comes at all. Ctrl-C at a terminal reaches this process too, and must not end it: Terraform hears the same signal,
//! tells the provider to stop what runs, and needs an answer to write its state.

use std::{ffi::OsString, io, sync::Arc, time::Duration};

use hyper::server::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::{sync::watch, time::timeout};
use tokio_rustls::TlsAcceptor;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{
    environment::Environment,
    handshake,
    listener::{Listener, Stream},
    logging,
    panics::Panics,
    provider::Provider,
    router::Router,
    server::Server,
    tls,
};

/// A client that has read the handshake line connects at once; go-plugin itself gives a start one minute.
const FIRST_CONNECTION: Duration = Duration::from_secs(60);
/// Long enough for a loaded machine, short enough for a stranger's half-open connection.
const TLS_HANDSHAKE: Duration = Duration::from_secs(10);
/// What a cancelled RPC may still take. After Shutdown go-plugin kills within two seconds.
const FAREWELL: Duration = Duration::from_millis(1500);
/// The same when the parent is dead, and nobody kills.
const FAREWELL_OF_AN_ORPHAN: Duration = Duration::from_secs(10);
/// Before the next accept when the system has no file descriptor left.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Who this provider is.
#[derive(Clone, Copy, Debug)]
pub struct ServeInfo {
    /// The binary's name.
    pub name: &'static str,
    /// The provider's source address without a host, e.g. `cloudvolume/cloudvolume`.
    pub address: &'static str,
    /// The version.
    pub version: &'static str,
}

/// Why a plugin did not serve.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// Started by hand.
    #[error(
        "{0} is a plugin that Terraform and OpenTofu start by themselves; declare it under required_providers in a \
         configuration, or run it with --help"
    )]
    NotAPlugin(&'static str),
    /// An argument that means nothing.
    #[error("unknown argument {0:?}; --help lists them")]
    Argument(String),
    /// The parent wants mutual TLS with a certificate that is none.
    #[error("PLUGIN_CLIENT_CERT holds no certificate that can be read")]
    ClientCertificate,
    /// The server's own certificate.
    #[error("the certificate for the plugin connection cannot be made: {0}")]
    Certificate(#[from] rcgen::Error),
    /// TLS settings.
    #[error("TLS for the plugin connection cannot be set up: {0}")]
    Tls(#[from] rustls::Error),
    /// The runtime, the socket or standard output.
    #[error("the plugin connection cannot be set up: {0}")]
    Io(#[from] io::Error),
}

/// How it was started.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    /// By Terraform.
    Plugin,
    /// By a person, `--debug`: any number of Terraform runs attach, one after the other.
    Debug,
}

/// Serves a provider to the Terraform that started this process, and returns when that is done.
///
/// `arguments` are those after the program's name. Standard output gets the handshake line and nothing else, unless a
/// person asked for something (`--help`, `--version`, `--debug`).
///
/// # Errors
/// [`ServeError`], each a sentence for standard error.
pub fn serve(
    provider: impl Provider,
    info: ServeInfo,
    environment: &Environment,
    arguments: impl IntoIterator<Item = OsString>,
) -> Result<(), ServeError> {
    let mut mode = Mode::Plugin;
    for argument in arguments {
        let argument = argument.to_string_lossy();
        match argument.trim_start_matches('-') {
            "version" => return Ok(handshake::say(&format!("{} {}", info.name, info.version))?),
            "help" => return Ok(handshake::say(&help(info))?),
            "debug" => mode = Mode::Debug,
            _ => return Err(ServeError::Argument(argument.into_owned())),
        }
    }
    if mode == Mode::Plugin && !handshake::is_plugin(environment) {
        return Err(ServeError::NotAPlugin(info.name));
    }
    // Handlers mostly wait; two workers keep StopProvider quick while one of them works.
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let served = runtime.block_on(run(provider, info, environment, mode));
    // A handler that ignores its stop token does not hold the process.
    runtime.shutdown_background();
    served
}

fn help(info: ServeInfo) -> String {
    format!(
        "{name} {version}\n\nA provider for Terraform and OpenTofu, which start it by themselves.\n\n\
         \x20 --debug    serve until Ctrl-C, and print the variable that attaches Terraform to this process\n\
         \x20 --version  print the version\n\
         \x20 --help     print this",
        name = info.name,
        version = info.version
    )
}

async fn run(
    provider: impl Provider,
    info: ServeInfo,
    environment: &Environment,
    mode: Mode,
) -> Result<(), ServeError> {
    let shutdown = CancellationToken::new();
    // From here on a signal is swallowed.
    let signals = Signals::listen()?;
    logging::install(environment.log_level.as_deref());
    let panics = Panics::install();
    let tls = match (&environment.client_certificate, mode) {
        (Some(certificate), Mode::Plugin) => Some(tls::mutual_tls(certificate)?),
        _ => None,
    };
    let listener = Listener::bind(environment)?;
    match mode {
        Mode::Plugin => {
            let certificate = tls.as_ref().map(|tls| tls.certificate.as_ref());
            handshake::say(&handshake::line(listener.address(), certificate))?;
        }
        Mode::Debug => handshake::say(&handshake::reattach(info.address, listener.address()))?,
    }
    if !handshake::speaks_our_protocol(environment) {
        tracing::warn!(versions = environment.protocol_versions, "the client does not speak protocol 6");
    }
    tracing::debug!(version = info.version, "serving");
    let host = Host {
        server: Arc::new(Server::new(provider, panics)),
        listener,
        tls: tls.map(|tls| tls.acceptor),
        shutdown: shutdown.clone(),
        mode,
    };
    tokio::spawn(signals.watch(move || {
        if mode == Mode::Debug {
            shutdown.cancel();
        }
    }));
    host.serve().await;
    Ok(())
}

/// A server with its socket.
pub(super) struct Host<P> {
    pub(super) server: Arc<Server<P>>,
    pub(super) listener: Listener,
    pub(super) tls: Option<TlsAcceptor>,
    /// Cancelled to end.
    pub(super) shutdown: CancellationToken,
    /// Whether it ends when nobody is connected any more, and what connections share.
    mode: Mode,
}

/// The connections that got through the handshake.
#[derive(Clone, Copy, Debug, Default)]
struct Connections {
    any_yet: bool,
    open: usize,
}

impl<P: Provider> Host<P> {
    /// Serves until the end, then lets what runs say farewell.
    pub(super) async fn serve(self) {
        let (connections, watched) = watch::channel(Connections::default());
        let connections = Arc::new(connections);
        let tasks = TaskTracker::new();
        let stop = CancellationToken::new();
        let abandoned = abandoned(watched, self.mode == Mode::Plugin);
        tokio::pin!(abandoned);
        let farewell = loop {
            tokio::select! {
                biased;
                () = self.shutdown.cancelled() => break FAREWELL,
                () = &mut abandoned => break FAREWELL_OF_AN_ORPHAN,
                accepted = self.listener.accept() => match accepted {
                    Ok(stream) => {
                        let server = match self.mode {
                            Mode::Plugin => Arc::clone(&self.server),
                            // Each provider block of each Terraform is a connection, and must not configure the others.
                            Mode::Debug => Arc::new(self.server.another()),
                        };
                        tasks.spawn(connect(stream, self.tls.clone(), Arc::clone(&connections), Router {
                            server,
                            stop: stop.child_token(),
                            shutdown: self.shutdown.clone(),
                        }));
                    }
                    Err(error) => {
                        tracing::warn!(%error, "a connection could not be accepted");
                        tokio::time::sleep(ACCEPT_PAUSE).await;
                    }
                },
            }
        };
        stop.cancel();
        self.shutdown.cancel();
        tasks.close();
        let ended = timeout(farewell, async {
            self.server.idle().await;
            tasks.wait().await;
        });
        if ended.await.is_err() {
            tracing::error!("an RPC did not stop when it was told to; it is abandoned");
        }
    }
}

/// Ends when the last connection has closed, or when none came.
async fn abandoned(mut connections: watch::Receiver<Connections>, applies: bool) {
    if !applies {
        return std::future::pending().await;
    }
    let first = timeout(FIRST_CONNECTION, connections.wait_for(|connections| connections.any_yet)).await.is_ok();
    if first {
        // An error is a closed channel: no connection can come any more.
        let _ = connections.wait_for(|connections| connections.open == 0).await;
    } else {
        tracing::warn!("nobody connected");
    }
}

/// One connection, from its TLS handshake to its end.
async fn connect<P: Provider>(
    stream: Box<dyn Stream>,
    tls: Option<TlsAcceptor>,
    connections: Arc<watch::Sender<Connections>>,
    router: Router<P>,
) {
    let stream = match tls {
        None => stream,
        Some(acceptor) => match timeout(TLS_HANDSHAKE, acceptor.accept(stream)).await {
            Ok(Ok(stream)) => Box::new(stream) as Box<dyn Stream>,
            Ok(Err(error)) => return tracing::warn!(%error, "a client was turned away"),
            Err(_) => return tracing::warn!("a client did not finish its TLS handshake"),
        },
    };
    let open = Open::new(connections);
    let shutdown = router.shutdown.clone();
    // A client that is gone waits for nothing: what it asked for is told to stop.
    let stop = router.stop.clone().drop_guard();
    let connection = http2::Builder::new(TokioExecutor::new())
        // Terraform's -parallelism has no limit, and StopProvider must not queue behind it.
        .max_concurrent_streams(None)
        .serve_connection(TokioIo::new(stream), router);
    tokio::pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = shutdown.cancelled() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "the connection broke");
    }
    // First what it asked for is told to stop, then it counts as closed.
    drop(stop);
    drop(open);
}

/// One connection among those that count.
struct Open(Arc<watch::Sender<Connections>>);

impl Open {
    fn new(connections: Arc<watch::Sender<Connections>>) -> Self {
        connections.send_modify(|connections| {
            connections.any_yet = true;
            connections.open += 1;
        });
        Self(connections)
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.0.send_modify(|connections| connections.open -= 1);
    }
}

/// The signals that a terminal and a service manager send to everybody in a session.
#[cfg(unix)]
struct Signals([tokio::signal::unix::Signal; 3]);

#[cfg(unix)]
impl Signals {
    fn listen() -> io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self([signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?, signal(SignalKind::hangup())?]))
    }

    async fn watch(self, heard: impl Fn()) {
        let Self([mut interrupt, mut terminate, mut hangup]) = self;
        loop {
            let signal = tokio::select! {
                _ = interrupt.recv() => "SIGINT",
                _ = terminate.recv() => "SIGTERM",
                _ = hangup.recv() => "SIGHUP",
            };
            tracing::debug!(signal, "a signal; Terraform decides what it means");
            heard();
        }
    }
}

/// The signals that a console sends to everybody in it.
#[cfg(not(unix))]
struct Signals;

#[cfg(not(unix))]
impl Signals {
    fn listen() -> io::Result<Self> {
        Ok(Self)
    }

    async fn watch(self, heard: impl Fn()) {
        while tokio::signal::ctrl_c().await.is_ok() {
            heard();
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::Instant;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_plugin_to_which_nobody_connects_ends_after_a_minute() {
        let (_connections, watched) = watch::channel(Connections::default());
        let started = Instant::now();
        abandoned(watched, true).await;
        assert_eq!(started.elapsed(), FIRST_CONNECTION);
    }

    #[tokio::test(start_paused = true)]
    async fn a_plugin_ends_with_its_last_connection_and_not_before() {
        let (connections, watched) = watch::channel(Connections { any_yet: true, open: 2 });
        let mut ended = Box::pin(abandoned(watched, true));
        connections.send_modify(|connections| connections.open -= 1);
        assert!(timeout(Duration::from_secs(3600), &mut ended).await.is_err(), "one connection is left");
        connections.send_modify(|connections| connections.open -= 1);
        ended.await;
    }

    #[tokio::test(start_paused = true)]
    async fn in_debug_mode_it_waits_for_the_next_terraform() {
        let (_connections, watched) = watch::channel(Connections { any_yet: true, open: 0 });
        assert!(timeout(Duration::from_secs(3600), abandoned(watched, false)).await.is_err());
    }
}
