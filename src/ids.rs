//! Ids that every cloud has, as types of their own so that a server is never passed for a volume.

use std::fmt;

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd, serde::Deserialize, serde::Serialize)]
        #[serde(transparent)]
        pub struct $name(String);

        impl $name {
            /// Takes the id as it is written; validation is the caller's.
            pub fn new(id: impl Into<String>) -> Self {
                Self(id.into())
            }

            /// The id as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl PartialEq<str> for $name {
            fn eq(&self, other: &str) -> bool {
                self.0.eq_ignore_ascii_case(other)
            }
        }
    };
}

id! {
    /// A server: an ECS, a Lite Server or a Virtual Server (UUID).
    ServerId
}
id! {
    /// A block volume (UUID).
    VolumeId
}
id! {
    /// What a cloud calls a task it runs for us: an ECS job, a Lite Server operation. Opaque text.
    JobId
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_equals_its_text_whatever_the_case() {
        let id = ServerId::new("ABCDEF00-0000-4000-8000-000000000001");
        assert_eq!(id, *"abcdef00-0000-4000-8000-000000000001");
        assert_eq!(id.to_string(), "ABCDEF00-0000-4000-8000-000000000001");
    }
}
