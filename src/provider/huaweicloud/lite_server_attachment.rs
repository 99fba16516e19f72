//! `cloudvolume_huaweicloud_lite_server_attachment`: an EVS volume on a ModelArts Lite Server.
//!
//! Calls: ModelArts `POST /v1/{p}/dev-servers/{s}/attachvolume`, `DELETE /v1/{p}/dev-servers/{s}/detachvolume/{v}`,
//! `GET /v1/{p}/dev-servers/{s}/operation/{operation}`, `GET /v1/{p}/dev-servers/{s}`, `GET /v1/{p}/dev-servers`; EVS
//! `GET /v2/{p}/cloudvolumes/{v}`; IAM `GET /v3/projects`.

use std::{sync::Arc, time::Duration};

use serde::{Deserialize, Serialize};
use tf_provider::{
    AttributePath, Diagnostics,
    schema::{AttributeType, Schema},
    value::Value,
};

use super::lite_server::LiteServerApi;
use crate::provider::{
    attachment::{
        api::{AttachmentApi, Wish},
        model::{Attachment, Model, OnDestroy, check_uuid, value},
        resource::{Kind, NotReady},
        sight::Facts,
    },
    data::ProviderData,
    diagnostics, schema,
};

/// The resource.
#[derive(Debug)]
pub(crate) struct LiteServerAttachment;

/// Its attributes.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub(crate) struct LiteServerAttachmentModel {
    #[serde(flatten)]
    common: Attachment,
    size: Value<i64>,
    volume_type: Value<String>,
}

impl Kind for LiteServerAttachment {
    type Model = LiteServerAttachmentModel;

    const TYPE_NAME: &'static str = "cloudvolume_huaweicloud_lite_server_attachment";

    fn schema() -> Schema {
        use schema::{computed, optional, required};
        let mut schema = schema::schema(
            "Attaches an EVS volume to a ModelArts Lite Server of Huawei Cloud, and returns when the operation has ended and \
             the volume lists the attachment. Huawei Cloud offers this for Lite Servers with A3 hardware only.",
            [
                ("size", computed(AttributeType::Number, "The volume's size in GiB.")),
                ("volume_type", computed(AttributeType::String, "The volume's type, e.g. `SSD`.")),
            ],
        );
        schema.block.attributes.extend(Attachment::attributes("20m"));
        // What is narrower here than on other servers.
        schema.block.attributes.extend([
            (
                "server_id".to_owned(),
                required(
                    AttributeType::String,
                    "The Lite Server's own id, not that of the cloud server under it; a lower-case RFC 4122 UUID. A change replaces the attachment: the volume is detached and attached anew.",
                ),
            ),
            (
                "on_destroy".to_owned(),
                optional(
                    AttributeType::String,
                    "What destroying does: `detach` (default); `abandon` forgets the attachment and leaves it in place; `refuse` fails. Lite Servers are not stopped by this provider.",
                ),
            ),
        ]);
        schema
    }

    fn provider_region(data: &ProviderData) -> Option<String> {
        data.huaweicloud.as_ref().ok().map(|cloud| cloud.client.region().to_owned())
    }

    fn connect(data: &ProviderData, region: Option<&str>) -> Result<Arc<dyn AttachmentApi>, NotReady> {
        Ok(Arc::new(LiteServerApi::new(data.huaweicloud.as_ref().map_err(NotReady::clone)?, region)))
    }
}

impl Model for LiteServerAttachmentModel {
    fn common(&self) -> &Attachment {
        &self.common
    }

    fn common_mut(&mut self) -> &mut Attachment {
        &mut self.common
    }

    fn wish(&self) -> Wish {
        Wish::default()
    }

    fn absorb(&mut self, facts: &Facts) {
        self.size = value(facts.size);
        self.volume_type = value(facts.volume_type.clone());
    }

    fn forget(&mut self, _: &Self) {
        self.size = Value::Unknown;
        self.volume_type = Value::Unknown;
    }

    fn replaced_by(&self, _: &Self) -> Vec<&'static str> {
        Vec::new()
    }

    fn validate(&self, diags: &mut Diagnostics) {
        if self.common.on_destroy.is_value() && self.common.on_destroy() == OnDestroy::StopThenDetach {
            let problem = "A Lite Server is not stopped by this provider: write \"detach\", \"abandon\" or \"refuse\".";
            diagnostics::attribute_error(
                diags,
                AttributePath::new("on_destroy"),
                "Invalid on_destroy",
                problem.to_owned(),
            );
        }
    }

    /// The vendor's pattern: a lower-case UUID of version 1 to 5 and the RFC 4122 variant.
    fn check_id(id: &str, server: bool) -> Result<(), String> {
        check_uuid(id)?;
        let bytes = id.as_bytes();
        let version = bytes.get(14).is_some_and(|b| (b'1'..=b'5').contains(b));
        let variant = bytes.get(19).is_some_and(|b| matches!(b, b'8' | b'9' | b'a' | b'b'));
        if version && variant && !bytes.iter().any(u8::is_ascii_uppercase) {
            return Ok(());
        }
        let what = if server { "a Lite Server's id (not that of the cloud server under it)" } else { "a volume's id" };
        Err(format!("{id:?} cannot be {what}: ModelArts takes lower-case RFC 4122 UUIDs only."))
    }

    fn default_timeout() -> Duration {
        Duration::from_secs(1200)
    }
}
