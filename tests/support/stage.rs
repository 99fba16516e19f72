//! A simulated cloud and a Terraform that is pointed at it.

use std::{fmt::Write as _, time::Duration};

use cloudvolume::simulator::{Config, Effect, FaultRule, Simulator, TransitionMode, huaweicloud::Durations};

use super::{
    run::{Run, Running},
    subject::Subject,
    workspace::Workspace,
};

/// The key that the simulator accepts.
pub(crate) const ACCESS_KEY: &str = "SIMULATORACCESSKEY01";
/// Its secret half.
pub(crate) const SECRET_KEY: &str = "simulator-secret-key-0000000000000000001";
/// The region that the built-in world is in.
const REGION: &str = "cn-north-4";
/// Where nobody answers: no test may ask the metadata service of the machine that it runs on.
const NOWHERE: &str = "http://127.0.0.1:1";
/// How long the cloud's jobs take where a test does not care: long enough to be polled.
const QUICK_JOB: Duration = Duration::from_millis(100);

/// A simulated cloud, a Terraform, and the resource that they are about.
pub(crate) struct Stage {
    /// The cloud.
    pub(crate) cloud: Simulator,
    /// The CLI in its folder.
    pub(crate) terraform: Workspace,
    /// What is tested.
    pub(crate) subject: &'static Subject,
    /// General settings of the provider block. By default jobs are looked at more often than usual, to save time.
    pub(crate) settings: &'static str,
}

impl Stage {
    /// A cloud whose jobs end by themselves, soon.
    pub(crate) async fn new(subject: &'static Subject) -> Self {
        Self::with(subject, |_| ()).await
    }

    /// A cloud whose jobs run until [`Stage::finish`] or [`Simulator::advance_all`] ends them.
    pub(crate) async fn held(subject: &'static Subject) -> Self {
        Self::with(subject, |config| config.mode = TransitionMode::Manual).await
    }

    /// A cloud with settings of its own.
    pub(crate) async fn with(subject: &'static Subject, change: impl FnOnce(&mut Config)) -> Self {
        let mut config = Config::default();
        config.huaweicloud.durations = Durations::all(QUICK_JOB);
        change(&mut config);
        let cloud = Simulator::start(config).await.expect("the simulator starts");
        let settings = "poll_interval = { min = \"50ms\", max = \"200ms\" }";
        Self { cloud, terraform: Workspace::new(), subject, settings }
    }

    /// The region.
    pub(crate) const fn region(&self) -> &'static str {
        REGION
    }

    /// A provider block that leads to the simulator, with these arguments of the cloud's.
    pub(crate) fn provider(&self, arguments: &[(&str, &str)]) -> String {
        let (url, settings) = (self.cloud.huaweicloud_url(), self.settings);
        let (mut cloud, mut endpoints) = (String::new(), String::new());
        for (name, value) in arguments {
            let _ = writeln!(cloud, "    {name} = \"{value}\"");
        }
        for service in ["ecs", "evs", "iam", "modelarts"] {
            let _ = writeln!(endpoints, "      {service} = \"{url}\"");
        }
        format!(
            "provider \"cloudvolume\" {{\n  {settings}\n  huaweicloud = {{\n{cloud}    endpoints = {{\n{endpoints}      \
             metadata = \"{NOWHERE}\"\n    }}\n  }}\n}}\n"
        )
    }

    /// The usual provider block with one argument of the cloud's changed.
    pub(crate) fn provider_with(&self, argument: &str, value: &str) -> String {
        let mut arguments = [("region", REGION), ("access_key", ACCESS_KEY), ("secret_key", SECRET_KEY)];
        arguments.iter_mut().find(|(name, _)| *name == argument).expect("a usual argument").1 = value;
        self.provider(&arguments)
    }

    /// The resource `test`: the first server, the first volume, and more arguments.
    pub(crate) fn attachment(&self, more: &str) -> String {
        self.attachment_of(0, 0, more)
    }

    /// The resource `test` for another pair.
    pub(crate) fn attachment_of(&self, server: usize, volume: usize, more: &str) -> String {
        self.attachment_to(self.subject.servers[server], self.subject.volumes[volume], more)
    }

    /// The resource `test` for any pair.
    pub(crate) fn attachment_to(&self, server: &str, volume: &str, more: &str) -> String {
        let Subject { kind, .. } = self.subject;
        format!(
            "resource \"{kind}\" \"test\" {{\n  server_id = \"{server}\"\n  volume_id = \"{volume}\"\n  {more}\n}}\n"
        )
    }

    /// The resource `test` with one argument set to an expression of HCL.
    pub(crate) fn attachment_where(&self, argument: &str, expression: &str) -> String {
        let assignment = format!("{argument} = ");
        let usual = self.attachment("");
        let kept = usual.lines().filter(|line| !line.trim_start().starts_with(&assignment));
        let mut lines: Vec<_> = kept.map(str::to_owned).collect();
        lines.insert(1, format!("  {assignment}{expression}"));
        lines.join("\n")
    }

    /// All volumes on the first server, as the resource `test`.
    pub(crate) fn attachments(&self) -> String {
        let Subject { kind, servers, volumes, .. } = self.subject;
        format!(
            "resource \"{kind}\" \"test\" {{\n  for_each = toset({volumes:?})\n  server_id = \"{}\"\n  volume_id = each.value\n}}\n",
            servers[0]
        )
    }

    /// Writes the usual provider block and `resources`.
    pub(crate) fn configure(&self, resources: &str) {
        self.write(&self.provider_with("region", REGION), resources);
    }

    /// Writes a provider block and `resources`.
    pub(crate) fn write(&self, provider: &str, resources: &str) {
        self.terraform.write(&format!("{provider}\n{resources}"));
    }

    /// Waits for the end of a command and lets the cloud finish whatever it does for it, request by request.
    pub(crate) async fn finish(&self, running: Running) -> Run {
        let jobs = async {
            loop {
                let seen = self.cloud.journal().entries().len();
                self.cloud.advance_all();
                self.cloud.wait_until(|journal| journal.entries().len() > seen).await;
            }
        };
        tokio::select! {
            run = running.finish() => run,
            () = jobs => unreachable!("the loop has no end"),
        }
    }

    /// Lets the job of the next such call fail.
    pub(crate) fn fail_next(&self, call: &str, code: &str, reason: &str) {
        let effect = Effect::JobFails { code: code.to_owned(), reason: reason.to_owned() };
        self.cloud.add_fault(FaultRule::new(call, effect).times(1));
    }

    /// Whether both sides of the cloud list the pair, at rest.
    pub(crate) fn is_attached(&self, server: usize, volume: usize) -> bool {
        let Subject { hands, servers, volumes, .. } = self.subject;
        self.cloud.world(|world| (hands.is_attached)(world, servers[server], volumes[volume]))
    }

    /// Somebody else attaches a volume.
    pub(crate) fn attach_behind_our_back(&self, server: usize, volume: usize) {
        let Subject { hands, servers, volumes, .. } = self.subject;
        self.cloud.edit(|world| (hands.attach)(world, servers[server], volumes[volume]));
    }

    /// Somebody else detaches a volume.
    pub(crate) fn detach_behind_our_back(&self, server: usize, volume: usize) {
        let Subject { hands, servers, volumes, .. } = self.subject;
        self.cloud.edit(|world| (hands.detach)(world, servers[server], volumes[volume]));
    }

    /// Somebody else deletes a server.
    pub(crate) fn delete_server(&self, server: usize) {
        self.cloud.edit(|world| (self.subject.hands.delete_server)(world, self.subject.servers[server]));
    }

    /// Somebody else deletes a volume.
    pub(crate) fn delete_volume(&self, volume: usize) {
        self.cloud.edit(|world| (self.subject.hands.delete_volume)(world, self.subject.volumes[volume]));
    }

    /// The cloud gives an attached volume another device name.
    pub(crate) fn rename_device(&self, server: usize, volume: usize, device: &str) {
        let Subject { hands, servers, volumes, .. } = self.subject;
        self.cloud.edit(|world| (hands.rename_device)(world, servers[server], volumes[volume], device));
    }

    /// The mutating calls that the cloud got, in order.
    pub(crate) fn mutations(&self) -> Vec<String> {
        self.cloud.journal().mutations().into_iter().map(|entry| entry.operation.clone()).collect()
    }
}
