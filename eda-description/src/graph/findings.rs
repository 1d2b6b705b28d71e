//! What is likely to be a mistake.

use super::model::{Graph, Kind as NodeKind, Node};

/// A likely mistake, and the nodes that it is about: of a cycle, in their order.
pub(super) struct Finding {
    pub(super) kind: Kind,
    pub(super) nodes: Vec<usize>,
    pub(super) text: String,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// An event that nobody handles.
    Unhandled,
    /// A handler whose event nobody publishes.
    Unpublished,
    /// A handler whose event is published in a newer version than it knows.
    Outdated,
    /// Events that lead back to themselves.
    Cycle,
}

impl Kind {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Unhandled => "unhandled",
            Self::Unpublished => "unpublished",
            Self::Outdated => "outdated",
            Self::Cycle => "cycle",
        }
    }
}

pub(super) fn all(graph: &Graph) -> Vec<Finding> {
    let name = |node: usize| &graph.nodes[node].name;
    let unhandled = unhandled(graph).map(|event| Finding {
        kind: Kind::Unhandled,
        nodes: vec![event],
        text: format!("nobody handles `{}`", name(event)),
    });
    let unpublished = unpublished(graph).map(|handler| {
        let event = graph.into(handler).map(name).next().map_or("an event", String::as_str);
        let text = format!(
            "nobody publishes `{event}`, which `{}` takes: say who does with `Service::publishes`, or merge its description",
            name(handler)
        );
        Finding { kind: Kind::Unpublished, nodes: vec![handler], text }
    });
    let cycles = cycles(graph).into_iter().map(|cycle| {
        let names: Vec<_> = cycle.iter().chain(cycle.first()).map(|node| format!("`{}`", name(*node))).collect();
        Finding { kind: Kind::Cycle, text: format!("a cycle: {}", names.join(" → ")), nodes: cycle }
    });
    unhandled.chain(unpublished).chain(outdated(graph)).chain(cycles).collect()
}

/// Events that lead nowhere.
fn unhandled(graph: &Graph) -> impl Iterator<Item = usize> {
    nodes(graph, NodeKind::Event).filter(|event| graph.out_of(*event).next().is_none())
}

/// Handlers of an event that nothing leads to.
fn unpublished(graph: &Graph) -> impl Iterator<Item = usize> {
    let comes = |handler: usize| graph.into(handler).any(|event| graph.into(event).next().is_some());
    nodes(graph, NodeKind::Handler).filter(move |handler| graph.nodes[*handler].waits && !comes(*handler))
}

/// Handlers of an event that is published in a newer version than they know.
fn outdated(graph: &Graph) -> impl Iterator<Item = Finding> {
    nodes(graph, NodeKind::Handler).filter_map(|handler| {
        let event = &graph.nodes[graph.into(handler).next()?];
        let (published, Node { name, version, .. }) = (event.version?, &graph.nodes[handler]);
        let known = version.filter(|known| *known < published)?;
        let text = format!(
            "`{}` is published in version {published}, and `{name}` knows up to version {known}: what is newer becomes a dead \
             letter, so update the handler first",
            event.name
        );
        Some(Finding { kind: Kind::Outdated, nodes: vec![handler], text })
    })
}

/// One shortest way back to itself for each event that leads to itself, each way once.
fn cycles(graph: &Graph) -> Vec<Vec<usize>> {
    let mut found: Vec<Vec<usize>> = Vec::new();
    for event in nodes(graph, NodeKind::Event) {
        if found.iter().any(|cycle| cycle.contains(&event)) {
            continue;
        }
        found.extend(way_back(graph, event));
    }
    found
}

fn nodes(graph: &Graph, kind: NodeKind) -> impl Iterator<Item = usize> {
    (0..graph.nodes.len()).filter(move |node| graph.nodes[*node].kind == kind)
}

/// Breadth first, so the first way is a shortest one.
fn way_back(graph: &Graph, start: usize) -> Option<Vec<usize>> {
    let mut came_from = vec![None; graph.nodes.len()];
    let mut next = std::collections::VecDeque::from([start]);
    while let Some(node) = next.pop_front() {
        for to in graph.out_of(node) {
            if to == start {
                let mut way: Vec<_> = std::iter::successors(Some(node), |node| came_from[*node]).collect();
                way.reverse();
                return Some(way);
            }
            if came_from[to].is_none() {
                came_from[to] = Some(node);
                next.push_back(to);
            }
        }
    }
    None
}
