//! What to do next about a pair: a pure function of what is wanted, what is seen and what was sent.

use std::time::Duration;

use super::sight::{Readiness, ServerSight, Sight, VolumeSight, VolumeState};
use crate::ids::ServerId;

/// How long one side may list what the other does not before that counts as a stale record.
pub(crate) const SETTLE_WINDOW: Duration = Duration::from_secs(15);
/// The same after a detach of ours: the cloud is known to have been at work.
pub(crate) const SETTLE_AFTER_DETACH: Duration = Duration::from_secs(60);
/// How long a call whose answer was lost may take to show before it is sent again.
pub(crate) const LOST_WINDOW: Duration = Duration::from_secs(3);
/// How long an accepted call of a cloud without jobs may take to show before it counts as without effect.
pub(crate) const START_WINDOW: Duration = Duration::from_secs(60);
/// How long nothing may have moved before a call that began and shows no effect counts as taken back, on a volume whose status
/// is about its other servers.
pub(crate) const QUIET_WINDOW: Duration = Duration::from_secs(3);
/// How often a call whose answers are lost is sent at most.
pub(crate) const MAX_SENDS: u32 = 3;

/// What is wanted.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Goal {
    /// The pair attached.
    Attached,
    /// The pair detached.
    Detached,
}

/// The mutating call that was sent for this goal, if any.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Sent {
    /// How often.
    pub(crate) count: u32,
    /// Time since the last one.
    pub(crate) since: Duration,
    /// What is known of it.
    pub(crate) fate: Fate,
    /// Whether its effect was seen beginning.
    pub(crate) seen_moving: bool,
    /// How long nothing has been moving.
    pub(crate) quiet: Duration,
}

/// What is known of a mutating call.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Fate {
    /// The answer was lost: it may never have arrived.
    Lost,
    /// Accepted by a cloud that has no jobs.
    Accepted,
    /// Accepted, and nobody knows its job.
    JobUnknown,
    /// Its job is done: what is left is for the lists to agree.
    JobDone,
    /// The same, and an earlier run sent it: the lists have had their time, and somebody else may have been there since.
    JobDoneEarlier,
}

/// The next step.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Step {
    /// The goal is reached.
    Done,
    /// Look again later; why, in words for a timeout's text.
    Wait(String),
    /// Send the call.
    Send,
    /// Stop: waiting or sending cannot help.
    Refuse(Refusal),
}

/// Why nothing more can be done.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Refusal {
    /// The cloud says that the server does not exist.
    NoServer,
    /// The cloud says that the volume does not exist.
    NoVolume,
    /// The volume is the server's system volume.
    SystemVolume,
    /// Other servers hold the volume, which is not shared.
    HeldBy(Vec<ServerId>),
    /// Server and volume are in different availability zones.
    Zones {
        /// The server's.
        server: String,
        /// The volume's.
        volume: String,
    },
    /// The server's status does not allow it.
    ServerState(String),
    /// The server would have to be stopped, and is locked against that.
    ServerLocked,
    /// The volume's status does not allow it.
    VolumeState(String),
    /// The volume still lists the pair and the server does not (or does not exist): a stale record.
    StaleRecord,
    /// The server lists the pair and the volume does not, for longer than lists take to agree.
    Disagreement,
    /// The cloud accepted the call, began, and put everything back.
    FellBack,
    /// The cloud accepted the call and nothing followed.
    NoEffect,
}

/// Decides the next step. `disagreeing` is how long the two lists have disagreed so far, without a call of ours.
pub(crate) fn next(goal: Goal, sight: &Sight, sent: Option<Sent>, disagreeing: Duration) -> Step {
    match goal {
        Goal::Attached => attach(sight, sent, disagreeing),
        Goal::Detached => detach(sight, sent, disagreeing),
    }
}

fn attach(sight: &Sight, sent: Option<Sent>, disagreeing: Duration) -> Step {
    let Some(volume) = &sight.volume else { return Step::Refuse(Refusal::NoVolume) };
    let Some(server) = &sight.server else { return Step::Refuse(Refusal::NoServer) };
    if server.boots_from_volume {
        return Step::Refuse(Refusal::SystemVolume);
    }
    if sight.attached() {
        return Step::Done;
    }
    if let Some(moving) = sight.moving() {
        return Step::Wait(moving_text(moving, volume));
    }
    if volume.state == VolumeState::Error {
        return Step::Refuse(Refusal::VolumeState(volume.status.clone()));
    }
    if sight.listed() {
        return half_listed(sight, sent.map(|_| Goal::Attached), disagreeing);
    }
    // For a shared volume these are perhaps another server's; a volume takes one operation at a time.
    if matches!(volume.state, VolumeState::Busy | VolumeState::Attaching | VolumeState::Detaching) {
        return Step::Wait(format!("the volume is {}", volume.status));
    }
    if sight.held_elsewhere() {
        return Step::Refuse(Refusal::HeldBy(volume.others.clone()));
    }
    if let Some(wait_or_refuse) = sent.and_then(|sent| unseen(sent, Goal::Attached, volume)) {
        return wait_or_refuse;
    }
    if let (Some(here), Some(there)) = (&server.zone, &volume.zone)
        && here != there
    {
        return Step::Refuse(Refusal::Zones { server: here.clone(), volume: there.clone() });
    }
    if volume.state == VolumeState::InUse && !volume.multiattach {
        return Step::Wait(format!("the volume is {} and lists no server", volume.status));
    }
    ready(server).map_or(Step::Send, |not_ready| not_ready)
}

fn detach(sight: &Sight, sent: Option<Sent>, disagreeing: Duration) -> Step {
    let Some(volume) = &sight.volume else { return Step::Done };
    // A list that follows is waited for; one that never changes is not waited for for ever.
    if sight.list_may_be_old() && sent.is_some() && disagreeing < SETTLE_WINDOW {
        return Step::Wait("the volume is free and the server still lists it".into());
    }
    if sight.detached() {
        return Step::Done;
    }
    let Some(server) = &sight.server else {
        // The volume still lists a server that does not exist.
        return if disagreeing < SETTLE_WINDOW {
            Step::Wait("the server is gone and the volume still lists it".into())
        } else {
            Step::Refuse(Refusal::StaleRecord)
        };
    };
    if server.boots_from_volume {
        return Step::Refuse(Refusal::SystemVolume);
    }
    if let Some(moving) = sight.moving() {
        return Step::Wait(moving_text(moving, volume));
    }
    if volume.state == VolumeState::Error && !server.lists_volume {
        return Step::Refuse(Refusal::VolumeState(volume.status.clone()));
    }
    // A server that still lists what has gone to another one will find out by itself; there is nothing to detach.
    if !server.lists_volume || (sight.held_elsewhere() && !volume.lists_server) {
        return half_listed(sight, sent.map(|_| Goal::Detached), disagreeing);
    }
    if matches!(volume.state, VolumeState::Busy | VolumeState::Attaching | VolumeState::Detaching) {
        return Step::Wait(format!("the volume is {}", volume.status));
    }
    if let Some(wait_or_refuse) = sent.and_then(|sent| unseen(sent, Goal::Detached, volume)) {
        return wait_or_refuse;
    }
    ready(server).map_or(Step::Send, |not_ready| not_ready)
}

/// One side lists the pair and the other does not: lists that lag, or a record that nobody will ever correct.
fn half_listed(sight: &Sight, sent_for: Option<Goal>, disagreeing: Duration) -> Step {
    let (text, refusal) = if sight.on_volume() {
        ("the volume lists the server and the server does not list the volume", Refusal::StaleRecord)
    } else {
        ("the server lists the volume and the volume does not list the server", Refusal::Disagreement)
    };
    // After an attach of ours the lists get all the time there is: giving up would give up a good attachment.
    let window = match sent_for {
        None => SETTLE_WINDOW,
        Some(Goal::Detached) => SETTLE_AFTER_DETACH,
        Some(Goal::Attached) => Duration::MAX,
    };
    if disagreeing < window { Step::Wait(text.into()) } else { Step::Refuse(refusal) }
}

/// A call was sent and its effect is not to be seen. None means: send (again).
fn unseen(sent: Sent, goal: Goal, volume: &VolumeSight) -> Option<Step> {
    let what = match goal {
        Goal::Attached => "attach",
        Goal::Detached => "detach",
    };
    match sent.fate {
        Fate::JobDone => Some(Step::Wait(format!("the {what} job is done and the lists do not show it yet"))),
        Fate::JobDoneEarlier if sent.since < START_WINDOW => {
            Some(Step::Wait(format!("the {what} job of an earlier run is done and the lists do not show it")))
        }
        Fate::JobDoneEarlier => Some(Step::Refuse(Refusal::NoEffect)),
        Fate::Accepted | Fate::Lost | Fate::JobUnknown if sent.seen_moving => Some(taken_back(sent, goal, volume)),
        Fate::Accepted if sent.since < START_WINDOW => {
            Some(Step::Wait(format!("the {what} was accepted and has not begun")))
        }
        Fate::Accepted => Some(Step::Refuse(Refusal::NoEffect)),
        Fate::Lost if sent.since < LOST_WINDOW => {
            Some(Step::Wait(format!("the answer to the {what} call was lost and no effect of it is to be seen")))
        }
        Fate::JobUnknown if sent.since < SETTLE_WINDOW => {
            Some(Step::Wait(format!("nobody knows the job of the {what}, and no effect of it is to be seen")))
        }
        Fate::Lost | Fate::JobUnknown if sent.count < MAX_SENDS => None,
        Fate::Lost | Fate::JobUnknown => Some(Step::Refuse(Refusal::NoEffect)),
    }
}

/// A call began, nothing is under way any more, and the lists are as they were before it. The volume's status tells whether
/// the cloud took it back or the lists are late; where it is about other servers, only time tells.
fn taken_back(sent: Sent, goal: Goal, volume: &VolumeSight) -> Step {
    let reached = match goal {
        Goal::Attached => VolumeState::InUse,
        Goal::Detached => VolumeState::Available,
    };
    let late = if volume.multiattach && !volume.others.is_empty() {
        sent.quiet < QUIET_WINDOW
    } else {
        volume.state == reached
    };
    match volume.state {
        VolumeState::Error => Step::Refuse(Refusal::VolumeState(volume.status.clone())),
        _ if late => Step::Wait(format!("the volume is {} and the lists do not show it yet", volume.status)),
        _ => Step::Refuse(Refusal::FellBack),
    }
}

fn ready(server: &ServerSight) -> Option<Step> {
    match server.readiness {
        Readiness::Running | Readiness::Stopped => None,
        Readiness::Transient => Some(Step::Wait(format!("the server is {}", server.status))),
        Readiness::Unfit => Some(Step::Refuse(Refusal::ServerState(server.status.clone()))),
    }
}

fn moving_text(moving: VolumeState, volume: &VolumeSight) -> String {
    match (moving, volume.others.first()) {
        (VolumeState::Detaching, Some(other)) => format!("the volume is being detached from server {other}"),
        _ => format!("the volume is {}", volume.status),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The step after a call that began, with nothing under way any more and the lists as before it.
    fn after(goal: Goal, volume: VolumeSight, quiet: Duration) -> Step {
        let listed = goal == Goal::Detached;
        let sight = Sight {
            server: Some(ServerSight { lists_volume: listed, ..ServerSight::default() }),
            volume: Some(VolumeSight { lists_server: listed, ..volume }),
            ..Sight::default()
        };
        let sent = Sent { count: 1, since: quiet, fate: Fate::Accepted, seen_moving: true, quiet };
        next(goal, &sight, Some(sent), Duration::ZERO)
    }

    #[test]
    fn what_was_taken_back_is_told_from_lists_that_are_late_by_the_volumes_status() {
        let volume = |state| VolumeSight { state, status: "odd".to_owned(), ..VolumeSight::default() };
        let is_late = |step| matches!(step, Step::Wait(_));
        for (goal, reached, before) in [
            (Goal::Attached, VolumeState::InUse, VolumeState::Available),
            (Goal::Detached, VolumeState::Available, VolumeState::InUse),
        ] {
            assert!(is_late(after(goal, volume(reached), Duration::MAX)), "{goal:?}");
            assert_eq!(after(goal, volume(before), Duration::ZERO), Step::Refuse(Refusal::FellBack), "{goal:?}");
            let error = after(goal, volume(VolumeState::Error), Duration::ZERO);
            assert_eq!(error, Step::Refuse(Refusal::VolumeState("odd".to_owned())), "{goal:?}");
        }
    }

    #[test]
    fn the_status_of_a_volume_that_others_hold_says_nothing_so_time_has_to() {
        let others = vec![ServerId::new("33333333-3333-4333-8333-333333333333")];
        let shared = VolumeSight { state: VolumeState::InUse, multiattach: true, others, ..VolumeSight::default() };
        for goal in [Goal::Attached, Goal::Detached] {
            assert!(matches!(after(goal, shared.clone(), Duration::from_secs(1)), Step::Wait(_)), "{goal:?}");
            assert_eq!(after(goal, shared.clone(), QUIET_WINDOW), Step::Refuse(Refusal::FellBack), "{goal:?}");
        }
    }
}
