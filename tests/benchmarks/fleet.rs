//! Figures of many: a shared volume on sixteen servers, a hundred attachments, a refresh of five hundred.

use std::collections::{HashMap, VecDeque};

use cloudvolume::simulator::{
    Config, Entry, World,
    huaweicloud::{
        self, Durations,
        built_in::{server_id, volume_id},
    },
};

use crate::{
    JOB,
    figures::{seconds, started},
    row,
    support::{fleet::Fleet, run::Run, stage::Stage, subject::HUAWEICLOUD_ECS},
};

/// As many servers as may share a volume.
const SHARING: usize = 16;

/// One shared volume on sixteen servers: one call and one job each way.
pub(crate) async fn shared_volume() {
    let fleet = Fleet::with(SHARING, jobs_of_three_seconds).await;
    for (command, verb) in [("apply", "attached to"), ("destroy", "detached from")] {
        fleet.stage.cloud.clear_journal();
        let run = fleet.start(command, SHARING).finish().await.succeeds();
        let what = format!("a shared volume {verb} {SHARING} servers, -parallelism=16");
        row(&what, &format!("{} ({} calls to change)", seconds(run.took), fleet.stage.cloud.mutations()), "under 4 s");
    }
}

/// A hundred volumes, five for each of twenty servers that do one operation at a time.
pub(crate) async fn a_hundred() {
    let (servers, volumes) = (20, 100);
    let fleet = Volumes::new(servers, volumes).await;
    let aim = JOB * 5 + JOB * 5 * 15 / 100;
    for parallelism in [50, 100] {
        for (command, verb) in [("apply", "attached to"), ("destroy", "detached from")] {
            fleet.stage.cloud.clear_journal();
            let run = fleet.run(command, parallelism).await;
            let what = format!("{volumes} volumes {verb} {servers} servers, -parallelism={parallelism}");
            row(&what, &seconds(run.took), &format!("under {}", seconds(aim)));
            // Terraform hands out its slots in an order of its own, which may leave a server without work for a while.
            let order = started(&run.stdout).map(|index| index % servers);
            let jobs = jobs_in_a_row(order, parallelism);
            let beyond = run.took.saturating_sub(JOB * jobs);
            let what = "  beyond the jobs that Terraform's order has in a row";
            row(
                what,
                &format!("{} ({jobs} jobs)", seconds(beyond)),
                &format!("under {}", seconds(JOB * jobs * 15 / 100)),
            );
            let polls = fleet.stage.cloud.count("ShowJob") as f64 / volumes as f64;
            row("  polls of each job", &format!("{polls:.1}"), "");
        }
    }
}

/// The least number of jobs in a row that any provider needs when Terraform asks for one job on each of these servers in
/// this order, `slots` of them at a time, and every server does one at a time.
fn jobs_in_a_row(order: impl Iterator<Item = usize>, slots: usize) -> u32 {
    let mut waiting: VecDeque<usize> = order.collect();
    let mut begun: HashMap<usize, usize> = HashMap::new();
    let mut rounds = 0;
    loop {
        let free = slots - begun.values().sum::<usize>();
        for server in waiting.drain(..free.min(waiting.len())) {
            *begun.entry(server).or_default() += 1;
        }
        if begun.is_empty() {
            return rounds;
        }
        begun.retain(|_, left| {
            *left -= 1;
            *left > 0
        });
        rounds += 1;
    }
}

/// A plan of five hundred attachments on fifty servers.
pub(crate) async fn refresh() {
    let (servers, volumes) = (50, 500);
    let fleet = Volumes::new(servers, volumes).await;
    fleet.stage.cloud.edit(|world| {
        for volume in 0..volumes {
            world.huaweicloud.attach(&server_id(volume % servers + 1), &volume_id(volume + 1));
        }
    });
    fleet.run("apply", 50).await;
    fleet.stage.cloud.clear_journal();
    let plan = fleet.stage.terraform.plan().await.changes_nothing();
    let reads = fleet.stage.cloud.journal().entries().iter().filter(|entry| !is_identity(entry)).count();
    let calls = format!("{} ({:.1} calls a server)", seconds(plan.took), reads as f64 / servers as f64);
    row("refresh of 500 attachments on 50 servers", &calls, "3 calls a server");
}

fn is_identity(entry: &Entry) -> bool {
    entry.operation == "KeystoneListProjects"
}

fn jobs_of_three_seconds(config: &mut Config) {
    config.huaweicloud.durations = Durations::all(JOB);
}

/// Volumes that are dealt to servers in turn.
struct Volumes {
    stage: Stage,
}

impl Volumes {
    async fn new(servers: usize, volumes: usize) -> Self {
        let stage = Stage::with(&HUAWEICLOUD_ECS, |config| {
            let mut world = World::built_in();
            world.huaweicloud = huaweicloud::World::fleet(servers, volumes, 0);
            config.world = Some(world);
            jobs_of_three_seconds(config);
        });
        let stage = Stage { settings: "", ..stage.await };
        stage.configure(&format!(
            "resource \"{}\" \"test\" {{\n  count = {volumes}\n  \
             server_id = format(\"5e000000-0000-4000-8000-%012d\", count.index % {servers} + 1)\n  \
             volume_id = format(\"d1000000-0000-4000-8000-%012d\", count.index + 1)\n}}\n",
            stage.subject.kind
        ));
        Self { stage }
    }

    async fn run(&self, command: &str, parallelism: usize) -> Run {
        let parallelism = format!("-parallelism={parallelism}");
        self.stage.terraform.run(&[command, "-json", "-auto-approve", &parallelism]).await.succeeds()
    }
}
