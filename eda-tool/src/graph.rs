//! `graph`: which event leads to which, over the descriptions of several services.

mod draw;
mod findings;
mod model;

use std::io::Write;
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use eda_core::{App, Error, ErrorKind};

use self::model::Graph;
use crate::description::Description;
use crate::{Stop, write};

/// What is drawn, and how.
#[derive(Args, Debug)]
pub(crate) struct GraphOptions {
    /// In which language.
    #[arg(long, value_enum, default_value_t)]
    format: Format,
    /// Also draw what other services wrote with `describe --json`.
    #[arg(long, value_name = "FILE", num_args = 1..)]
    merge: Vec<PathBuf>,
    /// Draw nothing, and fail where an event is handled by nobody, a handler's event is published by nobody, or events
    /// lead back to themselves.
    #[arg(long)]
    check: bool,
}

#[derive(Clone, Copy, Debug, Default, ValueEnum)]
enum Format {
    #[default]
    Mermaid,
    Dot,
}

pub(crate) fn graph(app: &App, options: &GraphOptions, out: &mut dyn Write) -> Result<(), Stop> {
    let mut services = Description::of(app)?.services;
    for file in &options.merge {
        let json = std::fs::read(file)
            .map_err(|error| named(Error::new(ErrorKind::Invalid, "could not read a file"), file).caused_by(error))?;
        for service in Description::parse(&json).map_err(|error| named(error, file))?.services {
            if services.iter().any(|known| known.name == service.name) {
                let text = format!("two descriptions have a service `{}`: leave one out", service.name);
                return Err(named(Error::new(ErrorKind::Invalid, text), file).into());
            }
            services.push(service);
        }
    }
    let graph = Graph::of(&services);
    if !options.check {
        return write(
            out,
            &match options.format {
                Format::Mermaid => draw::mermaid(&graph),
                Format::Dot => draw::dot(&graph),
            },
        );
    }
    let findings = findings::all(&graph);
    if findings.is_empty() { Ok(()) } else { Err(Stop::Found(findings)) }
}

fn named(error: Error, file: &std::path::Path) -> Error {
    error.with("file", file.display())
}
