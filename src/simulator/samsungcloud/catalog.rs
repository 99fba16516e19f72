//! Where the services are, and in which versions: `GET /v1/endpoints` and `GET /`.

use serde_json::{Value, json};

use super::Call;
use super::error::Refusal;
use crate::simulator::message::Reply;

/// `ListEndpoints`: the services of each region on the region's own address.
pub(crate) fn list_endpoints(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    // The catalog is global and lives with the first region.
    if call.region != 0 {
        return Err(Refusal::Gateway(404));
    }
    let config = &call.state.config.samsungcloud;
    let host = call.request.header("host").unwrap_or_default();
    let name = host.rsplit_once(':').filter(|(_, port)| port.bytes().all(|byte| byte.is_ascii_digit()));
    let name = name.map_or(host, |(name, _)| name);
    let entry = |region: &str, service: &str, title: &str, host: &str| {
        let url = format!("{}://{host}", config.scheme);
        json!({"region": region, "service_name": title, "service_type": service, "url": url})
    };
    let mut endpoints: Vec<Value> = Vec::new();
    for (place, region) in config.regions.iter().enumerate() {
        let host = match call.state.samsungcloud.ports.get(place) {
            Some(port) if place > 0 => format!("{name}:{port}"),
            _ => host.to_owned(),
        };
        endpoints.push(entry(region, "scp-virtualserver", "Virtual Server", &host));
        endpoints.push(entry(region, "scp-vpc", "VPC", &host));
    }
    endpoints.push(entry("", "scp-iam", "IAM", host));
    Ok(Reply::json(200, &json!({"endpoints": endpoints})))
}

/// `ListVersions`, for anybody.
pub(crate) fn list_versions(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let config = &call.state.config.samsungcloud;
    let host = call.request.header("host").unwrap_or_default();
    let href = format!("{}://{host}/v1", config.scheme);
    let shown = |version: &super::ApiVersion| {
        json!({
            "id": format!("v{}", String::from(version.version)),
            "links": [{"href": href, "rel": "self"}],
            "not_before": version.not_before,
            "status": version.status,
        })
    };
    let versions: Vec<Value> = config.api_versions.iter().map(shown).collect();
    Ok(Reply::json(200, &json!({"versions": versions})))
}
