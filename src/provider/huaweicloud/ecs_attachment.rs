//! `cloudvolume_huaweicloud_ecs_attachment`: an EVS volume on an ECS.
//!
//! Calls: ECS `POST /v1/{p}/cloudservers/{s}/attachvolume`, `DELETE /v1/{p}/cloudservers/{s}/detachvolume/{v}`,
//! `POST /v1/{p}/batchaction/{attachvolumes,detachvolumes}/{v}`, `POST /v1/{p}/cloudservers/action`, `GET /v1/{p}/jobs/{job}`,
//! `GET /v1/{p}/cloudservers/{s}`, `GET /v1/{p}/cloudservers/{s}/block_device`,
//! `PUT /v1/{p}/cloudservers/{s}/block_device/{v}`; EVS `GET /v2/{p}/cloudvolumes/{v}`, `GET /v2/{p}/cloudvolumes/detail`,
//! `POST /v2/{p}/volumes/{v}/action`; IAM `GET /v3/projects`.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use tf_provider::{
    AttributePath, Diagnostics,
    schema::{AttributeType, Schema},
    value::Value,
};

use super::ecs::EcsApi;
use crate::provider::{
    attachment::{
        api::{AttachmentApi, Wish},
        life::bool_or,
        model::{Attachment, Model, known_bool, text, value},
        resource::{Kind, NotReady},
        sight::Facts,
    },
    data::ProviderData,
    diagnostics, schema,
};

/// The resource.
#[derive(Debug)]
pub(crate) struct EcsAttachment;

/// Its attributes.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub(crate) struct EcsAttachmentModel {
    #[serde(flatten)]
    common: Attachment,
    device_hint: Value<String>,
    delete_on_termination: Value<bool>,
    force_detach: Value<bool>,
    release_stale_record: Value<bool>,
    attachment_id: Value<String>,
    bus: Value<String>,
    pci_address: Value<String>,
}

impl Kind for EcsAttachment {
    type Model = EcsAttachmentModel;

    const TYPE_NAME: &'static str = "cloudvolume_huaweicloud_ecs_attachment";

    fn schema() -> Schema {
        use AttributeType::{Bool, String};
        use schema::{computed, optional, optional_computed};
        let mut schema = schema::schema(
            "Attaches an EVS volume to an ECS of Huawei Cloud, and returns when the job has ended and both the server and \
             the volume list the attachment.",
            [
                (
                    "device_hint",
                    optional(
                        String,
                        "The device name to ask for, e.g. `/dev/vdb`. The cloud treats it as advice; `device` is what it made of it. Changing one hint for another replaces the attachment; adding or removing one changes nothing in the cloud.",
                    ),
                ),
                (
                    "delete_on_termination",
                    optional_computed(
                        Bool,
                        "Whether the volume is deleted together with the server. Default: as the cloud has it. Not for system, shared and prepaid volumes.",
                    ),
                ),
                (
                    "force_detach",
                    optional(
                        Bool,
                        "Whether to detach without the guest's agreement (`delete_flag=1`; KVM with VBD data volumes only). Default: `false`.",
                    ),
                ),
                (
                    "release_stale_record",
                    optional(
                        Bool,
                        "Whether a stale record may be released: EVS lists the server while the server does not list the volume, or does not exist, and nothing is under way. It calls EVS's `os-detach`, which the vendor deprecates, with that record's `attachment_id`; never for a server that lists the volume. Default: `false`.",
                    ),
                ),
                ("attachment_id", computed(String, "EVS's own id of the attachment record.")),
                ("bus", computed(String, "`virtio` or `scsi`.")),
                ("pci_address", computed(String, "The PCI address inside the guest; null for SCSI.")),
            ],
        );
        schema.block.attributes.extend(Attachment::attributes("10m"));
        schema
    }

    fn provider_region(data: &ProviderData) -> Option<std::string::String> {
        data.huaweicloud.as_ref().ok().map(|cloud| cloud.client.region().to_owned())
    }

    fn connect(data: &ProviderData, region: Option<&str>) -> Result<Arc<dyn AttachmentApi>, NotReady> {
        Ok(Arc::new(EcsApi::new(data.huaweicloud.as_ref().map_err(NotReady::clone)?, region)))
    }
}

impl Model for EcsAttachmentModel {
    fn common(&self) -> &Attachment {
        &self.common
    }

    fn common_mut(&mut self) -> &mut Attachment {
        &mut self.common
    }

    fn wish(&self) -> Wish {
        Wish {
            device: text(&self.device_hint).map(str::to_owned),
            delete_on_termination: known_bool(&self.delete_on_termination),
            force: known_bool(&self.force_detach).unwrap_or_default(),
            release_stale_record: known_bool(&self.release_stale_record).unwrap_or_default(),
            ..Wish::default()
        }
    }

    fn absorb(&mut self, facts: &Facts) {
        self.delete_on_termination = bool_or(facts.delete_on_termination, &self.delete_on_termination);
        self.attachment_id = value(facts.attachment_id.clone());
        self.bus = value(facts.bus.clone());
        self.pci_address = value(facts.pci_address.clone());
    }

    fn forget(&mut self, config: &Self) {
        if config.delete_on_termination.is_null() {
            self.delete_on_termination = Value::Unknown;
        }
        self.attachment_id = Value::Unknown;
        self.bus = Value::Unknown;
        self.pci_address = Value::Unknown;
    }

    /// A hint for an attachment that was made without one (imported, adopted) is only taken down: replacing would detach a
    /// volume for the sake of a name that the cloud may ignore.
    fn replaced_by(&self, prior: &Self) -> Vec<&'static str> {
        match (&self.device_hint, &prior.device_hint) {
            (_, Value::Null) | (Value::Null, _) => Vec::new(),
            (new, old) if new == old => Vec::new(),
            _ => vec!["device_hint"],
        }
    }

    fn validate(&self, diags: &mut Diagnostics) {
        let Some(hint) = text(&self.device_hint) else { return };
        let name = hint.strip_prefix("/dev/").unwrap_or_default();
        if name.is_empty() || !name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit()) {
            let problem =
                format!("{hint:?} is not a device name: write \"/dev/vdb\" or \"/dev/sdb\", or leave it out.");
            diagnostics::attribute_error(diags, AttributePath::new("device_hint"), "Invalid device_hint", problem);
        } else if matches!(name, "vda" | "sda" | "xvda" | "hda") {
            let problem =
                format!("{hint:?} is the system volume's name; data volumes begin at \"/dev/vdb\" or \"/dev/sdb\".");
            diagnostics::attribute_error(diags, AttributePath::new("device_hint"), "Invalid device_hint", problem);
        }
    }
}

#[cfg(test)]
#[path = "ecs_attachment_tests.rs"]
mod tests;
