//! `cloudvolume_samsungcloud_virtual_server_attachment`: a block volume on a Virtual Server of Samsung Cloud Platform.
//!
//! Calls: `POST /v1/volumes/{v}/servers`, `DELETE /v1/volumes/{v}/servers/{s}`, `GET /v1/volumes/{v}`,
//! `GET /v1/servers/{s}`, `PUT /v1/servers/{s}/volumes/{v}`, `POST /v1/servers/{s}/{start,stop}`, `GET /` (the versions);
//! the catalog's `GET /v1/endpoints`.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use tf_provider::{
    Diagnostics,
    schema::{AttributeType, Schema},
    value::Value,
};

use super::virtual_server::VirtualServerApi;
use crate::provider::{
    attachment::{
        api::{AttachmentApi, Wish},
        life::bool_or,
        model::{Attachment, Model, known_bool},
        resource::{Kind, NotReady},
        sight::Facts,
    },
    data::ProviderData,
    schema,
};

/// The resource.
#[derive(Debug)]
pub(crate) struct VirtualServerAttachment;

/// Its attributes.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub(crate) struct VirtualServerAttachmentModel {
    #[serde(flatten)]
    common: Attachment,
    delete_on_termination: Value<bool>,
}

impl Kind for VirtualServerAttachment {
    type Model = VirtualServerAttachmentModel;

    const TYPE_NAME: &'static str = "cloudvolume_samsungcloud_virtual_server_attachment";

    fn schema() -> Schema {
        let mut schema = schema::schema(
            "Attaches a block volume to a Virtual Server of Samsung Cloud Platform, and returns when both the server and \
             the volume list the attachment.",
            [(
                "delete_on_termination",
                schema::optional_computed(
                    AttributeType::Bool,
                    "Whether the volume is deleted together with the server. Default: as the cloud has it.",
                ),
            )],
        );
        schema.block.attributes.extend(Attachment::attributes("10m"));
        schema
    }

    fn provider_region(data: &ProviderData) -> Option<String> {
        data.samsungcloud.as_ref().ok().and_then(|cloud| cloud.client.region().map(str::to_owned))
    }

    fn connect(data: &ProviderData, region: Option<&str>) -> Result<Arc<dyn AttachmentApi>, NotReady> {
        Ok(Arc::new(VirtualServerApi::new(data.samsungcloud.as_ref().map_err(NotReady::clone)?, region)))
    }
}

impl Model for VirtualServerAttachmentModel {
    fn common(&self) -> &Attachment {
        &self.common
    }

    fn common_mut(&mut self) -> &mut Attachment {
        &mut self.common
    }

    fn wish(&self) -> Wish {
        Wish { delete_on_termination: known_bool(&self.delete_on_termination), ..Wish::default() }
    }

    fn absorb(&mut self, facts: &Facts) {
        self.delete_on_termination = bool_or(facts.delete_on_termination, &self.delete_on_termination);
    }

    fn forget(&mut self, config: &Self) {
        if config.delete_on_termination.is_null() {
            self.delete_on_termination = Value::Unknown;
        }
    }

    fn replaced_by(&self, _: &Self) -> Vec<&'static str> {
        Vec::new()
    }

    fn validate(&self, _: &mut Diagnostics) {}
}
