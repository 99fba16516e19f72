//! Who the tests are to each simulated cloud, and the provider block that says so.

use std::fmt::Write as _;

use cloudvolume::simulator::Simulator;

/// The key that the simulated Huawei Cloud accepts.
pub(crate) const ACCESS_KEY: &str = "SIMULATORACCESSKEY01";
/// Its secret half.
pub(crate) const SECRET_KEY: &str = "simulator-secret-key-0000000000000000001";
/// Where nobody answers: no test may ask the metadata service of the machine that it runs on.
const NOWHERE: &str = "http://127.0.0.1:1";

/// An account in a cloud.
#[derive(Debug)]
pub(crate) struct Account {
    /// The attribute of the provider block.
    pub(crate) block: &'static str,
    /// Its usual arguments; the first is the region.
    pub(crate) arguments: [(&'static str, &'static str); 3],
    /// The arguments that lead to the simulator.
    endpoints: fn(&Simulator) -> String,
}

impl Account {
    /// The region.
    pub(crate) const fn region(&self) -> &'static str {
        self.arguments[0].1
    }

    /// The cloud's part of the provider block, with these arguments.
    pub(crate) fn block(&self, cloud: &Simulator, arguments: &[(&str, &str)]) -> String {
        let mut text = format!("  {} = {{\n", self.block);
        for (name, value) in arguments {
            let _ = writeln!(text, "    {name} = \"{value}\"");
        }
        text + &(self.endpoints)(cloud) + "  }\n"
    }
}

/// Huawei Cloud, every service at its one address.
pub(crate) static HUAWEICLOUD: Account = Account {
    block: "huaweicloud",
    arguments: [("region", "cn-north-4"), ("access_key", ACCESS_KEY), ("secret_key", SECRET_KEY)],
    endpoints: |cloud| {
        let url = cloud.huaweicloud_url();
        let lines = ["ecs", "evs", "iam", "modelarts"].map(|service| format!("      {service} = \"{url}\"\n"));
        format!("    endpoints = {{\n{}      metadata = \"{NOWHERE}\"\n    }}\n", lines.concat())
    },
};

/// Samsung Cloud Platform: only the catalog is configured, and the catalog knows where the regions are.
pub(crate) static SAMSUNGCLOUD: Account = Account {
    block: "samsungcloud",
    arguments: [
        ("default_region", "kr-west1"),
        ("access_key", "SIMULATORSCPACCESSKEY0000000001"),
        ("secret_key", "simulator-scp-secret-key-0000-000000000001"),
    ],
    endpoints: |cloud| format!("    auth_url = \"{}/v1\"\n", cloud.samsungcloud_url()),
};
