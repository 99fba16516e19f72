//! Huawei Cloud's resources.

mod batch;
#[cfg(test)]
mod batch_tests;
mod calls;
mod ecs;
mod ecs_attachment;
#[cfg(test)]
mod fake_cloud;
mod jobs;
mod lite_server;
mod lite_server_attachment;
mod reads;

pub(crate) use batch::Batches;
pub(crate) use ecs_attachment::EcsAttachment;
pub(crate) use jobs::Jobs;
pub(crate) use lite_server_attachment::LiteServerAttachment;
pub(crate) use reads::Reads;
