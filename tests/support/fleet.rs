//! One shared volume and many servers for it: the resource `test[n]` is the volume on the n-th server, counted from 0.

use std::time::Duration;

use cloudvolume::simulator::{
    Config, Effect, FaultRule, TransitionMode, World,
    huaweicloud::{
        self,
        built_in::{server_id, shared_volume_id},
    },
};
use serde_json::Value;

use super::{
    run::{Run, Running},
    stage::Stage,
    subject::HUAWEICLOUD_ECS,
};

/// The cloud, the CLI, and a configuration that attaches the volume to every server.
pub(crate) struct Fleet {
    /// The stage that they stand on.
    pub(crate) stage: Stage,
    servers: usize,
}

impl Fleet {
    /// A cloud whose jobs end by themselves, soon.
    pub(crate) async fn new(servers: usize) -> Self {
        Self::with(servers, |_| ()).await
    }

    /// A cloud whose jobs are ended by [`Fleet::finish`] or by the test.
    pub(crate) async fn held(servers: usize) -> Self {
        Self::with(servers, |config| config.mode = TransitionMode::Manual).await
    }

    /// A cloud with settings of its own.
    pub(crate) async fn with(servers: usize, change: impl FnOnce(&mut Config)) -> Self {
        let mut world = World::built_in();
        world.huaweicloud = huaweicloud::World::fleet(servers, 4, 1);
        let stage = Stage::with(&HUAWEICLOUD_ECS, |config| {
            config.world = Some(world);
            change(config);
        });
        let fleet = Self { stage: stage.await, servers };
        fleet.configure("");
        fleet
    }

    /// The same cloud, in which looking at a volume takes a while. A batch waits for all that have begun to look, so that
    /// those that come late on a busy machine still find it open.
    pub(crate) fn with_slow_looks(self) -> Self {
        let slow = Effect::Delay { time: Duration::from_millis(400) };
        self.stage.cloud.add_fault(FaultRule::new("ShowVolume", slow));
        self
    }

    /// The volume on every server, with more arguments.
    pub(crate) fn configure(&self, more: &str) {
        self.stage.configure(&self.attachments(more));
    }

    /// The same as text, to go with other resources.
    pub(crate) fn attachments(&self, more: &str) -> String {
        format!(
            "resource \"{}\" \"test\" {{\n  count = {}\n  server_id = format(\"5e000000-0000-4000-8000-%012d\", count.index + 1)\n  \
             volume_id = \"{}\"\n  {more}\n}}\n",
            self.stage.subject.kind,
            self.servers,
            shared_volume_id(1)
        )
    }

    /// `terraform apply` of all servers at the same time.
    pub(crate) async fn apply(&self) -> Run {
        self.start("apply", self.servers).finish().await
    }

    /// `terraform destroy` of all servers at the same time.
    pub(crate) async fn destroy(&self) -> Run {
        self.start("destroy", self.servers).finish().await
    }

    /// `terraform apply` or `destroy` with this `-parallelism`.
    pub(crate) fn start(&self, command: &str, parallelism: usize) -> Running {
        let parallelism = format!("-parallelism={parallelism}");
        self.stage.terraform.start(&[command, "-no-color", "-input=false", "-auto-approve", &parallelism])
    }

    /// Attaches the volume to every server and lets the cloud finish that.
    pub(crate) async fn attached(self) -> Self {
        self.stage.finish(self.start("apply", self.servers)).await.succeeds();
        assert_eq!(self.on_servers(), self.all());
        self
    }

    /// The servers, counted from 1 as their ids are.
    pub(crate) fn all(&self) -> Vec<usize> {
        (1..=self.servers).collect()
    }

    /// The servers but one.
    pub(crate) fn all_but(&self, server: usize) -> Vec<usize> {
        self.all().into_iter().filter(|other| *other != server).collect()
    }

    /// The servers that the volume is on, at rest.
    pub(crate) fn on_servers(&self) -> Vec<usize> {
        let on = |world: &World, server| world.huaweicloud.is_attached(&server_id(server), &shared_volume_id(1));
        self.stage.cloud.world(|world| self.all().into_iter().filter(|server| on(world, *server)).collect())
    }

    /// The servers whose attachments are in the state.
    pub(crate) fn in_state(&self) -> Vec<usize> {
        let state = self.stage.terraform.state();
        let ids: Vec<Value> = state.instances().map(|instance| instance.attributes["server_id"].clone()).collect();
        self.all().into_iter().filter(|server| ids.contains(&Value::from(server_id(*server)))).collect()
    }

    /// How many servers each batch call named, in order.
    pub(crate) fn batch_sizes(&self, operation: &str) -> Vec<usize> {
        let size = |body: &str| {
            let body: Value = serde_json::from_str(body).expect("a body in JSON");
            body["serverinfo"].as_array().expect("a list of servers").len()
        };
        self.stage.cloud.journal().of(operation).map(|entry| size(&entry.body)).collect()
    }

    /// Asserts that the cloud worked on each pair once for each of its attaches and detaches, however it was told to.
    #[track_caller]
    pub(crate) fn worked_once_on_each(&self, operations: usize) {
        self.worked_once_on_each_of(&self.all(), operations);
    }

    /// The same for these servers.
    #[track_caller]
    pub(crate) fn worked_once_on_each_of(&self, servers: &[usize], operations: usize) {
        for server in servers {
            let jobs = self.stage.cloud.jobs();
            let mut parts = jobs.iter().flat_map(|job| &job.parts).filter(|part| part.server_id == server_id(*server));
            let worked = parts.by_ref().filter(|part| !part.refused).count();
            assert_eq!(worked, operations, "server {server}: {:?}", self.stage.mutations());
        }
    }
}
