//! The graph in the languages of other programs. Names of events, handlers and services hold no quotes, but those of
//! descriptions of others are not checked.

use std::collections::BTreeSet;
use std::fmt::Write;

use super::findings::Finding;
use super::model::{Graph, Kind};

/// Mermaid, as Markdown viewers draw it. What is marked has a thick red border.
pub(super) fn mermaid(graph: &Graph, findings: &[Finding]) -> String {
    let mut text = "flowchart LR\n".to_owned();
    for (index, node) in graph.nodes.iter().enumerate() {
        let name = node.label().replace('&', "&amp;").replace('"', "&quot;").replace('<', "&lt;");
        let shape = match node.kind {
            Kind::Event => format!("([\"{name}\"])"),
            Kind::Handler => format!("[\"{name}\"]"),
            Kind::Publisher => format!("[/\"{name}\"/]"),
        };
        line(&mut text, format_args!("  n{index}{shape}"));
    }
    for (from, to) in &graph.arrows {
        line(&mut text, format_args!("  n{from} --> n{to}"));
    }
    let marked = marked(findings);
    if !marked.is_empty() {
        let names: Vec<_> = marked.iter().map(|node| format!("n{node}")).collect();
        line(&mut text, format_args!("  classDef marked stroke:#c00,stroke-width:3px"));
        line(&mut text, format_args!("  class {} marked", names.join(",")));
    }
    text
}

/// DOT, as Graphviz draws it. What is marked is red.
pub(super) fn dot(graph: &Graph, findings: &[Finding]) -> String {
    let marked = marked(findings);
    let mut text = "digraph events {\n  rankdir=LR;\n".to_owned();
    for (index, node) in graph.nodes.iter().enumerate() {
        let name = node.label().replace('\\', "\\\\").replace('"', "\\\"");
        let shape = match node.kind {
            Kind::Event => "ellipse",
            Kind::Handler => "box",
            Kind::Publisher => "parallelogram",
        };
        let color = if marked.contains(&index) { ", color=red, penwidth=3" } else { "" };
        line(&mut text, format_args!("  n{index} [label=\"{name}\", shape={shape}{color}];"));
    }
    for (from, to) in &graph.arrows {
        line(&mut text, format_args!("  n{from} -> n{to};"));
    }
    text.push_str("}\n");
    text
}

/// The nodes of all findings.
fn marked(findings: &[Finding]) -> BTreeSet<usize> {
    findings.iter().flat_map(|finding| &finding.nodes).copied().collect()
}

fn line(text: &mut String, line: std::fmt::Arguments<'_>) {
    // writing to a string can't fail
    let _ = writeln!(text, "{line}");
}
