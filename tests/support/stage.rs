//! A simulated cloud and a Terraform that is pointed at it.

use std::time::Duration;

use cloudvolume::simulator::{
    Config, Effect, FaultRule, Journal, Simulator, TransitionMode, huaweicloud, samsungcloud,
};

use super::{
    run::{Run, Running},
    subject::Subject,
    workspace::Workspace,
};

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
        config.huaweicloud.durations = huaweicloud::Durations::all(QUICK_JOB);
        config.samsungcloud.durations = samsungcloud::Durations::all(QUICK_JOB);
        change(&mut config);
        let cloud = Simulator::start(config).await.expect("the simulator starts");
        let settings = "poll_interval = { min = \"50ms\", max = \"200ms\" }";
        Self { cloud, terraform: Workspace::new(), subject, settings }
    }

    /// The region.
    pub(crate) const fn region(&self) -> &'static str {
        self.subject.account.region()
    }

    /// A provider block that leads to the simulator, with these arguments of the cloud's.
    pub(crate) fn provider(&self, arguments: &[(&str, &str)]) -> String {
        self.provider_of(&self.subject.account.block(&self.cloud, arguments))
    }

    /// A provider block with these parts of clouds.
    pub(crate) fn provider_of(&self, clouds: &str) -> String {
        format!("provider \"cloudvolume\" {{\n  {}\n{clouds}}}\n", self.settings)
    }

    /// The usual provider block with one argument of the cloud's changed.
    pub(crate) fn provider_with(&self, argument: &str, value: &str) -> String {
        let mut arguments = self.subject.account.arguments;
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
        self.write(&self.provider(&self.subject.account.arguments), resources);
    }

    /// Writes the usual provider block and `resources` for another Terraform.
    pub(crate) fn write_to(&self, terraform: &Workspace, resources: &str) {
        terraform.write(&format!("{}\n{resources}", self.provider_with("region", self.region())));
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

    /// Waits until the journal meets a condition, which is to happen while the command runs.
    ///
    /// # Panics
    /// When the command ends without that, or goes on for longer than any command may.
    pub(crate) async fn until(&self, running: &mut Running, condition: impl Fn(&Journal) -> bool) {
        if let Err(how) = running.until(self.cloud.wait_until(condition)).await {
            panic!("what was waited for did not happen: {how}\n{:#?}", self.cloud.journal().entries());
        }
    }

    /// Waits until the cloud is through with so many requests for an operation.
    pub(crate) async fn until_answered(&self, running: &mut Running, operation: &str, count: usize) {
        let answered = |journal: &Journal| journal.of(operation).filter(|entry| entry.finished).count() >= count;
        self.until(running, answered).await;
    }

    /// Waits until the cloud works on the latest `call`, and the provider looks on.
    pub(crate) async fn until_under_way(&self, running: &mut Running, call: &str) {
        let progress = self.subject.calls.progress;
        let looked_at = |journal: &Journal| {
            let sent = journal.of(call).last().filter(|entry| entry.finished).map(|entry| entry.sequence);
            sent.is_some_and(|sent| journal.of(progress).any(|entry| entry.finished && entry.sequence > sent))
        };
        self.until(running, looked_at).await;
    }

    /// What a practitioner is told of a failure that [`Stage::fail_next`] brought about: a job has a reason, and where there
    /// are no jobs only its effect is seen.
    pub(crate) fn told<'a>(&self, code: &'a str, reason: &'a str, effect: &'a str) -> Vec<&'a str> {
        if self.subject.has_jobs { vec![code, reason] } else { vec![effect] }
    }

    /// Lets the job of the next such call fail.
    pub(crate) fn fail_next(&self, call: &str, code: &str, reason: &str) {
        let effect = Effect::JobFails { code: code.to_owned(), reason: reason.to_owned() };
        self.cloud.add_fault(FaultRule::new(call, effect).times(1));
    }

    /// Asserts that every fault rule met a request: a test that goes well without its faults shows nothing.
    #[track_caller]
    pub(crate) fn every_fault_fired(&self) {
        let counts = self.cloud.fault_counts();
        assert!(counts.iter().all(|count| count.fired > 0), "{counts:?}");
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

    /// What the cloud was asked, but for where it is and which versions it has: the provider may ask that of itself.
    pub(crate) fn asked(&self) -> Vec<String> {
        let journal = self.cloud.journal();
        let about_itself = ["ListEndpoints", "ListVersions"];
        journal.operations().into_iter().filter(|name| !about_itself.contains(name)).map(str::to_owned).collect()
    }

    /// The mutating calls that the cloud got, in order.
    pub(crate) fn mutations(&self) -> Vec<String> {
        self.cloud.journal().mutations().into_iter().map(|entry| entry.operation.clone()).collect()
    }
}
