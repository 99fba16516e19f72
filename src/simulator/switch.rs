//! Switches: what a vendor leaves open, each with the answers that are possible. The first is the default and the best
//! guess; clients must live with every one.

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

/// A switch as `--help` and the guide list it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Switch {
    /// Its name, as in JSON.
    pub name: &'static str,
    /// What it decides.
    pub about: &'static str,
    /// Its values, the default first, each with what it means.
    pub values: Vec<(String, &'static str)>,
}

/// Writes a value as it stands in JSON.
pub(crate) fn written(value: impl Serialize) -> String {
    serde_json::to_value(value).ok().and_then(|v| v.as_str().map(str::to_owned)).unwrap_or_default()
}

/// Sets one of a cloud's switches by name and value.
pub(crate) fn set<T>(switches: &mut T, table: &[Switch], name: &str, value: &str) -> Result<(), String>
where
    T: Serialize + DeserializeOwned,
{
    let Some(switch) = table.iter().find(|switch| switch.name == name) else {
        let names: Vec<_> = table.iter().map(|switch| switch.name).collect();
        return Err(format!("there is no switch {name:?}; there are {}", names.join(", ")));
    };
    let mut all = serde_json::to_value(&*switches).map_err(|error| error.to_string())?;
    all[name] = Value::from(value);
    *switches = serde_json::from_value(all).map_err(|_| {
        let values: Vec<_> = switch.values.iter().map(|(value, _)| value.as_str()).collect();
        format!("the switch {name} cannot be {value:?}; it can be {}", values.join(", "))
    })?;
    Ok(())
}

/// Declares a cloud's `Switches`: for each its text, its name, its type, and its values with their texts.
macro_rules! switches {
    ($( $(#[doc = $about:literal])+ $field:ident: $name:ident {
        $( #[doc = $vabout:literal] $variant:ident, )+
    } )+) => {
        $(
            $(#[doc = $about])+
            #[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
            #[serde(rename_all = "snake_case")]
            pub enum $name {
                $( #[doc = $vabout] $variant, )+
            }

            impl Default for $name {
                fn default() -> Self {
                    [$(Self::$variant),+][0]
                }
            }
        )+

        /// Every switch.
        #[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
        #[serde(default, deny_unknown_fields)]
        pub struct Switches {
            $( $(#[doc = $about])+ pub $field: $name, )+
        }

        impl Switches {
            /// Every switch with its values.
            pub fn table() -> Vec<$crate::simulator::Switch> {
                use $crate::simulator::switch::written;
                vec![$( $crate::simulator::Switch {
                    name: stringify!($field),
                    about: concat!($($about),+).trim_ascii(),
                    values: vec![$( (written($name::$variant), $vabout.trim_ascii()) ),+],
                } ),+]
            }

            /// Sets one switch by name and value, as the command line does.
            ///
            /// # Errors
            /// A sentence that lists what there is.
            pub fn set(&mut self, name: &str, value: &str) -> Result<(), String> {
                $crate::simulator::switch::set(self, &Self::table(), name, value)
            }
        }
    };
}

pub(crate) use switches;

/// Sets every switch to every value by name, and checks that the first value is the default.
#[cfg(test)]
pub(crate) fn assert_settable<T: Default + Serialize + DeserializeOwned>(table: &[Switch]) {
    for switch in table {
        assert!(switch.values.len() > 1, "{} decides nothing", switch.name);
        for (value, about) in &switch.values {
            let mut switches = T::default();
            set(&mut switches, table, switch.name, value).unwrap();
            assert_eq!(serde_json::to_value(&switches).unwrap()[switch.name], *value, "{about}");
        }
        let default = serde_json::to_value(T::default()).unwrap();
        assert_eq!(default[switch.name], switch.values[0].0, "the first value is the default");
    }
}
