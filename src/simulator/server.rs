//! The HTTP server and the handle on it.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::error::Error as _;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::{StreamExt, stream};
use http::Response;
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Full, LengthLimitError, Limited, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::{CancellationToken, DropGuard};

use super::fault::{Effect, Target, Verdict};
use super::huaweicloud::{Job, Switches};
use super::journal::{Cloud, Entry};
use super::message::{Reply, Request};
use super::samsungcloud::Operation;
use super::store::{State, Store};
use super::{Config, FaultCount, FaultRule, Journal, TransitionMode, World, control, huaweicloud, samsungcloud};

/// The gateway takes no larger body.
const MOST_BODY: usize = 12 << 20;

/// A running simulator. It ends when this is dropped.
#[derive(Debug)]
pub struct Simulator {
    store: Arc<Store>,
    huaweicloud: SocketAddr,
    services: BTreeMap<&'static str, SocketAddr>,
    samsungcloud: SocketAddr,
    _stop: DropGuard,
}

impl Simulator {
    /// Binds the configured addresses and starts to answer.
    ///
    /// # Errors
    /// When an address cannot be bound, or the world contradicts itself.
    pub async fn start(config: Config) -> io::Result<Self> {
        if let Some(Err(text)) = config.world.as_ref().map(World::validate) {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, text));
        }
        let door = TcpListener::bind(config.huaweicloud_address).await?;
        let huaweicloud = door.local_addr()?;
        let mut listeners = vec![(Door::Huaweicloud { only: None }, door)];
        let mut services = BTreeMap::new();
        for (name, address) in &config.huaweicloud.service_addresses {
            let only = huaweicloud::SERVICES.into_iter().find(|service| service == name).ok_or_else(|| {
                let text = format!("there is no service {name:?}; there are {}", huaweicloud::SERVICES.join(", "));
                io::Error::new(io::ErrorKind::InvalidInput, text)
            })?;
            let door = TcpListener::bind(address).await?;
            services.insert(only, door.local_addr()?);
            listeners.push((Door::Huaweicloud { only: Some(only) }, door));
        }
        let door = bind_region(config.samsungcloud_address, 0).await?;
        let samsungcloud = door.local_addr()?;
        let mut ports = vec![samsungcloud.port()];
        listeners.push((Door::Samsungcloud { region: 0 }, door));
        for region in 1..config.samsungcloud.regions.len() {
            let door = bind_region(config.samsungcloud_address, region).await?;
            ports.push(door.local_addr()?.port());
            listeners.push((Door::Samsungcloud { region }, door));
        }
        let store = Arc::new(Store::new(config));
        store.lock().samsungcloud.ports = ports;
        let stop = CancellationToken::new();
        for (door, listener) in listeners {
            tokio::spawn(serve(listener, door, Arc::clone(&store), stop.clone()));
        }
        Ok(Self { store, huaweicloud, services, samsungcloud, _stop: stop.drop_guard() })
    }

    /// The endpoint of every service of Huawei Cloud that has no address of its own.
    pub fn huaweicloud_url(&self) -> String {
        format!("http://{}", self.huaweicloud)
    }

    /// The endpoint of one service of Huawei Cloud, by its name in `service_addresses`.
    pub fn service_url(&self, service: &str) -> String {
        format!("http://{}", self.services.get(service).unwrap_or(&self.huaweicloud))
    }

    /// Samsung Cloud Platform: the base URL of virtualserver in the first region. `{url}/v1` is its `auth_url`.
    pub fn samsungcloud_url(&self) -> String {
        format!("http://{}", self.samsungcloud)
    }

    /// Every request so far.
    pub fn journal(&self) -> Journal {
        self.store.lock().journal.clone()
    }

    /// How often an operation was asked for, by the vendor's name, e.g. `AttachServerVolume`.
    pub fn count(&self, operation: &str) -> usize {
        self.store.lock().journal.count(operation)
    }

    /// How many requests were of the kind that changes something.
    pub fn mutations(&self) -> usize {
        self.store.lock().journal.mutations().len()
    }

    /// Forgets the requests so far, so that a test can count from here.
    pub fn clear_journal(&self) {
        self.store.lock().journal.entries.clear();
    }

    /// Returns when the cloud is through with at least `count` requests for an operation: answered them, or dropped
    /// them as a fault says. Waits for ever if they do not come.
    pub async fn wait_for(&self, operation: &str, count: usize) {
        self.wait_until(|journal| journal.of(operation).filter(|entry| entry.finished).count() >= count).await;
    }

    /// Returns when the journal meets a condition; it is asked again after every arrival and every answer.
    pub async fn wait_until(&self, condition: impl Fn(&Journal) -> bool) {
        self.store.wait_until(condition).await;
    }

    /// Makes the next transition, due or not. False when none is planned.
    pub fn advance(&self) -> bool {
        self.store.lock().advance()
    }

    /// Makes every planned transition and gives their number.
    pub fn advance_all(&self) -> usize {
        let mut state = self.store.lock();
        let mut made = 0;
        while state.advance() {
            made += 1;
        }
        made
    }

    /// Lets simulated time pass at once: jobs end and expire, tokens run out. The cloud's clock, against which
    /// signatures are checked, stays.
    pub fn skip_time(&self, duration: Duration) {
        self.store.lock().clock.skip(duration);
    }

    /// Puts a fault rule in force, after those there are.
    pub fn add_fault(&self, rule: FaultRule) {
        self.store.lock().faults.add(rule);
    }

    /// Removes every fault rule.
    pub fn clear_faults(&self) {
        self.store.lock().faults.clear();
    }

    /// How often each rule matched and fired.
    pub fn fault_counts(&self) -> Vec<FaultCount> {
        self.store.lock().faults.counts()
    }

    /// Looks at the world.
    pub fn world<T>(&self, look: impl FnOnce(&World) -> T) -> T {
        look(&self.store.lock().world)
    }

    /// Changes the world behind every client's back.
    pub fn edit<T>(&self, change: impl FnOnce(&mut World) -> T) -> T {
        change(&mut self.store.lock().world)
    }

    /// Huawei Cloud's jobs and operations, oldest first, the expired ones too.
    pub fn jobs(&self) -> Vec<Job> {
        self.store.lock().huaweicloud.jobs.clone()
    }

    /// Samsung Cloud Platform's operations, oldest first.
    pub fn operations(&self) -> Vec<Operation> {
        self.store.lock().samsungcloud.operations.clone()
    }

    /// Changes switches of Samsung Cloud Platform.
    pub fn set_samsungcloud_switches(&self, change: impl FnOnce(&mut samsungcloud::Switches)) {
        change(&mut self.store.lock().config.samsungcloud.switches);
    }

    /// Changes switches of Huawei Cloud.
    pub fn set_switches(&self, change: impl FnOnce(&mut Switches)) {
        change(&mut self.store.lock().config.huaweicloud.switches);
    }

    /// Changes any other setting; addresses, the seed, the world and the first faults are past changing.
    pub fn set_config(&self, change: impl FnOnce(&mut Config)) {
        let mut state = self.store.lock();
        change(&mut state.config);
        let offset = state.config.clock_offset;
        state.clock.set_offset(offset);
    }

    /// Changes who finishes what was started. What manual mode held back is done at once in automatic mode.
    pub fn set_mode(&self, mode: TransitionMode) {
        self.store.lock().config.mode = mode;
    }

    /// Changes how much later than the job the lists agree with it, for jobs from now on.
    pub fn set_settle_lag(&self, lag: Duration) {
        self.store.lock().config.settle_lag = lag;
    }

    /// Changes by how many seconds the cloud's clock is ahead of this machine's.
    pub fn set_clock_offset(&self, seconds: i64) {
        self.set_config(|config| config.clock_offset = seconds);
    }
}

/// What a listener is for.
#[derive(Debug, Clone, Copy)]
enum Door {
    /// One service, or those that have no listener of their own.
    Huaweicloud { only: Option<&'static str> },
    /// A region by its place in the configuration.
    Samsungcloud { region: usize },
}

impl Door {
    fn cloud(self) -> Cloud {
        match self {
            Self::Huaweicloud { .. } => Cloud::Huaweicloud,
            Self::Samsungcloud { .. } => Cloud::Samsungcloud,
        }
    }
}

/// Binds a region of Samsung Cloud Platform: the first where it is configured, the others on the next ports.
async fn bind_region(mut address: SocketAddr, region: usize) -> io::Result<TcpListener> {
    if address.port() != 0 {
        let port = u16::try_from(region).ok().and_then(|region| address.port().checked_add(region));
        address.set_port(port.ok_or(io::ErrorKind::AddrNotAvailable)?);
    }
    TcpListener::bind(address).await
}

/// Accepts connections until the simulator is dropped.
async fn serve(listener: TcpListener, door: Door, store: Arc<Store>, stop: CancellationToken) {
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = stop.cancelled() => return,
        };
        // A failed accept is one connection's trouble, but without a pause it would spin when descriptors run out.
        let Ok((stream, peer)) = accepted else {
            tokio::time::sleep(Duration::from_millis(10)).await;
            continue;
        };
        let (store, stop) = (Arc::clone(&store), stop.clone());
        tokio::spawn(async move {
            tokio::select! {
                () = converse(stream, peer, door, &store) => {}
                () = stop.cancelled() => {}
            }
        });
    }
}

/// Why a connection is cut.
#[derive(Debug, thiserror::Error)]
enum Cut {
    #[error("reset by a fault rule")]
    Reset,
    #[error("truncated by a fault rule")]
    Truncated,
    #[error("the request could not be read: {0}")]
    Unreadable(String),
    #[error("the request is too large")]
    TooLarge,
}

/// Serves one connection to its end.
async fn converse(stream: TcpStream, peer: SocketAddr, door: Door, store: &Arc<Store>) {
    // Small replies must not wait for acknowledgements: it would show in every benchmark.
    let _ = stream.set_nodelay(true);
    let service = service_fn(|request| Box::pin(exchange(request, peer, door, store)));
    let mut connection = hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service);
    // Without hyper's own shutdown, so that a reset can be a real one.
    let result = std::future::poll_fn(|context| connection.poll_without_shutdown(context)).await;
    let mut stream = connection.into_parts().io.into_inner();
    let cut = result.as_ref().err().and_then(|error| error.source()?.downcast_ref::<Cut>());
    if matches!(cut, Some(Cut::Reset)) {
        let _ = stream.set_zero_linger();
    } else {
        let _ = stream.shutdown().await;
    }
}

type Body = BoxBody<Bytes, Cut>;

async fn exchange(
    request: http::Request<Incoming>,
    peer: SocketAddr,
    door: Door,
    store: &Store,
) -> Result<Response<Body>, Cut> {
    let path = request.uri().path().to_owned();
    let request = match read(request).await {
        Err(Cut::TooLarge) => {
            return Ok(whole(match door {
                Door::Huaweicloud { .. } => huaweicloud::too_large(&mut store.lock()),
                Door::Samsungcloud { .. } => samsungcloud::too_large(&mut store.lock(), &path),
            }));
        }
        read => read?,
    };
    if request.path.starts_with("/_simulator/") {
        return Ok(whole(control::answer(store, &request, peer)));
    }
    let (sequence, target, verdict) = register(store, door, &request);
    let reply = respond(store, door, &request, &target, &verdict, sequence).await;
    match (reply, verdict.exchange) {
        (None, _) => Err(Cut::Reset),
        (Some(reply), Some(Effect::Truncate)) => Ok(cut_in_half(&reply)),
        (Some(reply), _) => Ok(whole(reply)),
    }
}

/// Reads a request to its end.
async fn read(request: http::Request<Incoming>) -> Result<Request, Cut> {
    let (parts, body) = request.into_parts();
    let body = Limited::new(body, MOST_BODY).collect().await;
    let body = body.map_err(|error| match error.downcast_ref::<LengthLimitError>() {
        Some(_) => Cut::TooLarge,
        None => Cut::Unreadable(error.to_string()),
    })?;
    let header = |(name, value): (&http::HeaderName, &http::HeaderValue)| {
        (name.as_str().to_owned(), String::from_utf8_lossy(value.as_bytes()).into_owned())
    };
    Ok(Request {
        method: parts.method.as_str().to_owned(),
        path: parts.uri.path().to_owned(),
        query: parts.uri.query().unwrap_or_default().to_owned(),
        headers: parts.headers.iter().map(header).collect(),
        body: body.to_bytes(),
    })
}

/// Writes the request into the journal and asks the fault rules about it.
fn register(store: &Store, door: Door, request: &Request) -> (u64, Target, Verdict) {
    let mut state = store.lock();
    let target = match door {
        Door::Huaweicloud { only } => huaweicloud::identify(&state.config.huaweicloud, only, request),
        Door::Samsungcloud { .. } => samsungcloud::identify(request),
    };
    let State { faults, dice, .. } = &mut *state;
    let verdict = faults.judge(request, &target, dice);
    state.requests += 1;
    let sequence = state.requests;
    let at = state.clock.now();
    state.journal.entries.push(Entry {
        sequence,
        at,
        cloud: door.cloud(),
        service: target.service.to_owned(),
        operation: target.operation.clone(),
        method: request.method.clone(),
        path: request.path.clone(),
        query: request.query.clone(),
        headers: request.headers.clone(),
        body: String::from_utf8_lossy(&request.body).into_owned(),
        status: None,
        request_id: None,
        response_body: String::new(),
        mutating: target.mutating,
        fault: verdict.label.clone(),
        finished: false,
    });
    drop(state);
    // Wakes those who wait for the arrival, not for the answer.
    store.note(sequence, |_| {});
    (sequence, target, verdict)
}

/// Lets the fault and the cloud act; no reply means that the connection is to be cut.
async fn respond(
    store: &Store,
    door: Door,
    request: &Request,
    target: &Target,
    verdict: &Verdict,
    sequence: u64,
) -> Option<Reply> {
    if let Some(Effect::Delay { time }) = &verdict.exchange {
        tokio::time::sleep(*time).await;
    }
    let reply = {
        let mut state = store.lock();
        match &verdict.exchange {
            Some(Effect::ResetBefore) => None,
            effect => {
                let act = |state: &mut State| match door {
                    Door::Huaweicloud { only } => huaweicloud::answer(state, only, request, &verdict.job),
                    Door::Samsungcloud { region } => samsungcloud::answer(state, request, region, &verdict.job),
                };
                let acted = verdict.acts.then(|| act(&mut state));
                let by_fault = effect.as_ref().and_then(|effect| match door {
                    Door::Huaweicloud { .. } => huaweicloud::fault_reply(&mut state, target, effect),
                    Door::Samsungcloud { .. } => samsungcloud::fault_reply(&mut state, request, target, effect),
                });
                let reply = by_fault.or(acted).unwrap_or_else(|| act(&mut state));
                Some(reply.with_header("Date", state.clock.http_date()))
            }
        }
    };
    let reply = match (&verdict.exchange, reply) {
        (Some(Effect::NotJson), Some(reply)) => {
            Some(Reply { body: Bytes::from_static(b"everything is fine"), ..reply })
        }
        (_, reply) => reply,
    };
    let is_lost = matches!(verdict.exchange, Some(Effect::ResetAfter));
    store.note(sequence, |entry| {
        if let Some(reply) = &reply {
            let is_id = |name: &str| name == "X-Request-Id" || name == huaweicloud::IAM_TRACE;
            let id = reply.headers.iter().find(|(name, _)| is_id(name));
            entry.status = Some(reply.status);
            entry.request_id = id.map(|(_, id)| id.clone());
            entry.response_body = String::from_utf8_lossy(&reply.body).into_owned();
        }
        entry.finished = true;
    });
    if let Some(Effect::DelayAnswer { time }) = &verdict.exchange {
        tokio::time::sleep(*time).await;
    }
    reply.filter(|_| !is_lost)
}

fn builder(reply: &Reply) -> http::response::Builder {
    let builder = Response::builder().status(reply.status);
    reply.headers.iter().fold(builder, |builder, (name, value)| builder.header(name, value))
}

fn whole(reply: Reply) -> Response<Body> {
    let response = builder(&reply);
    finish(response, Full::new(reply.body).map_err(|never: Infallible| match never {}).boxed())
}

/// Announces the whole body, sends half of it, and cuts the connection.
fn cut_in_half(reply: &Reply) -> Response<Body> {
    let response = builder(reply).header("content-length", reply.body.len());
    let half = reply.body.slice(..reply.body.len() / 2);
    let cut = async {
        // The half must be on its way before the connection ends, or there is nothing to see of it.
        tokio::time::sleep(Duration::from_millis(5)).await;
        Err(Cut::Truncated)
    };
    let frames = stream::once(async { Ok(Frame::data(half)) }).chain(stream::once(cut));
    finish(response, BodyExt::boxed(StreamBody::new(frames)))
}

/// A rule or a world may hold what no header can: then the reply is a plain 500.
fn finish(response: http::response::Builder, body: Body) -> Response<Body> {
    response.body(body).unwrap_or_else(|error| {
        let text = format!("the simulator cannot send this reply: {error}\n");
        let mut response =
            Response::new(Full::new(Bytes::from(text)).map_err(|never: Infallible| match never {}).boxed());
        *response.status_mut() = http::StatusCode::INTERNAL_SERVER_ERROR;
        response
    })
}
