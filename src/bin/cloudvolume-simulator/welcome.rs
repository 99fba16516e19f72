//! What the simulator says of itself: what to write into a configuration, what exists, and the switches.

use cloudvolume::simulator::{Config, World, huaweicloud, samsungcloud};

/// How many of a kind are listed.
const MOST_LISTED: usize = 20;

/// The switches as the end of `--help`.
pub(crate) fn switch_help() -> String {
    let mut help = "Switches (the first value is the default):\n".to_owned();
    let huaweicloud = huaweicloud::Switches::table().into_iter().map(|switch| ("", switch));
    let samsungcloud = samsungcloud::Switches::table().into_iter().map(|switch| ("samsungcloud.", switch));
    for (prefix, switch) in huaweicloud.chain(samsungcloud) {
        help.push_str(&format!("\n  {prefix}{}: {}\n", switch.name, switch.about));
        for (value, about) in switch.values {
            help.push_str(&format!("      {value:<18} {about}\n"));
        }
    }
    help
}

/// What a practitioner needs to use this simulator: environment, provider block, ids.
pub(crate) fn welcome(config: &Config, huaweicloud_url: &str, samsungcloud_url: &str) -> String {
    let built_in = Config::default();
    let (cloud, url) = (&config.huaweicloud, huaweicloud_url);
    let region = cloud.regions.first().map_or("", |region| &region.name);
    let key = cloud.access_keys.first().map(|key| (key.access_key.as_str(), key.secret_key.expose()));
    let is_built_in = cloud.access_keys.first().is_some_and(|key| built_in.huaweicloud.access_keys.contains(key));
    let (access_key, secret_key) = shown(key, is_built_in);
    let (scp, scp_url) = (&config.samsungcloud, samsungcloud_url);
    let scp_region = scp.regions.first().map_or("", String::as_str);
    let key = scp.access_keys.first().map(|key| (key.access_key.as_str(), key.secret_key.expose()));
    let is_built_in = scp.access_keys.first().is_some_and(|key| built_in.samsungcloud.access_keys.contains(key));
    let (scp_access_key, scp_secret_key) = shown(key, is_built_in);
    let mut text = format!(
        r#"Huawei Cloud (ECS, EVS, ModelArts Lite Server, IAM, STS, metadata): {url}
Samsung Cloud Platform (catalog, Virtual Server in {scp_region}): {scp_url}
Control: {url}/_simulator/ (health, journal, jobs, operations, world, edit, faults, switches, advance, reset)

  export HW_REGION_NAME='{region}'
  export HW_ACCESS_KEY='{access_key}'
  export HW_SECRET_KEY='{secret_key}'

  export SCP_TF_AUTH_URL='{scp_url}/v1'
  export SCP_TF_DEFAULT_REGION='{scp_region}'
  export SCP_TF_ACCESS_KEY='{scp_access_key}'
  export SCP_TF_SECRET_KEY='{scp_secret_key}'

provider "cloudvolume" {{
  huaweicloud = {{
    region     = "{region}"
    access_key = "{access_key}"
    secret_key = "{secret_key}"
    endpoints = {{
      ecs       = "{url}"
      evs       = "{url}"
      modelarts = "{url}"
      iam       = "{url}"
    }}
  }}
  samsungcloud = {{
    auth_url       = "{scp_url}/v1"
    default_region = "{scp_region}"
    access_key     = "{scp_access_key}"
    secret_key     = "{scp_secret_key}"
  }}
}}

"#
    );
    let world = config.world.clone().unwrap_or_else(World::built_in);
    text.push_str("Huawei Cloud has:\n");
    let here = &world.huaweicloud;
    list(&mut text, here.servers.iter().map(|s| ("server", &s.id, &s.name, &s.status, &s.availability_zone)));
    list(&mut text, here.lite_servers.iter().map(|s| ("lite server", &s.id, &s.name, &s.status, &s.cloud_server.kind)));
    let volumes = here.volumes.iter().filter(|volume| !volume.bootable);
    list(&mut text, volumes.map(|v| (kind(v.multiattach), &v.id, &v.name, &v.status, &v.availability_zone)));
    text.push_str("Samsung Cloud Platform has:\n");
    let here = &world.samsungcloud;
    list(&mut text, here.servers.iter().map(|s| ("server", &s.id, &s.name, &s.state, &s.zone)));
    let volumes = here.volumes.iter().filter(|volume| !volume.bootable);
    list(&mut text, volumes.map(|v| (kind(v.multiattach), &v.id, &v.name, &v.state, &v.zone)));
    text
}

fn kind(multiattach: bool) -> &'static str {
    if multiattach { "shared" } else { "volume" }
}

/// The first of a kind, a line each: what it is, its id, its name, its state and where it is or what it is made of.
fn list<'a>(text: &mut String, rows: impl Iterator<Item = (&'a str, &'a String, &'a String, &'a String, &'a String)>) {
    for (kind, id, name, state, place) in rows.take(MOST_LISTED) {
        text.push_str(&format!("{kind:<12} {id} {name} ({state}, {place})\n"));
    }
}

/// A key pair as it may be printed: a secret somebody else chose stays out of the logs of his CI.
fn shown<'a>(key: Option<(&'a str, &'a str)>, is_built_in: bool) -> (&'a str, &'a str) {
    match key {
        Some((access_key, _)) if !is_built_in => (access_key, "<the secret key you configured>"),
        Some(pair) => pair,
        None => ("<none configured>", "<none configured>"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flags::tests::config;

    #[test]
    fn help_lists_every_switch_and_the_welcome_names_the_block_to_use() {
        let help = switch_help();
        assert!(huaweicloud::Switches::table().iter().all(|switch| help.contains(switch.name)));
        assert!(help.contains("samsungcloud.attach_begins"));
        let text = welcome(&config(&[]).unwrap(), "http://127.0.0.1:1", "http://127.0.0.1:2");
        for part in ["HW_ACCESS_KEY", "endpoints = {", "modelarts = \"http://127.0.0.1:1\"", "web-1", "shared-1"] {
            assert!(text.contains(part), "{part}");
        }
        for part in ["SCP_TF_AUTH_URL='http://127.0.0.1:2/v1'", "default_region = \"kr-west1\"", "5c000000-"] {
            assert!(text.contains(part), "{part}");
        }
    }

    #[test]
    fn a_secret_somebody_chose_is_not_printed() {
        for prefix in ["", "samsungcloud-"] {
            let (access_key, secret_key) = (format!("--{prefix}access-key=mine"), format!("--{prefix}secret-key=hush"));
            let text = welcome(&config(&[&access_key, &secret_key]).unwrap(), "http://h", "http://s");
            assert!(text.contains("mine") && !text.contains("hush"), "{text}");
        }
    }
}
