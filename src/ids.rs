//! Ids that every cloud has, as types of their own so that a server is never passed for a volume.

use std::{
    cmp::Ordering,
    fmt,
    hash::{Hash, Hasher},
};

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Debug, serde::Deserialize, serde::Serialize)]
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

        // Two spellings of one id are one id: a server must not get two queues because a user wrote it in capitals.
        impl PartialEq for $name {
            fn eq(&self, other: &Self) -> bool {
                *self == *other.as_str()
            }
        }

        impl Eq for $name {}

        impl Hash for $name {
            fn hash<H: Hasher>(&self, state: &mut H) {
                self.0.to_ascii_lowercase().hash(state);
            }
        }

        impl Ord for $name {
            fn cmp(&self, other: &Self) -> Ordering {
                self.0.to_ascii_lowercase().cmp(&other.0.to_ascii_lowercase())
            }
        }

        impl PartialOrd for $name {
            fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
                Some(self.cmp(other))
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
        let other = ServerId::new("abcdef00-0000-4000-8000-000000000001");
        assert_eq!(std::collections::HashSet::from([id.clone(), other.clone()]).len(), 1);
        assert_eq!(std::collections::BTreeSet::from([id.clone(), other]).len(), 1);
        assert_eq!(id.to_string(), "ABCDEF00-0000-4000-8000-000000000001");
    }
}
