//! The vendor's error codes, and what each means: the one table that turns a code into an [`ErrorKind`].
//!
//! Vendor's pages: the "Error Codes" of ECS, EVS, ModelArts and API Gateway. A code that is not here still flows; its HTTP
//! status then tells the kind, except that a status alone never makes anything "not found".

use std::{borrow::Cow, fmt};

use crate::transport::ErrorKind;

/// An error code as the vendor writes it, e.g. `Ecs.0111`.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct ErrorCode(Cow<'static, str>);

impl ErrorCode {
    /// Takes the code as the vendor writes it.
    pub fn new(code: impl Into<String>) -> Self {
        Self(Cow::Owned(code.into()))
    }

    /// The code as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

macro_rules! codes {
    ($($kind:ident { $($(#[$doc:meta])* $name:ident = $code:literal,)+ })+) => {
        impl ErrorCode {
            $($($(#[$doc])* pub const $name: Self = Self(Cow::Borrowed($code));)+)+

            /// What the code means; `None` for one that this table does not know.
            pub fn kind(&self) -> Option<ErrorKind> {
                // A dedicated gateway writes `APIG.` before the same digits.
                let gateway = self.0.strip_prefix("APIG.").map(|digits| format!("APIGW.{digits}"));
                match gateway.as_deref().unwrap_or(&self.0) {
                    $($($code)|+ => Some(ErrorKind::$kind),)+
                    _ => None,
                }
            }
        }
    };
}

codes! {
    NotFound {
    /// The ECS does not exist.
    ECS_0114 = "Ecs.0114",
    /// The ECS does not exist (newer paths).
    ECS_0614 = "Ecs.0614",
    /// The job does not exist, any more: finished jobs are kept for one day.
    COMMON_0011 = "Common.0011",
    /// The volume does not exist.
    EVS_5404 = "EVS.5404",
    /// The Lite Server does not exist; comes with HTTP 400.
    MODELARTS_6404 = "ModelArts.6404",
    /// What the OpenStack-compatible services call a thing that does not exist.
    ITEM_NOT_FOUND = "itemNotFound",
    }
    AlreadyAttached {
    /// The disk is already attached to this ECS.
    ECS_0057 = "Ecs.0057",
    }
    NotAttached {
    /// The disk is not attached to this ECS.
    ECS_0111 = "Ecs.0111",
    }
    Conflict {
    /// The ECS is not in a state that allows this.
    ECS_0100 = "Ecs.0100",
    /// The system disk is abnormal.
    ECS_0101 = "Ecs.0101",
    /// The state of the system disk does not allow detaching it.
    ECS_0102 = "Ecs.0102",
    /// The disk is not available: it does not exist, or it is used, or something is being done to it.
    ECS_0103 = "Ecs.0103",
    /// Attaching a data disk failed; usually a job's error.
    ECS_0205 = "Ecs.0205",
    /// Another command is being carried out on the ECS.
    ECS_0603 = "Ecs.0603",
    /// The ECS is locked.
    ECS_0605 = "Ecs.0605",
    /// The disk is being worked on and locked.
    EVS_2068 = "EVS.2068",
    /// What the OpenStack-compatible services call a state that does not fit.
    CONFLICTING_REQUEST = "conflictingRequest",
    }
    Quota {
    /// Too many data disks.
    ECS_0042 = "Ecs.0042",
    /// No free slot for a disk.
    ECS_0104 = "Ecs.0104",
    /// The quota is used up.
    EVS_5413 = "EVS.5413",
    /// What the OpenStack-compatible services call a limit that is reached.
    OVER_LIMIT = "overLimit",
    }
    Invalid {
    /// A request that is wrong in general.
    ECS_0000 = "Ecs.0000",
    /// A parameter is invalid.
    ECS_0005 = "Ecs.0005",
    /// This ECS cannot have disks of this type.
    ECS_0015 = "Ecs.0015",
    /// The disk does not meet the requirements of this ECS: a former system disk only goes back to its own server.
    ECS_0017 = "Ecs.0017",
    /// SCSI does not fit.
    ECS_0037 = "Ecs.0037",
    /// SCSI does not fit.
    ECS_0051 = "Ecs.0051",
    /// SCSI does not fit.
    ECS_0052 = "Ecs.0052",
    /// SCSI does not fit.
    ECS_0053 = "Ecs.0053",
    /// The ECS has no system disk.
    ECS_0105 = "Ecs.0105",
    /// Too many entries in one batch.
    ECS_0118 = "Ecs.0118",
    /// The key of the encrypted disk cannot be used.
    ECS_0119 = "Ecs.0119",
    /// ECS and disk are in different failure domains (availability zones).
    ECS_0121 = "Ecs.0121",
    /// The batch failed.
    ECS_0611 = "Ecs.0611",
    /// The disk's attribute cannot be changed: not for system, shared and prepaid disks.
    ECS_0617 = "Ecs.0617",
    /// The body is missing.
    COMMON_0002 = "Common.0002",
    /// A malformed request.
    EVS_1013 = "EVS.1013",
    /// The id of the volume is not a UUID.
    EVS_1002 = "EVS.1002",
    /// `limit` is wrong.
    EVS_1023 = "EVS.1023",
    /// A malformed request.
    EVS_1052 = "EVS.1052",
    /// A malformed request.
    EVS_1070 = "EVS.1070",
    /// The disk belongs to a disaster recovery service.
    EVS_2089 = "EVS.2089",
    /// A malformed request.
    EVS_2108 = "EVS.2108",
    /// `limit` is wrong.
    EVS_2142 = "EVS.2142",
    /// A malformed request, or a volume state that does not allow it.
    EVS_5400 = "EVS.5400",
    /// The Lite Server is of a type that has no disks to attach or detach.
    MODELARTS_7000 = "ModelArts.7000",
    /// What the OpenStack-compatible services call a request that cannot be carried out.
    BAD_REQUEST = "badRequest",
    }
    Unauthenticated {
    /// Authentication failed.
    ECS_0004 = "Ecs.0004",
    /// The token is invalid.
    COMMON_0013 = "Common.0013",
    /// The account in the token is invalid.
    EVS_0001 = "EVS.0001",
    /// The token is invalid.
    EVS_0002 = "EVS.0002",
    /// Authentication failed.
    EVS_5401 = "EVS.5401",
    /// The token is invalid.
    MODELARTS_6401 = "ModelArts.6401",
    /// The signature, the key, the token or the time of the request is wrong.
    APIGW_0301 = "APIGW.0301",
    /// App authentication failed.
    APIGW_0303 = "APIGW.0303",
    /// Authentication failed.
    APIGW_0305 = "APIGW.0305",
    /// Authentication failed.
    APIGW_0307 = "APIGW.0307",
    }
    PermissionDenied {
    /// No permission, or no balance.
    ECS_0003 = "Ecs.0003",
    /// No permission, or no balance.
    ECS_0110 = "Ecs.0110",
    /// The account is restricted.
    ECS_0066 = "Ecs.0066",
    /// The account is restricted.
    ECS_0067 = "Ecs.0067",
    /// The account is restricted.
    ECS_0068 = "Ecs.0068",
    /// The account is frozen.
    ECS_0069 = "Ecs.0069",
    /// The account is frozen.
    ECS_0070 = "Ecs.0070",
    /// The account is suspended.
    ECS_0071 = "Ecs.0071",
    /// A policy forbids it.
    PDP_0001 = "Pdp.0001",
    /// The role forbids it.
    EVS_0003 = "EVS.0003",
    /// The action is not allowed.
    EVS_1027 = "EVS.1027",
    /// The action is not allowed.
    EVS_2056 = "EVS.2056",
    /// The account is frozen.
    EVS_2144 = "EVS.2144",
    /// The account is suspended.
    EVS_2145 = "EVS.2145",
    /// A policy forbids it.
    EVS_5403 = "EVS.5403",
    /// No permission.
    MODELARTS_6407 = "ModelArts.6407",
    /// The IAM user or the address is denied.
    APIGW_0302 = "APIGW.0302",
    /// The IAM user is forbidden in this region.
    APIGW_0802 = "APIGW.0802",
    }
    Configuration {
    /// The project in the URL is not the credential's.
    ECS_0023 = "Ecs.0023",
    /// The project in the URL is not the credential's.
    COMMON_0018 = "Common.0018",
    }
    NoSuchRoute {
    /// There is no such call: wrong host, region, path or method.
    APIGW_0101 = "APIGW.0101",
    }
    Throttled {
    /// The service's own flow control; comes with HTTP **202**.
    COMMON_0024 = "Common.0024",
    /// The service's own flow control; comes with HTTP 429 or 503.
    COMMON_1503 = "Common.1503",
    /// The gateway's flow control, counted by the minute.
    APIGW_0308 = "APIGW.0308",
    /// The service behind the gateway is busy.
    APIGW_0613 = "APIGW.0613",
    /// The service is not available for now.
    EVS_5503 = "EVS.5503",
    }
    Server {
    /// A fault of the system.
    ECS_0002 = "Ecs.0002",
    /// The OpenStack service behind ECS failed.
    ECS_1000 = "Ecs.1000",
    /// The OpenStack service behind ECS failed.
    ECS_1001 = "Ecs.1001",
    /// The OpenStack service behind ECS did not answer in time.
    ECS_1002 = "Ecs.1002",
    /// IAM behind ECS failed.
    ECS_1100 = "Ecs.1100",
    /// EVS behind ECS did not answer in time.
    ECS_1300 = "Ecs.1300",
    /// A fault of the system.
    COMMON_0001 = "Common.0001",
    /// The job was tried again and failed again.
    COMMON_0020 = "Common.0020",
    /// A part of the job failed.
    COMMON_0021 = "Common.0021",
    /// The job failed.
    COMMON_0022 = "Common.0022",
    /// The job cannot be queried.
    COMMON_0025 = "Common.0025",
    /// The job was ended.
    COMMON_0999 = "Common.0999",
    /// The job could not be submitted.
    EVS_2001 = "EVS.2001",
    /// A fault of the system.
    EVS_2002 = "EVS.2002",
    /// Deleting the disk failed.
    EVS_2020 = "EVS.2020",
    /// Detaching the disk failed.
    EVS_2021 = "EVS.2021",
    /// The server could not be looked up.
    EVS_2131 = "EVS.2131",
    /// ECS failed to attach the disk.
    EVS_2134 = "EVS.2134",
    /// A fault of the system.
    EVS_5500 = "EVS.5500",
    /// The gateway cannot reach the service, or the service took too long; also a request that is too large.
    APIGW_0201 = "APIGW.0201",
    /// A fault of the gateway.
    APIGW_0601 = "APIGW.0601",
    /// What the OpenStack-compatible services call a fault of their own.
    COMPUTE_FAULT = "computeFault",
    }
}
