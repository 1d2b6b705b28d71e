//! The command line.

use std::io::Write;
use std::path::Path;

use clap::{Args, CommandFactory, Parser, Subcommand};
use clap_complete::Shell;
use eda_core::{Error, ErrorKind};

use crate::asyncapi::AsyncApiOptions;
use crate::dead::DeadCommand;
use crate::graph::GraphOptions;
use crate::health::HealthOptions;
use crate::permissions::PermissionsOptions;
use crate::publish::PublishOptions;
use crate::tail::TailOptions;
use crate::topology::TopologyCommand;
use crate::trace::TraceOptions;
use crate::unrouted::UnroutedCommand;
use crate::{Stop, write};

/// Runs this service, or tells what it does.
///
/// Exit codes: 0 done, 1 something is wrong or was found, 2 the broker is away.
#[derive(Debug, Parser)]
#[command(verbatim_doc_comment)]
pub(crate) struct Arguments {
    #[command(flatten)]
    pub(crate) target: Target,
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
}

/// What every command can be told.
#[derive(Args, Debug)]
pub(crate) struct Target {
    /// The broker's URL, such as `amqp://localhost`.
    #[arg(long, global = true, value_name = "URL", env = "AMQP_URL", hide_env_values = true)]
    broker: Option<String>,
    /// Tell it as one JSON document.
    #[arg(long, global = true)]
    pub(crate) json: bool,
}

impl Target {
    /// Whether there is a broker's URL.
    pub(crate) fn is_named(&self) -> bool {
        self.broker.is_some()
    }

    /// The broker's URL.
    ///
    /// # Errors
    /// Where none is named.
    pub(crate) fn url(&self) -> Result<&str, Error> {
        self.broker.as_deref().ok_or_else(|| {
            let text = "no broker is named: add `--broker amqp://localhost`, or set `AMQP_URL`";
            Error::new(ErrorKind::Invalid, text)
        })
    }
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Runs the service until SIGTERM or Ctrl-C; so does no command at all.
    Run,
    /// Tells services, handlers and events, without a broker. With `--json`, in a format that stays.
    Describe,
    /// Draws which event leads to which, without a broker.
    Graph(GraphOptions),
    /// Writes an `AsyncAPI` 3.1 document, without a broker.
    #[command(name = "asyncapi")]
    AsyncApi(AsyncApiOptions),
    /// Writes the rights that the user of the broker's URL needs, as the command that grants them; connects to nothing.
    Permissions(PermissionsOptions),
    /// Shows or makes what the app needs at the broker, or removes what is left over there.
    #[command(subcommand)]
    Topology(TopologyCommand),
    /// Publishes one event from JSON, which is checked against its type first.
    Publish(PublishOptions),
    /// Follows events as they pass, taken from nobody. With `--json`, a line of JSON for each.
    Tail(TailOptions),
    /// Tells what led to what, over services, from their journals: files, or the queue of the broker.
    Trace(TraceOptions),
    /// Tells whether the app is consumed from.
    Health(HealthOptions),
    /// Deliveries that failed for good: counts, shows, replays or discards them.
    #[command(subcommand)]
    Dead(DeadCommand),
    /// Events that came before their subscriber, and retries whose queue is gone: counts or replays them.
    #[command(subcommand)]
    Unrouted(UnroutedCommand),
    /// Writes the completions of a shell.
    Completions {
        /// Which shell.
        shell: Shell,
    },
}

pub(crate) fn completions(shell: Shell, out: &mut dyn Write) -> Result<(), Stop> {
    let program = std::env::args_os().next().unwrap_or_default();
    let name = Path::new(&program).file_stem().unwrap_or_default().to_string_lossy().into_owned();
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Arguments::command(), name, &mut script);
    write(out, &String::from_utf8_lossy(&script))
}
