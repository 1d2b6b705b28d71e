//! Which event leads to which, over the descriptions of several services.

mod model;
mod findings;
mod plain;
mod layout;
mod draw;
mod html;

use serde_json::{Value, json};

use self::findings::Finding;
use self::model::{Graph, Kind};
use crate::Description;

/// Which event leads to which, and what is likely to be a mistake in it.
///
/// ```
/// use eda_core::{AnyEvent, App, Service};
/// use eda_description::{Description, EventGraph};
///
/// let app = App::new().service(Service::new("audit").on("log", |_: AnyEvent| async {}));
/// let graph = EventGraph::of(&Description::of(&app)?);
/// assert!(graph.mermaid().contains("audit.log"));
/// assert_eq!(graph.findings().count(), 0);
/// # Ok::<_, eda_core::Error>(())
/// ```
pub struct EventGraph {
    title: String,
    graph: Graph,
    findings: Vec<Finding>,
}

impl EventGraph {
    /// Of a description, or of several that were [merged](Description::merge).
    pub fn of(description: &Description) -> Self {
        let names: Vec<_> = description.services.iter().map(|service| service.name.as_str()).collect();
        let graph = Graph::of(description);
        let findings = findings::all(&graph);
        Self { title: format!("events of {}", names.join(", ")), graph, findings }
    }

    /// What is likely to be a mistake: an event that nobody handles, a handler whose event nobody publishes, or in a newer
    /// version than it knows, a cycle. Each in a sentence.
    pub fn findings(&self) -> impl Iterator<Item = &str> {
        self.findings.iter().map(|finding| finding.text.as_str())
    }

    /// In Mermaid, for Markdown viewers.
    pub fn mermaid(&self) -> String {
        draw::mermaid(&self.graph, &self.findings)
    }

    /// In DOT, for Graphviz.
    pub fn dot(&self) -> String {
        draw::dot(&self.graph, &self.findings)
    }

    /// As one HTML page with zoom and search; it loads nothing from elsewhere.
    pub fn page(&self) -> String {
        html::page(&self.title, &self.graph, &self.findings)
    }

    /// Nodes, arrows and findings.
    pub fn to_json(&self) -> Value {
        let name = |node: &usize| self.graph.nodes[*node].name.as_str();
        let nodes = self.graph.nodes.iter().enumerate().map(|(id, node)| {
            let kind = match node.kind {
                Kind::Event => "event",
                Kind::Handler => "handler",
                Kind::Publisher => "publisher",
            };
            json!({ "id": id, "kind": kind, "name": node.name })
        });
        let arrows = self.graph.arrows.iter().map(|(from, to)| json!({ "from": from, "to": to }));
        let findings = self.findings.iter().map(|finding| {
            let names: Vec<_> = finding.nodes.iter().map(name).collect();
            json!({ "kind": finding.kind.name(), "nodes": names, "text": finding.text })
        });
        json!({
            "nodes": nodes.collect::<Vec<_>>(),
            "arrows": arrows.collect::<Vec<_>>(),
            "findings": findings.collect::<Vec<_>>(),
        })
    }
}

impl std::fmt::Debug for EventGraph {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("EventGraph").field("title", &self.title).finish_non_exhaustive()
    }
}
