//! ECS and EVS as one HTTP service without sockets, on tokio's clock, for tests with time paused: servers that do one thing at
//! a time, volumes that are in one change at a time, jobs, lists that lag, and bad luck. It notes what must never be asked.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    sync::{
        Arc, Mutex, MutexGuard,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use bytes::Bytes;
use http::Method;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use crate::transport::{Request, Service, ServiceError};

/// How long a job takes.
pub(super) const JOB: Duration = Duration::from_secs(3);
/// How long a request is on its way, there and back.
const LATENCY: Duration = Duration::from_millis(10);

/// A server and a volume, by number.
pub(super) type Id = (usize, usize);

/// What becomes of one mutating call.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Luck {
    /// It is accepted and its job succeeds.
    Good,
    /// It is accepted, and its job fails for one of its members.
    Fails(usize),
    /// It never arrives, and no answer comes.
    LostBefore,
    /// It is accepted, and the answer is lost.
    LostAfter,
    /// The server is said to be busy.
    Busy,
    /// A batch is refused as such; a single call is not.
    NoBatch,
    /// The cloud knows no batches; single calls it does.
    NoRoute,
}

/// What somebody else does at some time.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Outside {
    /// Detaches a pair at once.
    Detach(Id),
    /// Attaches a pair at once.
    Attach(Id),
    /// Keeps a server busy for ten seconds.
    Occupy(usize),
}

/// How far one side's record of a pair is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Phase {
    Attaching,
    Attached,
    Detaching,
}

/// What exists, and what was asked.
#[derive(Debug)]
pub(super) struct World {
    /// Volumes below this number are shared.
    pub(super) shared: usize,
    /// How much later than the job EVS agrees with it.
    pub(super) lag: Duration,
    /// Whether a batch that failed for one names its parts.
    pub(super) sub_jobs: bool,
    pub(super) luck: VecDeque<Luck>,
    pub(super) outside: VecDeque<(Duration, Outside)>,
    /// The pairs that may be attached or detached by us now, and which of the two.
    pub(super) wanted: BTreeSet<(Id, bool)>,
    /// What was asked and must never be.
    pub(super) wrong: Vec<String>,
    /// How many servers each mutating call named.
    pub(super) calls: Vec<usize>,
    /// When the first of them came.
    pub(super) called_at: Option<Duration>,
    /// Each side's records.
    ecs: BTreeMap<Id, Phase>,
    evs: BTreeMap<Id, Phase>,
    occupied: BTreeMap<usize, Instant>,
    jobs: Vec<Job>,
    began: Instant,
    /// A server that takes this long for every request which names it in its path.
    pub(super) slow: Option<(usize, Duration)>,
    /// Whether nobody else has done anything yet.
    pub(super) undisturbed: bool,
}

#[derive(Debug)]
struct Job {
    attaches: bool,
    /// Each member and why it fails, if it does.
    parts: Vec<(Id, Option<&'static str>)>,
    ends: Instant,
    /// Whether the one who asked for it knows of it and follows it.
    followed: bool,
    steps: u8,
}

/// The service, as one process reaches it.
#[derive(Clone, Debug)]
pub(super) struct FakeCloud {
    world: Arc<Mutex<World>>,
    /// Set once the process that asks is killed: what is on its way then is lost, both ways.
    killed: Arc<AtomicBool>,
}

impl FakeCloud {
    /// A cloud where these pairs are attached.
    pub(super) fn new(shared: usize, attached: &[Id]) -> Self {
        let records: BTreeMap<Id, Phase> = attached.iter().map(|id| (*id, Phase::Attached)).collect();
        let world = World {
            shared,
            lag: Duration::ZERO,
            sub_jobs: true,
            luck: VecDeque::new(),
            outside: VecDeque::new(),
            wanted: BTreeSet::new(),
            wrong: Vec::new(),
            calls: Vec::new(),
            called_at: None,
            ecs: records.clone(),
            evs: records,
            occupied: BTreeMap::new(),
            jobs: Vec::new(),
            began: Instant::now(),
            slow: None,
            undisturbed: true,
        };
        Self { world: Arc::new(Mutex::new(world)), killed: Arc::default() }
    }

    /// The same cloud for another process.
    pub(super) fn for_process(&self) -> Self {
        Self { world: Arc::clone(&self.world), killed: Arc::default() }
    }

    /// `kill -9` of this process.
    pub(super) fn kill(&self) {
        self.killed.store(true, Ordering::SeqCst);
    }

    async fn unless_killed(&self) {
        if self.killed.load(Ordering::SeqCst) {
            std::future::pending::<()>().await;
        }
    }

    /// The world as it is now.
    pub(super) fn world(&self) -> MutexGuard<'_, World> {
        let mut world = self.world.lock().unwrap();
        world.catch_up();
        world
    }

    /// The process that followed the jobs is gone.
    pub(super) fn nobody_follows(&self) {
        self.world().jobs.iter_mut().for_each(|job| job.followed = false);
    }
}

#[async_trait]
impl Service for FakeCloud {
    async fn call(&self, request: Request) -> Result<http::Response<Bytes>, ServiceError> {
        let slow = self.world().slow.filter(|(server, _)| request.url.path().contains(&id(*server)));
        let latency = slow.map_or(LATENCY, |(_, latency)| latency);
        sleep(latency / 2).await;
        self.unless_killed().await;
        let answer = self.world().answer(&request);
        sleep(latency / 2).await;
        self.unless_killed().await;
        let (status, body) = answer.ok_or_else(|| ServiceError::Interrupted("reset".to_owned()))?;
        Ok(http::Response::builder().status(status).body(Bytes::from(body.to_string())).unwrap())
    }
}

/// A status and a body; none when the answer is lost.
type Answer = Option<(u16, Value)>;

fn error(status: u16, code: &str) -> (u16, Value) {
    (status, json!({"error": {"code": code, "message": "no"}}))
}

impl World {
    /// Whether both sides record the pair, the server's at rest, or neither records it.
    pub(super) fn is(&self, id: Id, attached: bool) -> bool {
        self.ecs.get(&id) == attached.then_some(&Phase::Attached) && self.evs.contains_key(&id) == attached
    }

    /// Every pair that any side records.
    pub(super) fn pairs(&self) -> BTreeSet<Id> {
        self.ecs.keys().chain(self.evs.keys()).copied().collect()
    }

    fn catch_up(&mut self) {
        let now = Instant::now();
        for job in &mut self.jobs {
            for (step, records, at) in [(0, &mut self.ecs, job.ends), (1, &mut self.evs, job.ends + self.lag)] {
                if job.steps != step || at > now {
                    continue;
                }
                job.steps += 1;
                for (id, _) in job.parts.iter().filter(|(_, failure)| !refused(*failure)) {
                    let failed = job.parts.iter().any(|(other, failure)| other == id && failure.is_some());
                    if job.attaches != failed {
                        records.insert(*id, Phase::Attached)
                    } else {
                        records.remove(id)
                    };
                }
            }
        }
        while let Some((_, outside)) = self.outside.pop_front_if(|(at, _)| self.began + *at <= now) {
            self.undisturbed = false;
            self.happen(outside);
        }
    }

    fn happen(&mut self, outside: Outside) {
        let at_rest =
            |world: &Self, (server, volume): Id| !world.is_busy(server) && world.status(volume).ends_with('e');
        match outside {
            Outside::Detach(id) if at_rest(self, id) => {
                self.ecs.remove(&id);
                self.evs.remove(&id);
            }
            Outside::Attach(id) if at_rest(self, id) && self.is_free_for(id) => {
                self.ecs.insert(id, Phase::Attached);
                self.evs.insert(id, Phase::Attached);
            }
            Outside::Occupy(server) => {
                self.occupied.insert(server, Instant::now() + Duration::from_secs(10));
            }
            Outside::Detach(_) | Outside::Attach(_) => {}
        }
    }

    fn is_busy(&self, server: usize) -> bool {
        let now = Instant::now();
        let works = |job: &Job| job.ends > now && job.has(server);
        self.jobs.iter().any(works) || self.occupied.get(&server).is_some_and(|until| *until > now)
    }

    fn is_free_for(&self, (_, volume): Id) -> bool {
        volume < self.shared || !self.pairs().iter().any(|(_, other)| *other == volume)
    }

    fn status(&self, volume: usize) -> &'static str {
        let any = |phase| self.evs.iter().any(|((_, of), is)| *of == volume && *is == phase);
        match () {
            () if any(Phase::Attaching) => "attaching",
            () if any(Phase::Detaching) => "detaching",
            () if any(Phase::Attached) => "in-use",
            () => "available",
        }
    }

    fn answer(&mut self, request: &Request) -> Answer {
        let path: Vec<&str> = request.url.path().trim_start_matches('/').split('/').collect();
        let body: Value = serde_json::from_slice(&request.body).unwrap_or_default();
        match (&request.method, path.as_slice()) {
            (&Method::GET, ["v1", _, "cloudservers", _]) => Some((
                200,
                json!({"server": {
                    "id": path[3], "status": "ACTIVE", "OS-EXT-AZ:availability_zone": "a",
                }}),
            )),
            (&Method::GET, ["v1", _, "cloudservers", server, "block_device"]) => {
                Some((200, self.disks(number(server))))
            }
            (&Method::GET, ["v2", _, "cloudvolumes", "detail"]) => {
                let filter = request.url.query_pairs().find(|(name, _)| name == "server_id");
                Some((200, self.volumes_of(number(&filter.unwrap().1))))
            }
            (&Method::GET, ["v2", _, "cloudvolumes", volume]) => {
                Some((200, json!({"volume": self.volume(number(volume))})))
            }
            (&Method::GET, ["v1", _, "jobs", job]) => Some(self.job(number(job))),
            (&Method::POST, ["v1", _, "cloudservers", server, "attachvolume"]) => {
                let volume = number(body["volumeAttachment"]["volumeId"].as_str().unwrap());
                self.mutate(true, &[(number(server), volume)], false)
            }
            (&Method::DELETE, ["v1", _, "cloudservers", server, "detachvolume", volume]) => {
                self.mutate(false, &[(number(server), number(volume))], false)
            }
            (&Method::POST, ["v1", _, "batchaction", what, volume]) => {
                let attaches = *what == "attachvolumes";
                let server = |member: &Value| number(member["server_id"].as_str().or(member.as_str()).unwrap());
                let members = body["serverinfo"].as_array().unwrap();
                let pairs: Vec<Id> = members.iter().map(|member| (server(member), number(volume))).collect();
                self.mutate(attaches, &pairs, true)
            }
            _ => panic!("no such call: {} {}", request.method, request.url),
        }
    }

    fn disks(&self, server: usize) -> Value {
        let own = self.ecs.iter().filter(|((of, _), _)| *of == server);
        let disks: Vec<Value> = own
            .map(|((_, volume), phase)| {
                let address = if *phase == Phase::Attaching { "" } else { "0000:02:02.0" };
                json!({"id": id(*volume), "volumeId": id(*volume), "serverId": id(server), "device": "/dev/vdb",
                    "bootIndex": 1, "bus": "virtio", "pciAddress": address, "size": 10})
            })
            .collect();
        json!({"attachableQuantity": {"free_scsi": 9, "free_blk": 9, "free_disk": 9}, "volumeAttachments": disks})
    }

    fn volume(&self, volume: usize) -> Value {
        let attachments: Vec<Value> = self
            .evs
            .keys()
            .filter(|(_, of)| *of == volume)
            .map(|(server, _)| {
                json!({"id": id(volume), "volume_id": id(volume), "server_id": id(*server), "device": "/dev/vdb",
                    "attachment_id": id(100 + server), "attached_at": "2026-01-02T03:04:05.000000"})
            })
            .collect();
        json!({"id": id(volume), "status": self.status(volume), "multiattach": volume < self.shared,
            "availability_zone": "a", "bootable": "false", "size": 10, "attachments": attachments})
    }

    /// The volumes that list a server.
    fn volumes_of(&self, server: usize) -> Value {
        let listing = self.evs.keys().filter(|(of, _)| *of == server);
        let volumes: Vec<Value> = listing.map(|(_, volume)| self.volume(*volume)).collect();
        json!({"count": volumes.len(), "volumes": volumes})
    }

    fn job(&self, number: usize) -> (u16, Value) {
        let Some(job) = self.jobs.get(number) else { return error(400, "Common.0011") };
        let ended = job.ends <= Instant::now();
        let status = |failure: Option<&str>| match failure {
            _ if !ended => "RUNNING",
            Some(_) => "FAIL",
            None => "SUCCESS",
        };
        let whole = job.parts.iter().find_map(|(_, failure)| *failure);
        let mut entities = json!({});
        if let [((server, _), _)] = job.parts.as_slice() {
            entities = json!({"server_id": id(*server)});
        } else if self.sub_jobs || whole.is_none() {
            let part = |((server, _), failure): &(Id, Option<&'static str>)| {
                json!({"status": status(*failure), "error_code": failure, "fail_reason": failure,
                    "entities": {"server_id": id(*server)}})
            };
            entities = json!({"sub_jobs_total": job.parts.len(),
                "sub_jobs": job.parts.iter().map(part).collect::<Vec<_>>()});
        }
        let code = whole.filter(|_| ended);
        let code = if job.parts.len() > 1 { code.map(|_| "Common.0021") } else { code };
        (
            200,
            json!({"job_id": format!("{number}"), "status": status(whole), "error_code": code, "fail_reason": code,
            "entities": entities}),
        )
    }

    fn mutate(&mut self, attaches: bool, pairs: &[Id], batch: bool) -> Answer {
        let luck = self.luck.pop_front().unwrap_or(Luck::Good);
        if luck == Luck::LostBefore {
            return None;
        }
        self.calls.push(pairs.len());
        self.called_at.get_or_insert_with(|| self.began.elapsed());
        for (server, volume) in pairs {
            if !self.wanted.contains(&((*server, *volume), attaches)) {
                self.wrong.push(format!("nobody wants {server}/{volume} attached: {attaches}"));
            }
            let now = Instant::now();
            if self.jobs.iter().any(|job| job.ends > now && job.followed && job.has(*server)) {
                self.wrong.push(format!("server {server} was at work for us already"));
            }
        }
        match luck {
            Luck::Busy => return Some(error(501, "Ecs.0603")),
            Luck::NoBatch if batch => return Some(error(400, "Ecs.0005")),
            Luck::NoRoute if batch => {
                return Some((404, json!({"error_code": "APIGW.0101", "error_msg": "no", "request_id": "r"})));
            }
            _ => {}
        }
        let volume = pairs[0].1;
        if matches!(self.status(volume), "attaching" | "detaching") {
            return Some(error(400, "Ecs.0103"));
        }
        let unlucky = if let Luck::Fails(member) = luck { Some(member % pairs.len()) } else { None };
        let mut parts = Vec::new();
        for (n, id) in pairs.iter().enumerate() {
            let refusal = self.refusal(attaches, *id);
            match refusal {
                Some(code) if !batch => return Some(error(400, code)),
                Some(_) => parts.push((*id, refusal)),
                None => parts.push((*id, (unlucky == Some(n)).then_some("Ecs.0206"))),
            }
        }
        let phase = if attaches { Phase::Attaching } else { Phase::Detaching };
        for (id, _) in parts.iter().filter(|(_, failure)| !refused(*failure)) {
            self.ecs.insert(*id, phase);
            self.evs.insert(*id, phase);
        }
        let followed = luck != Luck::LostAfter;
        self.jobs.push(Job { attaches, parts, ends: Instant::now() + JOB, followed, steps: 0 });
        followed.then(|| (200, json!({"job_id": format!("{}", self.jobs.len() - 1)})))
    }

    /// Why a pair is not taken on.
    fn refusal(&mut self, attaches: bool, id: Id) -> Option<&'static str> {
        if self.is_busy(id.0) {
            return Some("Ecs.0100");
        }
        let code = match (attaches, self.ecs.contains_key(&id)) {
            (true, true) => "Ecs.0057",
            (false, false) => "Ecs.0111",
            (true, false) if !self.is_free_for(id) => return Some("Ecs.0103"),
            _ => return None,
        };
        if self.undisturbed {
            self.wrong.push(format!("{id:?} was asked for again although it had taken: {code}"));
        }
        Some(code)
    }
}

impl Job {
    fn has(&self, server: usize) -> bool {
        self.parts.iter().any(|((of, _), failure)| *of == server && !refused(*failure))
    }
}

/// Whether a part was not begun at all.
fn refused(failure: Option<&str>) -> bool {
    failure.is_some_and(|code| code != "Ecs.0206")
}

/// A UUID that ends in a number.
pub(super) fn id(number: usize) -> String {
    format!("00000000-0000-4000-8000-{number:012}")
}

fn number(id: &str) -> usize {
    id.rsplit('-').next().and_then(|digits| digits.parse().ok()).unwrap_or(usize::MAX)
}
