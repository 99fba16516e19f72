//! The figures that the project is judged by, as a table: `make bench`. Terraform, the provider and the simulator are real;
//! the cloud's jobs take exactly three seconds and its lists never lag.

#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used, reason = "a figure that cannot be had stops the run")]
#![allow(clippy::print_stdout, reason = "the table is what this is for")]

#[allow(dead_code, reason = "the acceptance tests and the benchmarks each use a part of it")]
#[path = "../support/mod.rs"]
mod support;

mod figures;
mod fleet;

use std::time::Duration;

use cloudvolume::simulator::{Entry, huaweicloud, samsungcloud};
use figures::{calls_of, median, milliseconds, operations, seconds};
use support::{
    stage::Stage,
    subject::{HUAWEICLOUD_ECS, HUAWEICLOUD_LITE_SERVER, SAMSUNGCLOUD_VIRTUAL_SERVER, Subject},
};

/// How long the cloud's own jobs take.
const JOB: Duration = Duration::from_secs(3);
/// How often an attach and a detach are measured.
const ROUNDS: usize = 5;
/// How often a plan is.
const PLANS: usize = 15;

#[tokio::main]
async fn main() {
    println!(
        "The cloud's jobs take {} each; medians of {ROUNDS} attaches and detaches and of {PLANS} plans.\n",
        seconds(JOB)
    );
    for subject in [&HUAWEICLOUD_ECS, &HUAWEICLOUD_LITE_SERVER, &SAMSUNGCLOUD_VIRTUAL_SERVER] {
        println!("{}", subject.kind);
        single_operations(subject).await;
    }
    println!("\nmany at a time, on ECS");
    four_volumes(&HUAWEICLOUD_ECS).await;
    fleet::shared_volume().await;
    fleet::a_hundred().await;
    fleet::refresh().await;
    println!("\nthe provider itself");
    empty_plan(&HUAWEICLOUD_ECS).await;
    let binary = std::fs::metadata(env!("CARGO_BIN_EXE_terraform-provider-cloudvolume")).expect("the binary").len();
    row("size of the provider's binary", &format!("{:.1} MB", binary as f64 / 1e6), "under 15 MB");
}

/// One volume on one server: what Terraform waits beyond the cloud's own job, and what it asks.
async fn single_operations(subject: &'static Subject) {
    let stage = stage(subject).await;
    stage.configure(&stage.attachment(""));
    let mut attach = Measured::default();
    let mut detach = Measured::default();
    for _ in 0..ROUNDS {
        attach.measure(&stage, "apply").await;
        detach.measure(&stage, "destroy").await;
    }
    let aim = if subject.kind == HUAWEICLOUD_ECS.kind { "under 0.30 s" } else { "under 0.50 s" };
    row("time added to an attach", &seconds(median(&mut attach.added)), aim);
    row("time added to a detach", &seconds(median(&mut detach.added)), aim);
    row("API calls of an apply that attaches", &calls_of(&attach.requests, subject, ROUNDS), "");
    row("API calls of a destroy that detaches, with refresh", &calls_of(&detach.requests, subject, ROUNDS), "");
}

/// What single operations of one kind took and asked.
#[derive(Default)]
struct Measured {
    added: Vec<Duration>,
    requests: Vec<Entry>,
}

impl Measured {
    async fn measure(&mut self, stage: &Stage, command: &str) {
        let before = stage.cloud.journal().entries().len();
        let run = stage.terraform.run(&[command, "-json", "-auto-approve"]).await.succeeds();
        self.requests.extend_from_slice(&stage.cloud.journal().entries()[before..]);
        let operation = operations(&run.stdout).into_iter().next().expect("one operation");
        self.added.push(operation.saturating_sub(JOB));
    }
}

/// Four volumes on one server, which does one operation at a time.
async fn four_volumes(subject: &'static Subject) {
    let stage = stage(subject).await;
    stage.configure(&stage.attachments());
    let mut apply = stage.terraform.start_apply();
    let mut peak = 0;
    for poll in 1.. {
        tokio::select! {
            () = stage.cloud.wait_for(subject.calls.progress, poll) => {}
            () = apply.ended() => break,
        }
        peak = apply
            .providers()
            .into_iter()
            .filter_map(|provider| provider.peak_memory())
            .chain([peak])
            .max()
            .unwrap_or(peak);
    }
    let apply = apply.finish().await.succeeds();
    row("4 volumes attached to one server, the whole apply", &seconds(apply.took), "under 13.50 s");
    row("the provider's peak memory during it", &format!("{:.1} MB", peak as f64 * 1024.0 / 1e6), "under 25 MB");
    let destroy = stage.terraform.destroy().await.succeeds();
    row("4 volumes detached from it, the whole destroy", &seconds(destroy.took), "under 13.50 s");
}

/// A plan that finds nothing to do, next to the same of a resource that is built into Terraform.
async fn empty_plan(subject: &'static Subject) {
    let ours = stage(subject).await;
    ours.configure(&ours.attachment(""));
    let built_in = stage(subject).await;
    built_in.write("", "resource \"terraform_data\" \"test\" {}");
    let stages = [&ours, &built_in];
    for stage in stages {
        stage.terraform.apply().await.succeeds();
    }
    // In turns, so that whatever else the machine does slows both.
    let mut plans = [Vec::new(), Vec::new()];
    for _ in 0..PLANS {
        for (stage, plans) in stages.into_iter().zip(&mut plans) {
            plans.push(stage.terraform.plan().await.changes_nothing().took);
        }
    }
    let [ours, built_in] = plans.map(|mut plans| median(&mut plans));
    row("empty plan of an attachment", &milliseconds(ours), "");
    row("empty plan of a built-in terraform_data", &milliseconds(built_in), "");
    row("difference", &milliseconds(ours.saturating_sub(built_in)), "under 60 ms");
}

async fn stage(subject: &'static Subject) -> Stage {
    let stage = Stage::with(subject, |config| {
        config.huaweicloud.durations = huaweicloud::Durations::all(JOB);
        config.samsungcloud.durations = samsungcloud::Durations::all(JOB);
    });
    let stage = stage.await;
    Stage { settings: "", ..stage }
}

fn row(what: &str, figure: &str, aim: &str) {
    println!("{}", format!("{what:<52} {figure:>33}   {aim}").trim_end());
}
