//! The facade's name for the operations tool.

use std::ffi::OsString;
use std::future::Future;
use std::io::Write;
use std::process::ExitCode;

use eda_core::{App, Broker, Result};
use eda_tool::Transports;

pub use eda_tool::{Stop, description};

/// A service, or an app, as its own operations tool: feature `tool`.
pub trait Main: Into<App> + Send {
    /// Does what the process's arguments say: runs, or tells what there is. `--help` tells the rest. The broker is the one of
    /// `--broker` or of the environment's `AMQP_URL`; [`connect`](crate::connect) opens it where one is needed.
    ///
    /// ```no_run
    /// use eda::prelude::*;
    /// use std::process::ExitCode;
    ///
    /// #[tokio::main]
    /// async fn main() -> ExitCode {
    ///     Service::new("audit").on("log", |_: AnyEvent| async {}).main().await
    /// }
    /// ```
    ///
    /// # Cancel safety
    /// As [`App::run`].
    fn main(self) -> impl Future<Output = ExitCode> {
        let app = self.into();
        async move { eda_tool::main(app, Known).await }
    }
}

impl<T: Into<App> + Send> Main for T {}

/// As [`Main::main`], with the arguments, of which the first is the program's name, and with a place for what is told.
///
/// # Errors
/// Why it stopped before its end: also where help was asked for, which is what it then displays.
///
/// # Cancel safety
/// As [`App::run`].
pub async fn execute(
    app: impl Into<App>,
    arguments: impl IntoIterator<Item = OsString>,
    out: &mut dyn Write,
) -> Result<(), Stop> {
    eda_tool::execute(app.into(), arguments, Known, out).await
}

/// What [`connect`](crate::connect) knows.
struct Known;

impl Transports for Known {
    fn connect(&self, url: &str) -> impl Future<Output = Result<Broker>> {
        crate::connect(url)
    }

    #[cfg(feature = "rabbit")]
    fn permissions(
        &self,
        url: &str,
        topology: &eda_core::Topology,
        wanted: eda_tool::Wanted,
    ) -> Result<eda_tool::Rights> {
        use eda_core::transport::Permit;

        let config: eda_rabbit::Config = url.parse()?;
        let rights = config.permissions(topology)?;
        let rights = if wanted.publishing { rights.publishing() } else { rights };
        let rights = if wanted.operating { rights.operating() } else { rights };
        Ok(eda_tool::Rights {
            command: rights.to_string(),
            configure: rights.configure(),
            write: rights.write(),
            read: rights.read(),
        })
    }
}
