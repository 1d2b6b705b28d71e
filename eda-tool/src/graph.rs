//! `graph`: which event leads to which, over the descriptions of several services.

use std::io::Write;
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use eda_core::{App, Error, ErrorKind};
use eda_description::{Description, EventGraph};

use crate::{Stop, write, write_json};

/// What is drawn, and how.
#[derive(Args, Debug)]
pub(crate) struct GraphOptions {
    /// In which language: `mermaid`, unless said otherwise.
    #[arg(long, value_enum)]
    format: Option<Format>,
    /// Also draw what other services wrote with `describe --json`.
    #[arg(long, value_name = "FILE", num_args = 1..)]
    merge: Vec<PathBuf>,
    /// Draw nothing, and fail where an event is handled by nobody, a handler's event is published by nobody, or in a newer
    /// version than it knows, or events lead back to themselves.
    #[arg(long)]
    check: bool,
}

#[derive(Clone, Copy, Debug, Default, ValueEnum)]
enum Format {
    /// For Markdown viewers.
    #[default]
    Mermaid,
    /// For Graphviz.
    Dot,
    /// A page for a browser, with zoom and search; it loads nothing.
    Html,
}

pub(crate) fn graph(app: &App, options: &GraphOptions, json: bool, out: &mut dyn Write) -> Result<(), Stop> {
    if json && options.format.is_some() {
        let text = "`--json` is a format of its own: leave out `--format`, or `--json`";
        return Err(Error::new(ErrorKind::Invalid, text).into());
    }
    let mut description = Description::of(app)?;
    for file in &options.merge {
        description.merge(Description::read(file)?).map_err(|error| error.with("file", file.display()))?;
    }
    let graph = EventGraph::of(&description);
    if json {
        write_json(out, &graph.to_json())?;
    } else if !options.check {
        let drawn = match options.format.unwrap_or_default() {
            Format::Mermaid => graph.mermaid(),
            Format::Dot => graph.dot(),
            Format::Html => graph.page(),
        };
        write(out, &drawn)?;
    }
    let findings: Vec<_> = graph.findings().map(str::to_owned).collect();
    if options.check && !findings.is_empty() { Err(Stop::Found(findings)) } else { Ok(()) }
}
