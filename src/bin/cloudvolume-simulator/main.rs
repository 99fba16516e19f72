//! The simulator's process entry: flags become a configuration, the configuration a simulator, until Ctrl-C.

mod flags;
mod welcome;

use std::io::{self, ErrorKind, Write};
use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::{CommandFactory, FromArgMatches};
use cloudvolume::simulator::{Simulator, World};

use flags::Flags;
use welcome::{switch_help, welcome};

#[tokio::main]
async fn main() -> ExitCode {
    match run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Where nobody reads it, the status alone has to tell.
            let _ = writeln!(io::stderr(), "cloudvolume-simulator: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn run() -> Result<()> {
    let matches = Flags::command().after_long_help(switch_help()).get_matches();
    let flags = Flags::from_arg_matches(&matches)?;
    let (print_config, print_world) = (flags.print_config, flags.print_world);
    let config = flags.config()?;
    if print_config {
        return say(&serde_json::to_string_pretty(&config)?);
    }
    if print_world {
        return say(&serde_json::to_string_pretty(&config.world.unwrap_or_else(World::built_in))?);
    }
    let simulator = Simulator::start(config.clone()).await.context("the simulator cannot start")?;
    let the_end = the_end()?;
    let welcome = welcome(&config, &simulator.huaweicloud_url(), &simulator.samsungcloud_url());
    say(&format!("{welcome}Ctrl-C ends the simulator."))?;
    the_end.await?;
    say(&format!("The simulator saw {} requests and ends.", simulator.journal().entries().len()))
}

/// Prints a text and a line's end. A reader who has seen enough, as in `… | head -1`, is nothing that went wrong.
fn say(text: &str) -> Result<()> {
    let mut stdout = io::stdout().lock();
    match writeln!(stdout, "{text}").and_then(|()| stdout.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(error).context("cannot print"),
        _ => Ok(()),
    }
}

/// Ends on Ctrl-C, and on the signal with which CI ends a service. Both are heeded from this call on: whoever has read the
/// welcome may send one.
fn the_end() -> Result<impl Future<Output = Result<()>>> {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
        Ok(async move {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            }
            Ok(())
        })
    }
    #[cfg(not(unix))]
    Ok(async { Ok(tokio::signal::ctrl_c().await?) })
}
