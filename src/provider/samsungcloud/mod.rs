//! Samsung Cloud Platform's resources.

mod servers;
mod virtual_server;
mod virtual_server_attachment;

pub(crate) use servers::Servers;
pub(crate) use virtual_server_attachment::VirtualServerAttachment;
