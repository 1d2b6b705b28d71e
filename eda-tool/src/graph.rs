//! `graph`: which event leads to which, over the descriptions of several services.

mod model;
mod findings;
mod layout;
mod draw;
mod html;

use std::io::Write;
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use eda_core::{App, Error, ErrorKind};
use serde_json::{Value, json};

use self::findings::Finding;
use self::model::{Graph, Kind};
use crate::description::Description;
use crate::{Stop, write, write_json};

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
    /// For Markdown viewers.
    #[default]
    Mermaid,
    /// For Graphviz.
    Dot,
    /// A page for a browser, with zoom and search; it loads nothing.
    Html,
}

pub(crate) fn graph(app: &App, options: &GraphOptions, json: bool, out: &mut dyn Write) -> Result<(), Stop> {
    let mut description = Description::of(app)?;
    for file in &options.merge {
        merge(&mut description, file)?;
    }
    let graph = Graph::of(&description);
    let findings = findings::all(&graph);
    if json {
        write_json(out, &document(&graph, &findings))?;
    } else if !options.check {
        let drawn = match options.format {
            Format::Mermaid => draw::mermaid(&graph, &findings),
            Format::Dot => draw::dot(&graph, &findings),
            Format::Html => html::page(&title(&description), &graph, &findings),
        };
        write(out, &drawn)?;
    }
    if !options.check || findings.is_empty() {
        return Ok(());
    }
    Err(Stop::Found(findings.into_iter().map(|finding| finding.text).collect()))
}

fn merge(into: &mut Description, file: &Path) -> Result<(), Error> {
    let other = Description::read(file)?;
    for service in other.services {
        if into.services.iter().any(|known| known.name == service.name) {
            let text = format!("two descriptions have a service `{}`: leave one out", service.name);
            return Err(Error::new(ErrorKind::Invalid, text).with("file", file.display()));
        }
        into.services.push(service);
    }
    for event in other.events {
        if !into.events.iter().any(|known| (&known.name, known.version) == (&event.name, event.version)) {
            into.events.push(event);
        }
    }
    Ok(())
}

fn title(description: &Description) -> String {
    let names: Vec<_> = description.services.iter().map(|service| service.name.as_str()).collect();
    format!("events of {}", names.join(", "))
}

fn document(graph: &Graph, findings: &[Finding]) -> Value {
    let name = |node: &usize| graph.nodes[*node].name.as_str();
    let nodes = graph.nodes.iter().enumerate().map(|(id, node)| {
        let kind = match node.kind {
            Kind::Event => "event",
            Kind::Handler => "handler",
            Kind::Publisher => "publisher",
        };
        json!({ "id": id, "kind": kind, "name": node.name })
    });
    let arrows = graph.arrows.iter().map(|(from, to)| json!({ "from": from, "to": to }));
    let findings = findings.iter().map(|finding| {
        let names: Vec<_> = finding.nodes.iter().map(name).collect();
        json!({ "kind": finding.kind.name(), "nodes": names, "text": finding.text })
    });
    json!({
        "nodes": nodes.collect::<Vec<_>>(),
        "arrows": arrows.collect::<Vec<_>>(),
        "findings": findings.collect::<Vec<_>>(),
    })
}
