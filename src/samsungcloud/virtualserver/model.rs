//! What the calls tell: volumes, servers, attachments, their states. Fields that other uses need are left out.

use std::fmt;

use serde::{Deserialize, Deserializer};
use serde_json::Value;
use time::{OffsetDateTime, PrimitiveDateTime, format_description::well_known::Rfc3339, macros::format_description};

use crate::ids::{ServerId, VolumeId};

/// A volume as Show Volume has it.
#[derive(Clone, Debug, Deserialize)]
pub struct Volume {
    /// Its id.
    pub id: VolumeId,
    /// Its name, where it has one.
    #[serde(default, deserialize_with = "text")]
    pub name: Option<String>,
    /// What it is doing as a whole; of one attachment it says little where there are several.
    pub state: VolumeState,
    /// The servers it is attached to.
    pub servers: Vec<VolumeServer>,
    /// Whether it may be attached to several servers.
    #[serde(default, deserialize_with = "yes")]
    pub multiattach: bool,
    /// Whether it was made from an image: true for every boot volume, and not only for those.
    #[serde(default, deserialize_with = "yes")]
    pub bootable: bool,
    /// Its type, e.g. `SSD_MultiAttach`.
    #[serde(default, deserialize_with = "text")]
    pub volume_type: Option<String>,
}

impl Volume {
    /// The entry of `server`, if the volume is attached to it.
    pub fn server(&self, server: &ServerId) -> Option<&VolumeServer> {
        self.servers.iter().find(|entry| entry.id == *server.as_str())
    }
}

/// One attachment, seen from the volume.
#[derive(Clone, Debug, Deserialize)]
pub struct VolumeServer {
    /// The server's id. (In the vendor's other lists `id` means other things.)
    pub id: ServerId,
    /// The device name in the guest as the cloud sees it, e.g. `/dev/vdb`.
    #[serde(default, deserialize_with = "text")]
    pub device: Option<String>,
    /// Since when.
    #[serde(default, deserialize_with = "time")]
    pub attached_at: Option<OffsetDateTime>,
}

/// One attachment, seen from the server.
#[derive(Clone, Debug, Deserialize)]
pub struct ServerVolume {
    /// The volume; the key of the list.
    pub volume_id: VolumeId,
    /// The attachment's own id, which may or may not be the volume's.
    #[serde(default, rename = "id", deserialize_with = "text")]
    pub attachment_id: Option<String>,
    /// The device name.
    #[serde(default, deserialize_with = "text")]
    pub device: Option<String>,
    /// Whether the volume is deleted with the server.
    #[serde(default, deserialize_with = "flag")]
    pub delete_on_termination: Option<bool>,
}

/// A server as Show Virtual Server has it.
#[derive(Clone, Debug, Deserialize)]
pub struct Server {
    /// Its id.
    pub id: ServerId,
    /// Its name.
    #[serde(default, deserialize_with = "text")]
    pub name: Option<String>,
    /// What it is doing.
    pub state: ServerState,
    /// Whether it is locked, which blocks start, stop and termination.
    #[serde(default, deserialize_with = "yes")]
    pub locked: bool,
    /// Its auto-scaling group, whose servers take no volumes by hand.
    #[serde(default, deserialize_with = "text")]
    pub auto_scaling_group_id: Option<String>,
    /// What it was ordered as: `virtual_server`, `gpu_server`, `k8s_vm`, …
    #[serde(default, deserialize_with = "text")]
    pub product_offering: Option<String>,
    /// Its volumes, without their devices.
    pub volumes: Vec<ServerVolumeFlag>,
}

/// A volume of a server, as Show Virtual Server has it.
#[derive(Clone, Debug, Deserialize)]
pub struct ServerVolumeFlag {
    /// The volume.
    pub id: VolumeId,
    /// Whether it is deleted with the server.
    #[serde(default, deserialize_with = "flag")]
    pub delete_on_termination: Option<bool>,
}

/// What the cloud says when it begins to attach.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct AttachedVolume {
    /// The device name it means to use.
    #[serde(default, deserialize_with = "text")]
    pub device: Option<String>,
    /// Whether the volume will be deleted with the server.
    #[serde(default, deserialize_with = "flag")]
    pub delete_on_termination: Option<bool>,
}

/// Whether `device` is where the boot volume of a server is. The vendor's own provider has no other way to tell.
pub fn is_boot_device(device: &str) -> bool {
    matches!(device, "/dev/vda" | "/dev/sda")
}

/// What a volume is doing. Words are compared whatever their case and with `_` and space for `-`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum VolumeState {
    /// Being made.
    Creating,
    /// Free.
    Available,
    /// An attach is accepted and has not begun.
    Reserved,
    /// Being attached.
    Attaching,
    /// Attached to one server or more.
    InUse,
    /// Being detached from one of its servers.
    Detaching,
    /// `error` or any word that begins so, as the cloud wrote it.
    Error(String),
    /// Any other word, as the cloud wrote it: `extending`, `backing-up`, `deleting`, `awaiting-transfer`, …
    Other(String),
}

impl From<&str> for VolumeState {
    fn from(word: &str) -> Self {
        let normal = word.trim().to_ascii_lowercase().replace(['_', ' '], "-");
        match normal.as_str() {
            "creating" => Self::Creating,
            "available" => Self::Available,
            "reserved" => Self::Reserved,
            "attaching" => Self::Attaching,
            "in-use" => Self::InUse,
            "detaching" => Self::Detaching,
            error if error.starts_with("error") => Self::Error(word.to_owned()),
            _ => Self::Other(word.to_owned()),
        }
    }
}

impl fmt::Display for VolumeState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Creating => "creating",
            Self::Available => "available",
            Self::Reserved => "reserved",
            Self::Attaching => "attaching",
            Self::InUse => "in-use",
            Self::Detaching => "detaching",
            Self::Error(word) | Self::Other(word) => word,
        })
    }
}

/// What a server is doing.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum ServerState {
    /// Running.
    Active,
    /// Stopped.
    Shutoff,
    /// Failed.
    Error,
    /// Any other word, as the cloud wrote it: `BUILD`, `REBOOT`, …
    Other(String),
}

impl From<&str> for ServerState {
    fn from(word: &str) -> Self {
        match word.trim().to_ascii_uppercase().as_str() {
            "ACTIVE" => Self::Active,
            "SHUTOFF" | "STOPPED" => Self::Shutoff,
            "ERROR" => Self::Error,
            _ => Self::Other(word.to_owned()),
        }
    }
}

impl fmt::Display for ServerState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Active => "ACTIVE",
            Self::Shutoff => "SHUTOFF",
            Self::Error => "ERROR",
            Self::Other(word) => word,
        })
    }
}

impl<'de> Deserialize<'de> for VolumeState {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(|word| Self::from(word.as_str()))
    }
}

impl<'de> Deserialize<'de> for ServerState {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(|word| Self::from(word.as_str()))
    }
}

// Fields that only inform are read leniently: a value of another type counts as none, and never fails the whole answer.

fn text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    Ok(match Value::deserialize(deserializer)? {
        Value::String(text) => Some(text).filter(|text| !text.is_empty()),
        _ => None,
    })
}

fn flag<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<bool>, D::Error> {
    Ok(match Value::deserialize(deserializer)? {
        Value::Bool(flag) => Some(flag),
        Value::String(word) => word.to_ascii_lowercase().parse().ok(),
        _ => None,
    })
}

fn yes<'de, D: Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    Ok(flag(deserializer)?.unwrap_or_default())
}

fn time<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<OffsetDateTime>, D::Error> {
    Ok(text(deserializer)?.and_then(|text| parse_time(&text)))
}

/// With a zone or, as the cloud sometimes has it, without one: that is UTC.
fn parse_time(text: &str) -> Option<OffsetDateTime> {
    let zoneless = format_description!("[year]-[month]-[day]T[hour]:[minute]:[second][optional [.[subsecond]]]");
    OffsetDateTime::parse(text, &Rfc3339)
        .or_else(|_| PrimitiveDateTime::parse(text, zoneless).map(PrimitiveDateTime::assume_utc))
        .ok()
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    fn volume(json: &str) -> Volume {
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn the_vendors_volume_is_read() {
        let volume = volume(include_str!("../../../tests/data/samsungcloud/replies/show-volume.json"));
        assert_eq!((volume.state.clone(), volume.multiattach, volume.bootable), (VolumeState::InUse, true, false));
        assert_eq!(volume.volume_type.as_deref(), Some("SSD_MultiAttach"));
        let server = volume.server(&ServerId::new("2A9BE312-5d4b-4bc8-b2ae-35100fa9241f")).unwrap();
        assert_eq!(server.device.as_deref(), Some("/dev/vdb"));
        assert_eq!(server.attached_at, Some(datetime!(2026-06-02 03:04:05.678901 UTC)));
        assert!(volume.server(&ServerId::new("another")).is_none());
    }

    #[test]
    fn the_vendors_server_is_read() {
        let server: Server =
            serde_json::from_str(include_str!("../../../tests/data/samsungcloud/replies/show-server.json")).unwrap();
        assert_eq!((server.state, server.locked), (ServerState::Active, true));
        assert_eq!((server.name.as_deref(), server.auto_scaling_group_id), (Some("web-1"), None));
        assert_eq!(server.product_offering.as_deref(), Some("virtual_server"));
        let flags = server.volumes.iter().map(|volume| volume.delete_on_termination).collect::<Vec<_>>();
        assert_eq!(flags, [Some(true), Some(false)]);
    }

    #[test]
    fn what_only_informs_may_be_null_missing_or_of_another_type() {
        let volume = volume(
            r#"{"id":"1","state":"available","servers":[{"id":"2","device":null,"attached_at":"yesterday"},{"id":"3"}],
                "name":7,"multiattach":"True","bootable":null,"volume_type":{},"new":[]}"#,
        );
        assert_eq!((volume.name, volume.volume_type), (None, None));
        assert!(volume.multiattach && !volume.bootable);
        assert!(volume.servers.iter().all(|server| server.device.is_none() && server.attached_at.is_none()));
    }

    #[test]
    fn a_list_that_is_missing_is_never_taken_for_an_empty_one() {
        for json in [r#"{"id":"1","state":"in-use"}"#, r#"{"id":"1","state":"in-use","servers":null}"#] {
            assert!(serde_json::from_str::<Volume>(json).is_err(), "{json}");
        }
        assert!(serde_json::from_str::<Volume>(r#"{"id":"1","servers":[]}"#).is_err());
        assert!(serde_json::from_str::<Volume>(r#"{"id":"1","state":"in-use","servers":[{}]}"#).is_err());
        assert!(serde_json::from_str::<Server>(r#"{"id":"1","state":"ACTIVE"}"#).is_err());
    }

    #[test]
    fn a_volumes_state_is_known_in_any_spelling_and_an_error_by_its_beginning() {
        for (word, expected) in [
            ("available", VolumeState::Available),
            ("In Use", VolumeState::InUse),
            ("IN_USE", VolumeState::InUse),
            ("detaching", VolumeState::Detaching),
            ("Reserved", VolumeState::Reserved),
            ("error", VolumeState::Error("error".to_owned())),
            ("error_extending", VolumeState::Error("error_extending".to_owned())),
            ("Error Deleting", VolumeState::Error("Error Deleting".to_owned())),
            ("awaiting-transfer", VolumeState::Other("awaiting-transfer".to_owned())),
            ("", VolumeState::Other(String::new())),
        ] {
            assert_eq!(VolumeState::from(word), expected);
        }
        assert_eq!(VolumeState::from("In Use").to_string(), "in-use");
        assert_eq!(VolumeState::from("error_extending").to_string(), "error_extending");
    }

    #[test]
    fn a_servers_state_is_known_in_any_case() {
        assert_eq!(ServerState::from("Active"), ServerState::Active);
        assert_eq!(ServerState::from("STOPPED").to_string(), "SHUTOFF");
        assert_eq!(ServerState::from("BUILD"), ServerState::Other("BUILD".to_owned()));
    }

    #[test]
    fn a_time_has_a_zone_or_is_utc() {
        let noon = Some(datetime!(2026-06-02 12:00 UTC));
        for text in [
            "2026-06-02T12:00:00Z",
            "2026-06-02T12:00:00",
            "2026-06-02T12:00:00.000000",
            "2026-06-02T12:00:00+00:00",
            "2026-06-02T21:00:00.000+09:00",
        ] {
            assert_eq!(parse_time(text), noon, "{text}");
        }
        assert_eq!(parse_time("2026-06-02"), None);
    }

    #[test]
    fn the_boot_volume_is_told_by_its_device() {
        assert!(is_boot_device("/dev/vda") && is_boot_device("/dev/sda"));
        assert!(!is_boot_device("/dev/vdb") && !is_boot_device("/dev/sdaa") && !is_boot_device(""));
    }
}
