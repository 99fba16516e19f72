//! Samsung Cloud Platform's resources.

mod virtual_server;
mod virtual_server_attachment;

pub(crate) use virtual_server_attachment::VirtualServerAttachment;
