//! Huawei Cloud's resources.

mod ecs;
mod ecs_attachment;
mod lite_server;
mod lite_server_attachment;

pub(crate) use ecs_attachment::EcsAttachment;
pub(crate) use lite_server_attachment::LiteServerAttachment;
