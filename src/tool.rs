//! The facade's name for the operations tool.

use std::future::Future;
use std::process::ExitCode;

use eda_core::App;

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
        async move { eda_tool::main(app, |url| async move { crate::connect(&url).await }).await }
    }
}

impl<T: Into<App> + Send> Main for T {}
