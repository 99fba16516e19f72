//! Tests of [`super::step`]: what is seen, and what follows.

use std::time::Duration;

use proptest::prelude::*;

use super::{
    sight::{Facts, Readiness, ServerSight, Sight, VolumeSight, VolumeState},
    step::{
        Fate, Goal, LOST_WINDOW, MAX_SENDS, Refusal, SETTLE_AFTER_DETACH, SETTLE_WINDOW, START_WINDOW, Sent, Step, next,
    },
};
use crate::ids::ServerId;

const NOW: Duration = Duration::ZERO;

fn other() -> ServerId {
    ServerId::new("33333333-3333-4333-8333-333333333333")
}

fn server() -> ServerSight {
    ServerSight { status: "ACTIVE".into(), ..ServerSight::default() }
}

fn volume() -> VolumeSight {
    VolumeSight { status: "available".into(), ..VolumeSight::default() }
}

/// A pair that nobody lists.
fn free() -> Sight {
    seen(server(), volume())
}

fn seen(server: ServerSight, volume: VolumeSight) -> Sight {
    Sight { server: Some(server), volume: Some(volume), facts: Facts::default() }
}

/// A pair that these sides list, with the volume in this state.
fn listed(on_server: bool, on_volume: bool, state: VolumeState) -> Sight {
    seen(
        ServerSight { lists_volume: on_server, ..server() },
        VolumeSight { lists_server: on_volume, state, status: format!("{state:?}"), ..volume() },
    )
}

fn held(multiattach: bool) -> Sight {
    let state = VolumeState::InUse;
    seen(server(), VolumeSight { others: vec![other()], state, status: "in-use".into(), multiattach, ..volume() })
}

fn with_server(server: ServerSight, sight: Sight) -> Sight {
    Sight { server: Some(ServerSight { lists_volume: sight.on_server(), ..server }), ..sight }
}

fn sent(fate: Fate) -> Sent {
    Sent { count: 1, since: NOW, fate, seen_moving: false, quiet: NOW }
}

fn refused(refusal: Refusal) -> Step {
    Step::Refuse(refusal)
}

#[track_caller]
fn waits(step: Step, reason: &str) {
    match step {
        Step::Wait(text) => assert!(text.contains(reason), "{text}"),
        step => panic!("{step:?} instead of waiting because {reason:?}"),
    }
}

#[test]
fn a_servers_list_that_may_be_old_is_waited_for_after_a_detach_and_not_for_ever() {
    let old = seen(ServerSight { lists_volume: true, list_may_be_old: true, ..server() }, volume());
    let done = Some(sent(Fate::JobDone));
    waits(next(Goal::Detached, &old, done, NOW), "the server still lists it");
    assert_eq!(next(Goal::Detached, &old, done, SETTLE_WINDOW), Step::Done);
    assert_eq!(next(Goal::Detached, &old, None, NOW), Step::Done, "there is nothing to detach");
    assert_eq!(next(Goal::Attached, &old, None, NOW), Step::Send);
    waits(next(Goal::Attached, &old, done, SETTLE_WINDOW), "the lists do not show it yet");
}

#[test]
fn a_call_whose_job_nobody_knows_has_its_time_to_show() {
    let since = |since| Some(Sent { since, ..sent(Fate::JobUnknown) });
    for (goal, sight) in [(Goal::Attached, free()), (Goal::Detached, listed(true, true, VolumeState::InUse))] {
        waits(next(goal, &sight, since(SETTLE_WINDOW / 2), NOW), "nobody knows the job");
        assert_eq!(next(goal, &sight, since(SETTLE_WINDOW), NOW), Step::Send);
        let last = Sent { count: MAX_SENDS, since: SETTLE_WINDOW, ..sent(Fate::JobUnknown) };
        assert_eq!(next(goal, &sight, Some(last), NOW), refused(Refusal::NoEffect));
    }
}

#[test]
fn an_attach_goes_on_from_what_is_seen() {
    let state = |status: &str, readiness| ServerSight { status: status.into(), readiness, ..server() };
    let zone = |zone: &str| Some(zone.to_owned());
    let here = |zoned| ServerSight { zone: zoned, ..server() };
    let there = |zoned| VolumeSight { zone: zoned, ..volume() };
    let system = ServerSight { boots_from_volume: true, ..server() };
    for (sight, step) in [
        (free(), Step::Send),
        (listed(true, true, VolumeState::InUse), Step::Done),
        (listed(true, true, VolumeState::Busy), Step::Done),
        (Sight { server: None, ..free() }, refused(Refusal::NoServer)),
        (Sight { volume: None, ..free() }, refused(Refusal::NoVolume)),
        (with_server(system, listed(true, true, VolumeState::InUse)), refused(Refusal::SystemVolume)),
        (held(false), refused(Refusal::HeldBy(vec![other()]))),
        (held(true), Step::Send),
        (seen(here(zone("az1")), there(zone("az1"))), Step::Send),
        (seen(here(zone("az1")), there(None)), Step::Send),
        (
            seen(here(zone("az1")), there(zone("az2"))),
            refused(Refusal::Zones { server: "az1".into(), volume: "az2".into() }),
        ),
        (seen(state("SHUTOFF", Readiness::Stopped), volume()), Step::Send),
        (seen(state("ERROR", Readiness::Unfit), volume()), refused(Refusal::ServerState("ERROR".into()))),
        (listed(false, false, VolumeState::Error), refused(Refusal::VolumeState("Error".into()))),
    ] {
        assert_eq!(next(Goal::Attached, &sight, None, NOW), step, "{sight:?}");
    }
    let starting = seen(state("BUILD", Readiness::Transient), volume());
    waits(next(Goal::Attached, &starting, None, NOW), "the server is BUILD");
    for moving in [VolumeState::Attaching, VolumeState::Detaching, VolumeState::Busy] {
        waits(next(Goal::Attached, &listed(false, false, moving), None, NOW), &format!("{moving:?}"));
    }
    waits(next(Goal::Attached, &listed(false, false, VolumeState::InUse), None, NOW), "lists no server");
    let mut leaving = held(false);
    leaving.volume.as_mut().unwrap().state = VolumeState::Detaching;
    waits(next(Goal::Attached, &leaving, None, NOW), "being detached from server 33333333");
}

#[test]
fn a_detach_goes_on_from_what_is_seen() {
    let attached = || listed(true, true, VolumeState::InUse);
    let unfit = ServerSight { status: "ERROR".into(), readiness: Readiness::Unfit, ..server() };
    for (sight, step) in [
        (attached(), Step::Send),
        (listed(true, false, VolumeState::InUse), Step::Send),
        (listed(true, true, VolumeState::Error), Step::Send),
        (free(), Step::Done),
        (held(false), Step::Done),
        (held(true), Step::Done),
        (Sight { volume: None, ..attached() }, Step::Done),
        (Sight { server: None, ..free() }, Step::Done),
        (with_server(ServerSight { boots_from_volume: true, ..server() }, attached()), refused(Refusal::SystemVolume)),
        (with_server(unfit, attached()), refused(Refusal::ServerState("ERROR".into()))),
        (listed(false, true, VolumeState::Error), refused(Refusal::VolumeState("Error".into()))),
    ] {
        assert_eq!(next(Goal::Detached, &sight, None, NOW), step, "{sight:?}");
    }
    for moving in [VolumeState::Attaching, VolumeState::Detaching, VolumeState::Busy] {
        waits(next(Goal::Detached, &listed(true, true, moving), None, NOW), &format!("{moving:?}"));
    }
    waits(next(Goal::Detached, &listed(false, false, VolumeState::Detaching), None, NOW), "Detaching");
    // What another server is doing with a volume that is not shared is not for us to wait for.
    let mut leaving = held(false);
    leaving.volume.as_mut().unwrap().state = VolumeState::Detaching;
    assert_eq!(next(Goal::Detached, &leaving, None, NOW), Step::Done);
}

#[test]
fn lists_that_disagree_get_time_to_settle() {
    let stale = listed(false, true, VolumeState::InUse);
    let gone = Sight { server: None, ..listed(false, true, VolumeState::InUse) };
    let mut moved = held(false);
    moved.server.as_mut().unwrap().lists_volume = true;
    let done = Some(sent(Fate::JobDone));
    for (goal, sight, sent, window, refusal) in [
        (Goal::Attached, &stale, None, SETTLE_WINDOW, Refusal::StaleRecord),
        (Goal::Attached, &listed(true, false, VolumeState::InUse), None, SETTLE_WINDOW, Refusal::Disagreement),
        (Goal::Detached, &stale, None, SETTLE_WINDOW, Refusal::StaleRecord),
        (Goal::Detached, &stale, done, SETTLE_AFTER_DETACH, Refusal::StaleRecord),
        (Goal::Detached, &gone, None, SETTLE_WINDOW, Refusal::StaleRecord),
        (Goal::Detached, &moved, None, SETTLE_WINDOW, Refusal::Disagreement),
    ] {
        waits(next(goal, sight, sent, window - Duration::from_millis(1)), "list");
        assert_eq!(next(goal, sight, sent, window), refused(refusal), "{goal:?} {sight:?}");
    }
    // After an attach of ours the lists get all the time there is.
    waits(next(Goal::Attached, &stale, done, Duration::from_secs(3600)), "the server does not list the volume");
}

#[test]
fn a_call_whose_effect_is_not_to_be_seen_is_waited_for_then_sent_again_or_given_up() {
    for (goal, sight) in [(Goal::Attached, free()), (Goal::Detached, listed(true, true, VolumeState::InUse))] {
        let step = |sent| next(goal, &sight, Some(sent), NOW);
        let lost = sent(Fate::Lost);
        waits(step(lost), "answer");
        assert_eq!(step(Sent { since: LOST_WINDOW, ..lost }), Step::Send);
        assert_eq!(step(Sent { since: LOST_WINDOW, count: MAX_SENDS, ..lost }), refused(Refusal::NoEffect));
        let accepted = sent(Fate::Accepted);
        waits(step(accepted), "has not begun");
        assert_eq!(step(Sent { since: START_WINDOW, ..accepted }), refused(Refusal::NoEffect));
        assert_eq!(step(Sent { seen_moving: true, ..accepted }), refused(Refusal::FellBack));
        waits(step(Sent { since: Duration::from_secs(3600), ..sent(Fate::JobDone) }), "job is done");
        let earlier = sent(Fate::JobDoneEarlier);
        waits(step(earlier), "earlier run");
        assert_eq!(step(Sent { since: START_WINDOW, ..earlier }), refused(Refusal::NoEffect));
    }
}

#[test]
fn what_a_shared_volume_does_with_another_server_is_not_taken_for_this_pairs() {
    for state in [VolumeState::Attaching, VolumeState::Detaching] {
        let mut sight = listed(true, true, state);
        sight.volume.as_mut().unwrap().multiattach = true;
        // A disk with an address is attached, whatever the volume's status is about.
        sight.facts.pci_address = Some("0000:02:02.0".to_owned());
        assert_eq!(next(Goal::Attached, &sight, None, NOW), Step::Done);
        let mut sight = listed(false, false, state);
        sight.volume.as_mut().unwrap().multiattach = true;
        assert_eq!(next(Goal::Detached, &sight, None, NOW), Step::Done);
    }
}

fn volume_state() -> impl Strategy<Value = VolumeState> {
    use VolumeState::{Attaching, Available, Busy, Detaching, Error, InUse};
    proptest::sample::select(vec![Available, InUse, Attaching, Detaching, Busy, Error])
}

prop_compose! {
    fn any_sight()(
        there in any::<(bool, bool)>(), lists in any::<(bool, bool)>(), flags in any::<(bool, bool, bool)>(),
        readiness in proptest::sample::select(vec![Readiness::Running, Readiness::Stopped, Readiness::Transient, Readiness::Unfit]),
        state in volume_state(),
    ) -> Sight {
        let (boots_from_volume, multiattach, held) = flags;
        let others = if held { vec![other()] } else { vec![] };
        let server = ServerSight { lists_volume: lists.0, readiness, boots_from_volume, ..server() };
        let volume = VolumeSight { lists_server: lists.1, others, state, multiattach, ..volume() };
        Sight { server: there.0.then_some(server), volume: there.1.then_some(volume), facts: Facts::default() }
    }
}

prop_compose! {
    fn any_sent()(
        count in 1..=MAX_SENDS, since in 0u64..200, seen_moving in any::<bool>(),
        fate in proptest::sample::select(vec![Fate::Lost, Fate::Accepted, Fate::JobDone, Fate::JobDoneEarlier]),
    ) -> Sent {
        Sent { count, since: Duration::from_secs(since), fate, seen_moving, quiet: NOW }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(4096) })]

    #[test]
    fn a_call_is_sent_only_where_it_can_harm_nobody(
        attaches in any::<bool>(), sight in any_sight(), sent in proptest::option::of(any_sent()), disagreeing in 0u64..200,
    ) {
        let goal = if attaches { Goal::Attached } else { Goal::Detached };
        let step = next(goal, &sight, sent, Duration::from_secs(disagreeing));
        if step == Step::Send {
            let (server, volume) = (sight.server.as_ref().unwrap(), sight.volume.as_ref().unwrap());
            prop_assert!(!server.boots_from_volume, "a system volume");
            prop_assert!(matches!(server.readiness, Readiness::Running | Readiness::Stopped));
            prop_assert!(!matches!(volume.state, VolumeState::Attaching | VolumeState::Detaching | VolumeState::Busy));
            let elsewhere = !volume.multiattach && !volume.others.is_empty() && !volume.lists_server;
            prop_assert!(!elsewhere, "held elsewhere");
            prop_assert_eq!(server.lists_volume, !attaches, "nothing to do");
            prop_assert!(sent.is_none_or(|sent| sent.fate == Fate::Lost && sent.count < MAX_SENDS && sent.since >= LOST_WINDOW));
        }
        if step == Step::Done {
            let both = sight.on_server() && sight.on_volume();
            prop_assert!(both || !attaches && !sight.on_volume(), "not done");
        }
    }
}
