//! What Samsung's pages leave open: each a switch with the answers that are possible.
//!
//! The first value of a switch is the default and the best guess; clients must live with every value.

use crate::simulator::switch::switches;

switches! {
    /// What a volume's state says right after an attach was accepted.
    attach_begins: AttachBegins {
        /// `attaching`.
        Attaching,
        /// `reserved`, and `attaching` after the `begin` duration.
        Reserved,
        /// What it said before, and `attaching` after the `begin` duration.
        Unchanged,
    }
    /// What a volume's state says right after a detach was accepted.
    detach_begins: DetachBegins {
        /// `detaching`.
        Detaching,
        /// What it said before, and `detaching` after the `begin` duration.
        Unchanged,
    }
    /// Whether `servers[]` of a volume lists a server while the volume is being attached to it.
    servers_while_attaching: ServersWhileAttaching {
        /// Not yet.
        Hidden,
        /// Already.
        Listed,
    }
    /// Whether `servers[]` of a volume lists a server while the volume is being detached from it.
    servers_while_detaching: ServersWhileDetaching {
        /// Still.
        Listed,
        /// No longer.
        Hidden,
    }
    /// Whether a server's volumes list one that is being attached.
    volumes_while_attaching: VolumesWhileAttaching {
        /// Already.
        Listed,
        /// Not yet.
        Hidden,
    }
    /// Whether a server's volumes list one that is being detached.
    volumes_while_detaching: VolumesWhileDetaching {
        /// Still.
        Listed,
        /// No longer.
        Hidden,
    }
    /// The state of a volume whose attach failed.
    failed_attach: FailedAttach {
        /// What it was before: `available`, or `in-use` by other servers.
        FallsBack,
        /// An error state, spelled as `error_state` says.
        Error,
    }
    /// The state of a volume whose detach failed.
    failed_detach: FailedDetach {
        /// `in-use`.
        FallsBack,
        /// An error state, spelled as `error_state` says.
        Error,
    }
    /// How an error state is spelled.
    error_state: ErrorState {
        /// `error`.
        Plain,
        /// `error_attaching`, `error_detaching`.
        Underscore,
        /// `error-attaching`, `error-detaching`.
        Hyphen,
        /// `Error Attaching`, `Error Detaching`.
        Words,
    }
    /// The state of a server whose stop or start failed.
    failed_power: FailedPower {
        /// What it was before.
        FallsBack,
        /// `ERROR`.
        Error,
    }
    /// What becomes of a detach while the guest of a running server has the volume mounted.
    mounted_detach: MountedDetach {
        /// It fails.
        Fails,
        /// It succeeds, and the server hangs: its state is `ERROR`.
        Hangs,
        /// It succeeds.
        Detached,
    }
    /// An operation on a MultiAttach volume while another one for another server is under way.
    shared_volume_busy: SharedVolumeBusy {
        /// 409.
        Conflict,
        /// Both run.
        Allowed,
    }
    /// An operation on a server while a volume is being attached to it or detached from it.
    server_busy: ServerBusy {
        /// Is accepted, unless the volume is the same.
        Allowed,
        /// 409.
        Conflict,
    }
    /// What `state` of a server says while it stops or starts.
    state_while_switching: StateWhileSwitching {
        /// What it said before.
        Unchanged,
        /// `STOPPING` or `STARTING`.
        Named,
    }
    /// The state of a server that is off.
    stopped_state: StoppedState {
        /// `SHUTOFF`.
        Shutoff,
        /// `STOPPED`.
        Stopped,
    }
    /// What an attach without `delete_on_termination` means.
    default_delete_on_termination: DefaultDeleteOnTermination {
        /// false: the volume outlives the server.
        Keep,
        /// true: the volume goes with the server.
        Delete,
    }
    /// Whether `device` in a server-side attach is honoured.
    device_wish: DeviceWish {
        /// The first free name is given.
        Ignored,
        /// The name asked for is given, if it is free.
        Honoured,
    }
    /// The `id` in a server's list of its volumes.
    attachment_id: AttachmentId {
        /// The volume's id.
        VolumeId,
        /// An id of its own.
        Own,
    }
    /// Whether the limit of 26 volumes of a server counts its boot volume.
    volume_limit: VolumeLimit {
        /// 26 besides it.
        DataVolumes,
        /// 26 with it.
        AllVolumes,
    }
    /// Attaching to a server that is locked.
    locked_server: LockedServer {
        /// Is accepted.
        Allowed,
        /// 409.
        Refused,
    }
    /// Attaching to a server in a state like `BUILD` or `ERROR`.
    unready_server: UnreadyServer {
        /// 409.
        Refused,
        /// Is accepted.
        Allowed,
    }
    /// Attaching to a server of an auto-scaling group.
    scaling_group_server: ScalingGroupServer {
        /// Is refused.
        Refused,
        /// Is accepted.
        Allowed,
    }
    /// Attaching to a node of a Kubernetes cluster.
    kubernetes_server: KubernetesServer {
        /// Is accepted.
        Allowed,
        /// Is refused.
        Refused,
    }
    /// The status of a refusal that no retry will cure: boot volume, zone, limit, scaling group, Windows.
    lasting_refusal: LastingRefusal {
        /// 409.
        Conflict,
        /// 400.
        BadRequest,
    }
    /// Attaching a volume to the server it is attached to.
    attach_twice: AttachTwice {
        /// 409.
        Conflict,
        /// Is accepted and changes nothing.
        Accepted,
    }
    /// Detaching, on the volume's side, what is not attached.
    detach_not_attached: DetachNotAttached {
        /// 404.
        NotFound,
        /// 409.
        Conflict,
    }
    /// A `volume_id` in the body of an update that is not the one in the path.
    update_mismatch: UpdateMismatch {
        /// 400.
        BadRequest,
        /// The one in the path counts.
        Ignored,
    }
    /// How many items a list has when no `limit` is given.
    default_page: DefaultPage {
        /// 20.
        Twenty,
        /// 1000.
        Thousand,
    }
    /// Where the page after a `marker` begins.
    marker: Marker {
        /// After the item it names.
        Exclusive,
        /// With the item it names.
        Inclusive,
    }
    /// How times are written.
    timestamps: Timestamps {
        /// `2026-01-02T03:04:05Z`.
        Zulu,
        /// `2026-01-02T03:04:05+00:00`.
        Offset,
        /// `2026-01-02T03:04:05.678901Z`.
        Fraction,
        /// `2026-01-02T03:04:05`: UTC without saying so.
        Zoneless,
    }
    /// `detail` of an error.
    error_detail: ErrorDetail {
        /// A list of texts; of a 500 a plain text.
        List,
        /// A plain text.
        Text,
        /// A list of texts, of a 500 too.
        AlwaysList,
    }
    /// The body of a 400 for input that is not valid.
    invalid_input: InvalidInput {
        /// The error envelope with `ValidationError`.
        Envelope,
        /// A list of `{msg, loc, ctx, type_}`, as the OpenAPI document has it.
        List,
    }
    /// The body of a 401.
    unauthorized: Unauthorized {
        /// The error envelope with `Unauthorized`.
        Envelope,
        /// The gateway's own.
        Gateway,
    }
    /// The body of a 406.
    no_such_version: NoSuchVersion {
        /// The error envelope with `NoSuchVersion`.
        Envelope,
        /// One flat object with the code.
        Flat,
    }
    /// A version header that is no version.
    malformed_version: MalformedVersion {
        /// 406, like one that does not exist.
        NotAcceptable,
        /// 400.
        BadRequest,
    }
    /// What a non-empty `Scp-AccountId` does to the signature.
    account_in_signature: AccountInSignature {
        /// It is part of the message.
        Header,
        /// Nothing.
        Ignored,
    }
    /// The answer to more calls in a minute than `calls_per_minute`.
    limit_style: LimitStyle {
        /// 417 with a page, from the firewall in front.
        Firewall,
        /// 429.
        Throttled,
    }
    /// The body of a 429.
    throttle_body: ThrottleBody {
        /// The error envelope with `TooManyRequests`.
        Envelope,
        /// The gateway's own.
        Gateway,
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
}
