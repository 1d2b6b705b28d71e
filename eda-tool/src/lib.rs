//! The operations tool that a service's binary is: what happens when is told without running anything. Use it through the
//! feature `tool` of the facade, where `App` and `Service` have `main`.
//!
//! What a command tells goes to standard output; what went wrong goes to standard error. `--json` makes a command write
//! exactly one JSON document. Exit codes are those of [`Stop::exit_code`].

mod asyncapi;
mod colour;
mod command;
mod confirm;
mod dead;
mod describe;
mod graph;
mod health;
mod keeper;
mod names;
mod permissions;
mod progress;
mod publish;
mod stop;
mod tail;
mod text;
mod topology;
mod trace;
mod transports;
mod unrouted;
mod when;

use std::ffi::OsString;
use std::io::{Write, stderr, stdout};
use std::process::ExitCode;

use clap::{CommandFactory, FromArgMatches};
use eda_core::{App, Error, ErrorKind};
use serde::Serialize;

pub use eda_description as description;

use self::command::{Arguments, Command};
pub use self::stop::Stop;
pub use self::transports::{Rights, Transports, Wanted};

/// Does what the process's arguments say, with `transports` for the commands that need a broker, and gives the exit code.
///
/// # Cancel safety
/// As [`App::run`] where the command is `run`; others have no effect that could be cut in half.
pub async fn main(app: App, transports: impl Transports) -> ExitCode {
    match execute(app, std::env::args_os(), transports, &mut stdout()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(stop) => {
            // whoever closed the stream wants to hear nothing
            let _ = match stop.exit_code() {
                0 => write!(stdout(), "{stop}"),
                _ => write!(stderr(), "{}", colour::complaint(&stop.to_string(), colour::is_wanted())),
            };
            stop.exit_code().into()
        }
    }
}

/// As [`main`], with the arguments, of which the first is the program's name, and with a place for what is told.
///
/// ```
/// use eda_core::transport::memory::Memory;
/// use eda_core::{AnyEvent, App, Broker, Service};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), eda_tool::Stop> {
/// let app = App::new().service(Service::new("audit").on("log", |_: AnyEvent| async {}));
/// let mut told = Vec::new();
/// let arguments = ["audit", "describe"].map(Into::into);
/// eda_tool::execute(app, arguments, |_| Broker::new(Memory::new()), &mut told).await?;
/// assert!(String::from_utf8_lossy(&told).contains("audit.log"));
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// Why it stopped before its end: also where help was asked for, which is what it then displays.
///
/// # Cancel safety
/// As [`main`].
pub async fn execute(
    app: App,
    arguments: impl IntoIterator<Item = OsString>,
    transports: impl Transports,
    out: &mut dyn Write,
) -> Result<(), Stop> {
    let matches = Arguments::command().try_get_matches_from(arguments)?;
    let arguments = Arguments::from_arg_matches(&matches)?;
    let target = &arguments.target;
    match arguments.command.unwrap_or(Command::Run) {
        Command::Run => {
            let broker = transports.connect(target.url()?).await?;
            let ended = app.run(&broker).await;
            let closed = broker.close().await;
            ended.and(closed).map_err(Stop::from)
        }
        Command::Describe => describe::describe(&app, target.json, out),
        Command::Graph(options) => graph::graph(&app, &options, target.json, out),
        Command::AsyncApi(options) => asyncapi::asyncapi(&app, &options, target.json, out),
        Command::Permissions(options) => permissions::permissions(&app, target, &transports, &options, out),
        Command::Topology(command) => topology::topology(&app, target, &transports, &command, out).await,
        Command::Publish(options) => publish::publish(&app, target, &transports, &options, out).await,
        Command::Tail(options) => tail::tail(&app, target, &transports, &options, out).await,
        Command::Trace(options) => trace::trace(target, &transports, &options, out).await,
        Command::Health(options) => health::health(&app, target, &transports, &options, out).await,
        Command::Dead(command) => dead::dead(&app, target, &transports, &command, out).await,
        Command::Unrouted(command) => unrouted::unrouted(&app, target, &transports, &command, out).await,
        Command::Completions { shell } => command::completions(shell, out),
    }
}

fn write_json(out: &mut dyn Write, document: &impl Serialize) -> Result<(), Stop> {
    let text = serde_json::to_string_pretty(document)
        .map_err(|error| Error::new(ErrorKind::Encode, "could not write the document").caused_by(error))?;
    write(out, &(text::safe_json(text) + "\n"))
}

/// A document in one line.
fn json_line(document: &impl Serialize) -> Result<String, Stop> {
    let text = serde_json::to_string(document)
        .map_err(|error| Error::new(ErrorKind::Encode, "could not write the document").caused_by(error))?;
    Ok(text::safe_json(text) + "\n")
}

fn write(out: &mut dyn Write, text: &str) -> Result<(), Stop> {
    write_while_read(out, text).map(drop)
}

/// Whether anybody reads on.
fn write_while_read(out: &mut dyn Write, text: &str) -> Result<bool, Stop> {
    let written = out.write_all(text.as_bytes()).and_then(|()| out.flush());
    if written.as_ref().is_err_and(|error| error.kind() == std::io::ErrorKind::BrokenPipe) {
        // the reader, such as `head`, has had enough
        return Ok(false);
    }
    written.map_err(|error| Error::new(ErrorKind::Internal, "could not write the output").caused_by(error))?;
    Ok(true)
}
