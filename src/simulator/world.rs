//! What exists in the clouds, as data: read from JSON, built in, or put together by a test.

use serde::{Deserialize, Serialize};

use super::{huaweicloud, samsungcloud};

/// Everything that exists. Both sides of every attachment are kept apart, because in the clouds they are, too.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct World {
    /// Servers, volumes and Lite Servers in Huawei Cloud.
    pub huaweicloud: huaweicloud::World,
    /// Virtual Servers and volumes in Samsung Cloud Platform.
    pub samsungcloud: samsungcloud::World,
}

impl World {
    /// The world of the demo and the guide; its ids are fixed.
    pub fn built_in() -> Self {
        Self { huaweicloud: huaweicloud::World::built_in(), samsungcloud: samsungcloud::World::built_in() }
    }

    /// Looks for what cannot be.
    ///
    /// # Errors
    /// A sentence for the first contradiction found.
    pub fn validate(&self) -> Result<(), String> {
        self.huaweicloud.validate()?;
        self.samsungcloud.validate()
    }
}
