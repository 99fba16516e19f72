//! Acceptance tests: a real Terraform or OpenTofu, the provider as built, and the simulated cloud.
//!
//! A theme is a file. What every resource promises is written once, for any [`subject::Subject`], and listed below for each
//! of them, so that the same test has the same name everywhere; what only one cloud can do is a test of its own.

#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used, reason = "a test's way to fail")]

#[allow(dead_code, reason = "the acceptance tests and the benchmarks each use a part of it")]
#[path = "../support/mod.rs"]
mod support;

mod adopt;
mod basic;
mod batch_faults;
mod batch_interrupts;
mod certificates;
mod crash;
mod credentials;
mod device;
mod disappears;
mod failures;
mod force_detach;
mod import;
mod input;
mod interrupt;
mod job_failure;
mod lite_server;
mod on_destroy;
mod queues;
mod refusals;
mod replace;
mod shared_reads;
mod shared_volumes;
mod stale_record;
mod stop_then_detach;
mod switches;
mod three_clouds;
mod timeout;
mod update;
mod virtual_server;

/// One resource's tests.
macro_rules! life {
    ($subject:ident: $($theme:ident::$test:ident,)*) => {
        $(
            #[tokio::test]
            async fn $test() {
                crate::$theme::$test(&crate::support::subject::$subject).await;
            }
        )*
    };
}

/// The life of every resource, test by test, and for some what others cannot do.
macro_rules! every_resource {
    ($($theme:ident::$test:ident,)*) => {
        mod huaweicloud_ecs_attachment {
            life!(HUAWEICLOUD_ECS: $($theme::$test,)* update::delete_on_termination_changes_in_place,);
        }
        mod huaweicloud_lite_server_attachment {
            life!(HUAWEICLOUD_LITE_SERVER: $($theme::$test,)*);
        }
        mod samsungcloud_virtual_server_attachment {
            life!(SAMSUNGCLOUD_VIRTUAL_SERVER: $($theme::$test,)* update::delete_on_termination_changes_in_place,);
        }
    };
}

every_resource! {
    adopt::a_pair_that_is_attached_already_is_adopted_with_a_warning,
    adopt::a_pair_that_somebody_is_attaching_is_waited_for_and_adopted,
    basic::apply_attaches_and_destroy_detaches,
    basic::several_volumes_of_one_server_are_attached_one_after_the_other,
    crash::a_provider_killed_in_mid_attach_is_healed_by_the_next_apply,
    crash::a_provider_killed_in_mid_detach_is_healed_by_the_next_destroy,
    device::a_second_apply_is_empty_whatever_device_name_the_cloud_picked,
    disappears::a_pair_detached_behind_our_back_is_attached_again,
    disappears::a_deleted_server_takes_its_attachment_out_of_the_state,
    disappears::a_deleted_volume_takes_its_attachment_out_of_the_state,
    failures::a_call_that_never_arrived_is_sent_again_once_the_cloud_shows_no_trace,
    failures::a_job_status_that_nobody_knows_is_waited_on,
    failures::a_lost_answer_is_looked_into_and_nothing_is_sent_twice,
    failures::an_answer_that_is_not_the_clouds_own_is_never_taken_for_gone,
    failures::reads_outlive_a_cloud_that_fails_for_a_while,
    failures::throttled_calls_are_sent_again,
    import::an_import_gives_an_empty_plan,
    import::an_import_of_a_pair_that_is_not_attached_is_an_error,
    input::a_malformed_import_id_is_answered_with_the_expected_form,
    input::malformed_arguments_are_refused_at_their_attribute,
    interrupt::ctrl_c_during_attach_keeps_the_state_and_attaches_once,
    interrupt::ctrl_c_during_detach_keeps_the_state_and_detaches_once,
    interrupt::sigint_to_terraform_alone_during_attach_keeps_the_state_and_attaches_once,
    interrupt::sigint_to_terraform_alone_during_detach_keeps_the_state_and_detaches_once,
    interrupt::an_interrupted_attach_that_then_fails_leaves_no_state,
    interrupt::an_interrupted_detach_that_still_runs_is_waited_for_and_not_sent_again,
    job_failure::a_failed_attach_says_why_and_leaves_no_state,
    job_failure::a_failed_detach_says_why_and_keeps_the_state,
    on_destroy::abandon_keeps_the_pair_and_drops_the_state,
    on_destroy::refuse_keeps_the_pair_and_the_state,
    refusals::a_server_that_does_not_exist_is_named,
    refusals::a_volume_held_by_another_server_is_left_there,
    refusals::a_volume_that_does_not_exist_is_named,
    refusals::a_volume_that_moved_to_another_server_is_not_detached_there,
    replace::another_server_detaches_here_and_attaches_there,
    timeout::an_attach_that_runs_out_of_time_keeps_state_and_private_data,
    timeout::a_detach_that_runs_out_of_time_keeps_state_and_private_data,
    update::a_setting_of_our_own_changes_without_any_call,
}
