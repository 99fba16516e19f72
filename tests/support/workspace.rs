//! A folder of its own for one Terraform: the configuration, the state, and an environment that nothing leaks into.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Stdio,
};

use tempfile::TempDir;
use tokio::process::Command;

use super::{
    run::{Run, Running},
    state::State,
};

/// One working directory, deleted when dropped.
#[derive(Debug)]
pub(crate) struct Workspace {
    folder: TempDir,
    environment: Vec<(String, String)>,
}

impl Workspace {
    /// An empty one. The provider is the one that cargo has just built.
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        // The CLI configuration names every path itself: nothing of the developer's own is read.
        let provider = Path::new(env!("CARGO_BIN_EXE_terraform-provider-cloudvolume")).parent().expect("a folder");
        let configuration = format!(
            "provider_installation {{\n  dev_overrides {{ \"cloudvolume/cloudvolume\" = \"{}\" }}\n  direct {{}}\n}}\n",
            provider.display()
        );
        fs::write(folder.path().join("cli.tfrc"), configuration).expect("a written file");
        fs::create_dir(folder.path().join("tmp")).expect("a folder");
        Self { folder, environment: Vec::new() }
    }

    /// Gives every later command a variable, and the provider with it.
    pub(crate) fn set(&mut self, name: &str, value: &str) {
        self.environment.push((name.to_owned(), value.to_owned()));
    }

    /// Where things are.
    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Where the provider and Terraform put their temporary files.
    pub(crate) fn temporary(&self) -> PathBuf {
        self.path().join("tmp")
    }

    /// Replaces the configuration.
    pub(crate) fn write(&self, configuration: &str) {
        let required =
            "terraform {\n  required_providers {\n    cloudvolume = { source = \"cloudvolume/cloudvolume\" }\n  }\n}\n";
        fs::write(self.path().join("main.tf"), format!("{required}\n{configuration}")).expect("a written file");
    }

    /// `terraform validate`.
    pub(crate) async fn validate(&self) -> Run {
        self.run(&["validate", "-no-color"]).await
    }

    /// `terraform plan`, which [`Run`] can tell apart by its exit code: 0 without and 2 with changes.
    pub(crate) async fn plan(&self) -> Run {
        self.run(&["plan", "-no-color", "-input=false", "-detailed-exitcode"]).await
    }

    /// `terraform apply`.
    pub(crate) async fn apply(&self) -> Run {
        self.start_apply().finish().await
    }

    /// `terraform destroy`.
    pub(crate) async fn destroy(&self) -> Run {
        self.start_destroy().finish().await
    }

    /// `terraform import`.
    pub(crate) async fn import(&self, address: &str, id: &str) -> Run {
        self.run(&["import", "-no-color", "-input=false", address, id]).await
    }

    /// `terraform untaint`.
    pub(crate) async fn untaint(&self, address: &str) {
        self.run(&["untaint", "-no-color", address]).await.succeeds();
    }

    /// `terraform state rm`: Terraform forgets the resource, the cloud keeps it.
    pub(crate) async fn forget(&self, address: &str) {
        self.run(&["state", "rm", "-no-color", address]).await.succeeds();
    }

    /// Loses the state file, and the lock of a Terraform that was killed.
    pub(crate) fn forget_everything(&self) {
        for file in ["terraform.tfstate", ".terraform.tfstate.lock.info"] {
            let _ = fs::remove_file(self.path().join(file));
        }
    }

    /// A command that is waited for.
    pub(crate) async fn run(&self, arguments: &[&str]) -> Run {
        self.start(arguments).finish().await
    }

    /// `terraform apply`, to be interrupted.
    pub(crate) fn start_apply(&self) -> Running {
        self.start(&["apply", "-no-color", "-input=false", "-auto-approve"])
    }

    /// `terraform destroy`, to be interrupted.
    pub(crate) fn start_destroy(&self) -> Running {
        self.start(&["destroy", "-no-color", "-input=false", "-auto-approve"])
    }

    /// A command in a process group of its own, as a shell starts it.
    pub(crate) fn start(&self, arguments: &[&str]) -> Running {
        let mut command = Command::new(cli());
        command
            .args(arguments)
            .current_dir(self.path())
            .env_clear()
            .env("CHECKPOINT_DISABLE", "1")
            .env("HOME", self.path())
            .env("TF_CLI_CONFIG_FILE", self.path().join("cli.tfrc"))
            .env("TF_DATA_DIR", self.path().join(".terraform"))
            .env("TF_IN_AUTOMATION", "1")
            .env("TMPDIR", self.temporary())
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .process_group(0);
        Running::start(command, arguments.join(" "))
    }

    /// The state file as it is.
    pub(crate) fn state(&self) -> State {
        State::read(&self.path().join("terraform.tfstate"))
    }
}

/// The Terraform or OpenTofu to test with: `TF_CLI`, or the first of `terraform` and `tofu` in `PATH`.
///
/// # Panics
/// Where there is none, with a sentence that says how to get one.
#[allow(clippy::disallowed_methods, reason = "which CLI to test with is the developer's choice")]
pub(crate) fn cli() -> PathBuf {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found = |name: &Path| std::env::split_paths(&path).map(|folder| folder.join(name)).find(|file| file.is_file());
    let chosen = std::env::var_os("TF_CLI").filter(|name| !name.is_empty()).map(PathBuf::from);
    let cli = match &chosen {
        Some(name) => found(name),
        None => found(Path::new("terraform")).or_else(|| found(Path::new("tofu"))),
    };
    cli.unwrap_or_else(|| {
        panic!(
            "these tests need the Terraform or OpenTofu CLI, which {}: install one from \
             https://developer.hashicorp.com/terraform/install or https://opentofu.org/docs/intro/install, or name it in TF_CLI",
            chosen.map_or("was not found in PATH".to_owned(), |name| format!("TF_CLI says is {}", name.display()))
        )
    })
}
