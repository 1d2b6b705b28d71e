//! `permissions`: the rights that the app's user needs at the broker, and no others.

use std::io::Write;

use clap::Args;
use eda_core::App;

use crate::command::Target;
use crate::transports::{Transports, Wanted};
use crate::{Stop, write, write_json};

/// For what.
#[derive(Args, Debug)]
pub(crate) struct PermissionsOptions {
    /// Also grant what `publish`, and code outside of handlers that `Service::publishes` does not list, need.
    #[arg(long)]
    publishing: bool,
    /// Also grant what an operator needs, and a service does not: `dead`, `unrouted` and `tail`.
    #[arg(long)]
    operating: bool,
}

pub(crate) fn permissions(
    app: &App,
    target: &Target,
    transports: &impl Transports,
    options: &PermissionsOptions,
    out: &mut dyn Write,
) -> Result<(), Stop> {
    let url = target.url()?;
    let publishing = options.publishing || app.services().any(|service| !service.publishes.is_empty());
    let wanted = Wanted { publishing, operating: options.operating };
    let rights = transports.permissions(url, &app.topology()?, wanted)?;
    if target.json { write_json(out, &rights) } else { write(out, &format!("{}\n", rights.command)) }
}
