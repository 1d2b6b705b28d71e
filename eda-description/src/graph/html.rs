//! The graph as one HTML page that needs nothing else: an SVG laid out here, and a script that zooms, pans and searches.

use std::fmt::Write;

use super::findings::{Finding, Kind as FindingKind};
use super::layout::{HEIGHT, Layout, Way};
use super::model::{Graph, Kind};
use super::plain;

const PAGE: &str = include_str!("page.html");

/// The page.
pub(super) fn page(title: &str, graph: &Graph, findings: &[Finding]) -> String {
    let mut list = String::new();
    for finding in findings {
        let first = finding.nodes.first().copied().unwrap_or_default();
        let text = escape(&finding.text);
        // writing to a string can't fail
        let _ = writeln!(list, "<li class=\"{}\" data-node=\"n{first}\">{text}</li>", finding.kind.name());
    }
    let (title, graph) = (escape(title), svg(graph, findings));
    let mut page = String::with_capacity(PAGE.len() + list.len() + graph.len());
    let mut rest = PAGE;
    // placeholder by placeholder, so that no name of an event is taken for one
    while let Some((before, after)) = rest.split_once("{{") {
        let (name, after) = after.split_once("}}").unwrap_or((after, ""));
        page.push_str(before);
        page.push_str(match name {
            "title" => &title,
            "findings" => &list,
            _ => &graph,
        });
        rest = after;
    }
    page.push_str(rest);
    page
}

fn svg(graph: &Graph, findings: &[Finding]) -> String {
    let layout = Layout::of(graph);
    let mut svg = format!("<svg id=\"graph\" viewBox=\"0 0 {} {}\">\n", layout.width, layout.height);
    svg.push_str(
        "<defs><marker id=\"tip\" viewBox=\"0 0 8 8\" refX=\"8\" refY=\"4\" markerWidth=\"8\" markerHeight=\"8\" \
         orient=\"auto-start-reverse\"><path d=\"M0 0L8 4L0 8z\"/></marker></defs>\n<g id=\"all\">\n",
    );
    for (way, (from, to)) in layout.ways.iter().zip(&graph.arrows) {
        let cycle =
            findings.iter().any(|finding| finding.kind == FindingKind::Cycle && leads(&finding.nodes, *from, *to));
        let class = if cycle { "arrow cycle" } else { "arrow" };
        let _ = writeln!(
            svg,
            "<path class=\"{class}\" data-from=\"n{from}\" data-to=\"n{to}\" marker-end=\"url(#tip)\" d=\"{}\"/>",
            path(way)
        );
    }
    for (index, (node, place)) in graph.nodes.iter().zip(&layout.places).enumerate() {
        let mut class = match node.kind {
            Kind::Event => "node event".to_owned(),
            Kind::Handler => "node handler".to_owned(),
            Kind::Publisher => "node publisher".to_owned(),
        };
        for finding in findings.iter().filter(|finding| finding.nodes.contains(&index)) {
            class.push(' ');
            class.push_str(finding.kind.name());
        }
        let round = if node.kind == Kind::Event { HEIGHT / 2 } else { 4 };
        let (left, top) = (place.x - place.width / 2, place.y - HEIGHT / 2);
        let name = escape(&node.label());
        let about =
            if node.about.is_empty() { String::new() } else { format!("<title>{}</title>", escape(&node.about)) };
        let _ = writeln!(
            svg,
            "<g class=\"{class}\" id=\"n{index}\" data-name=\"{name}\">{about}<rect x=\"{left}\" y=\"{top}\" width=\"{}\" \
             height=\"{HEIGHT}\" rx=\"{round}\"/><text x=\"{}\" y=\"{}\">{name}</text></g>",
            place.width, place.x, place.y
        );
    }
    svg.push_str("</g>\n</svg>\n");
    svg
}

/// Whether an arrow is a step of a cycle.
fn leads(cycle: &[usize], from: usize, to: usize) -> bool {
    cycle.iter().zip(cycle.iter().cycle().skip(1)).any(|step| step == (&from, &to))
}

fn path(way: &Way) -> String {
    match way {
        Way::Ahead(points) => {
            let mut path = String::new();
            for (index, (x, y)) in points.iter().enumerate() {
                let _ = match index.checked_sub(1).map(|before| points[before]) {
                    None => write!(path, "M{x} {y}"),
                    Some((last_x, last_y)) => {
                        let middle = usize::midpoint(last_x, *x);
                        write!(path, "C{middle} {last_y} {middle} {y} {x} {y}")
                    }
                };
            }
            path
        }
        Way::Back { from: (x, y), to: (to_x, to_y) } => {
            let low = y.max(to_y) + 2 * HEIGHT;
            format!("M{x} {y}C{x} {low} {to_x} {low} {to_x} {to_y}")
        }
    }
}

fn escape(text: &str) -> String {
    plain::text(text)
        .replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
        .replace('\'', "&#39;")
}
