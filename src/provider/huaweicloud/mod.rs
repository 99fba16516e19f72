//! Huawei Cloud's resources.

mod ecs;
mod ecs_attachment;

pub(crate) use ecs_attachment::EcsAttachment;
