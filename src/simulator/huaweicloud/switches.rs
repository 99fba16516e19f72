//! What Huawei's pages leave open, or say twice: each a switch with the answers that are possible.
//!
//! The first value of a switch is the default and the best guess; clients must live with every value.

use crate::simulator::switch::switches;

switches! {
    /// The first status of a job, for attach and for detach, and of a Lite Server's attach.
    initial_job_status: InitialJobStatus {
        /// `INIT` (`pending` on a Lite Server), then `RUNNING`.
        Init,
        /// `RUNNING` at once.
        Running,
    }
    /// When a job that begins in `INIT` first shows on its server and its volume.
    job_begins: JobBegins {
        /// With the answer that accepts it.
        AtOnce,
        /// When it runs: until then both sides are as before.
        WhenRunning,
    }
    /// The status of a POST or DELETE that started a job.
    accepted_status: AcceptedStatus {
        /// 200, as the examples show.
        Ok,
        /// 202, as the general table allows.
        Accepted,
        /// 204 without a body, as it allows too: nobody learns the job's id.
        NoContent,
    }
    /// `end_time` of a job that is not finished.
    job_end_time: JobEndTime {
        /// An empty text.
        Empty,
        /// `null`.
        Null,
    }
    /// Whether a job's `entities` name the volume.
    job_volume_id: JobVolumeId {
        /// Only the server.
        Absent,
        /// `volume_id` beside `server_id`.
        Present,
    }
    /// A job id that is unknown or past its retention.
    unknown_job: UnknownJob {
        /// 400 `Common.0011`.
        Common0011,
        /// 404 with `Common.0011`.
        NotFound,
    }
    /// Attach of a volume that is missing or in a wrong state.
    volume_refusal: VolumeRefusal {
        /// 400 `Ecs.0103` at once.
        Refused,
        /// Accepted; the job fails with `Ecs.0205`.
        FailedJob,
    }
    /// Any ECS call for a server that does not exist.
    missing_server: MissingServer {
        /// 404 `Ecs.0114`.
        Ecs0114,
        /// 404 `Ecs.0614`.
        Ecs0614,
        /// 400 `Ecs.1000` with `itemNotFound` in the text.
        Ecs1000,
    }
    /// Detach of a volume that is not attached.
    not_attached: NotAttached {
        /// 400 `Ecs.0111`.
        Ecs0111,
        /// 400 `Ecs.1000` with `itemNotFound` in the text.
        Ecs1000,
    }
    /// `block_device/{volume_id}` of a volume that is not attached.
    missing_block_device: MissingBlockDevice {
        /// 400 `Ecs.1000` with `itemNotFound` in the text.
        Ecs1000,
        /// 404 in nova's envelope.
        NotFound,
    }
    /// A second operation on a server that is busy with one.
    server_conflict: ServerConflict {
        /// 400 `Ecs.0100`.
        Ecs0100,
        /// 501 `Ecs.0603`.
        Ecs0603,
        /// Accepted; the job fails with `Ecs.0100`.
        FailedJob,
        /// Accepted.
        Allowed,
    }
    /// Attach or detach of a volume that is busy with another operation.
    volume_conflict: VolumeConflict {
        /// 400 `Ecs.0103`.
        Ecs0103,
        /// 501 `Ecs.0603`.
        Ecs0603,
        /// Accepted; the job fails with `Ecs.0103`.
        FailedJob,
        /// Accepted.
        Allowed,
    }
    /// A stop or start that is refused for one of its servers.
    server_action_error: ServerActionError {
        /// With the error of the first.
        Plain,
        /// 400 `Ecs.0611`, and the error of each in `internalError`.
        InternalError,
    }
    /// A server too many: the slots are full.
    full_server: FullServer {
        /// 400 `Ecs.0104`.
        Ecs0104,
        /// 400 `Ecs.0042`.
        Ecs0042,
    }
    /// Which device name a server gives.
    device_names: DeviceNames {
        /// The one asked for after the documented rewriting (`sd` to `vd` on KVM, `vd` to `sd` on Xen).
        Rules,
        /// The next free one, whatever was asked for.
        Ignored,
        /// Exactly the one asked for.
        Honoured,
    }
    /// `name` and `volume_type` of a volume; its `description` is `null` in any case.
    nullable_texts: NullableTexts {
        /// Texts.
        Given,
        /// `null`, as some examples show.
        Null,
    }
    /// `shareable` of a volume.
    shareable: Shareable {
        /// A text.
        Text,
        /// A boolean, as the examples show.
        Flag,
    }
    /// The status of a shared volume that one server has while another attaches or detaches it.
    shared_status: SharedStatus {
        /// `attaching` or `detaching`, as for any volume.
        Moves,
        /// `in-use`, until the last detach.
        InUse,
    }
    /// Whether EVS lists an attachment that is still being made.
    attaching_in_evs: AttachingInEvs {
        /// It does.
        Listed,
        /// Not before the job ends.
        Hidden,
    }
    /// Whether ECS lists a block device that is still being attached.
    attaching_in_ecs: AttachingInEcs {
        /// It does, without a PCI address.
        Listed,
        /// Not before the job ends.
        Hidden,
    }
    /// A volume after an attach that failed.
    failed_attach: FailedAttach {
        /// As before.
        Restored,
        /// `error`.
        Error,
    }
    /// A volume after a detach that failed.
    failed_detach: FailedDetach {
        /// `in-use`.
        InUse,
        /// `error_detaching`.
        ErrorDetaching,
    }
    /// A batch in which some members failed.
    partial_batch: PartialBatch {
        /// The job is `FAIL` with `Common.0021`; sub-jobs tell.
        ParentFails,
        /// The job is `SUCCESS`; sub-jobs tell.
        ParentSucceeds,
        /// The job is `FAIL` with `Common.0021`, without sub-jobs.
        NoSubJobs,
        /// The job is `FAIL` as soon as one member failed, while others still run.
        ParentFailsEarly,
    }
    /// Whether a batch that succeeded lists its sub-jobs.
    sub_jobs_of_success: SubJobsOfSuccess {
        /// It does.
        Listed,
        /// Its `entities` are empty.
        Absent,
    }
    /// Where a failed sub-job says why.
    sub_job_reason: SubJobReason {
        /// In `error_code` and `fail_reason`, and in `errorcode_message` of its `entities`.
        Codes,
        /// In `errorcode_message` alone.
        ErrorcodeMessage,
    }
    /// Whether sub-jobs have ids of their own.
    sub_job_ids: SubJobIds {
        /// They do.
        Present,
        /// They do not.
        Absent,
    }
    /// A batch with a member that cannot work (missing, not attached, wrong state).
    bad_batch_member: BadBatchMember {
        /// Its sub-job fails.
        SubJobFails,
        /// The whole batch is refused with that member's error.
        WholeRefused,
    }
    /// Batch detach of a volume that is not shared.
    unshared_batch_detach: UnsharedBatchDetach {
        /// Accepted.
        Accepted,
        /// 400 `Ecs.0005`.
        Refused,
    }
    /// Which batch routes this site has.
    batch_routes: BatchRoutes {
        /// Both.
        Both,
        /// Batch detach is unknown: 404 `APIGW.0101`.
        AttachOnly,
        /// Both are unknown: 404 `APIGW.0101`.
        None,
    }
    /// The reply to a dry run that found nothing wrong.
    dry_run_reply: DryRunReply {
        /// `{}`.
        EmptyObject,
        /// No body at all.
        EmptyBody,
    }
    /// `size` of a block device.
    block_device_size: BlockDeviceSize {
        /// A number.
        Number,
        /// A text, as the example shows.
        Text,
    }
    /// `bootIndex` of a data disk: a number among block devices, a text in a server's details.
    data_boot_index: DataBootIndex {
        /// Its position.
        Position,
        /// `null`.
        Null,
        /// No such key.
        Missing,
        /// 0, although it is no system disk.
        Zero,
    }
    /// The status of `Common.1503`.
    flow_control_status: FlowControlStatus {
        /// 429.
        TooManyRequests,
        /// 503.
        ServiceUnavailable,
    }
    /// A project id in an ECS URL that is not the caller's.
    wrong_project: WrongProject {
        /// 400 `Ecs.0023`.
        Ecs0023,
        /// 400 `Common.0018`.
        Common0018,
    }
    /// The envelope of an EVS volume action's error.
    evs_action_error: EvsActionError {
        /// Cinder's: `badRequest` or `itemNotFound` with an integer code.
        Cinder,
        /// Cinder's with the code as text.
        CinderText,
        /// `error` with an `EVS.` code.
        Evs,
    }
    /// Whether a Lite Server's `volumes` follow attach and detach.
    lite_server_volumes: LiteServerVolumes {
        /// They do.
        Fresh,
        /// They stay as at creation.
        Stale,
        /// The key is missing.
        Absent,
        /// They are `null`.
        Null,
    }
    /// The server id EVS shows for a disk on a Lite Server.
    lite_server_in_evs: LiteServerInEvs {
        /// Its `cloud_server` (`hps_ecs_id` for an HPS).
        CloudServer,
        /// The Lite Server itself.
        LiteServer,
    }
    /// A Lite Server operation that cannot work (wrong state, volume busy, not attached).
    lite_server_refusal: LiteServerRefusal {
        /// 400 `ModelArts.7000`.
        Refused,
        /// Accepted; the operation fails.
        FailedOperation,
    }
    /// The first status of a Lite Server's detach.
    lite_server_detach_begins: LiteServerDetachBegins {
        /// `running`, as the example shows.
        Running,
        /// `pending`, then `running`.
        Pending,
    }
    /// An operation on a Lite Server that is busy with another.
    lite_server_conflict: LiteServerConflict {
        /// 400 `ModelArts.7000`.
        Refused,
        /// Accepted; the operation fails.
        FailedOperation,
        /// Accepted.
        Allowed,
    }
    /// An operation id that is unknown.
    unknown_operation: UnknownOperation {
        /// 400 `ModelArts.6404`.
        Modelarts6404,
        /// 404 with `ModelArts.6404`.
        NotFound,
    }
    /// The spelling of operation statuses.
    operation_status_case: OperationStatusCase {
        /// `pending`, `running`, `success`, `failed`.
        Lower,
        /// `Pending`, `Running`, `Success`, `Failed`, as one page renders them.
        Capital,
    }
    /// The key of the expiry in the reply of STS.
    sts_expiry_key: StsExpiryKey {
        /// `expiration`.
        Expiration,
        /// `expires_at`.
        ExpiresAt,
    }
    /// The envelope of errors of IAM's `v3.0` calls.
    iam_error: IamError {
        /// `{"error": {"code", "message", "title"}}` with an integer code.
        Keystone,
        /// `{"error": {"code": "IAM.…", "message"}}`.
        Nested,
        /// `{"error_code", "error_msg"}`.
        Flat,
    }
    /// Which versions the metadata service speaks.
    metadata: Metadata {
        /// With a token (v2) and without (v1).
        Both,
        /// Without a token; the token's address is 404.
        OnlyV1,
        /// With a token; without one 401.
        OnlyV2,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simulator::switch::assert_settable;

    #[test]
    fn every_switch_can_be_set_to_every_value_by_name() {
        assert_settable::<Switches>(&Switches::table());
    }

    #[test]
    fn a_wrong_name_or_value_is_answered_with_what_there_is() {
        let mut switches = Switches::default();
        assert!(switches.set("speed", "fast").unwrap_err().contains("server_conflict"));
        let error = switches.set("job_end_time", "later").unwrap_err();
        assert_eq!(error, "the switch job_end_time cannot be \"later\"; it can be empty, null");
        assert_eq!(switches, Switches::default(), "nothing changed");
    }
}
