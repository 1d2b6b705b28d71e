//! What is likely to be a mistake.

use super::model::{Graph, Kind};

/// Everything, for a person.
pub(super) fn all(graph: &Graph) -> Vec<String> {
    let name = |node: usize| &graph.nodes[node].name;
    let unhandled = unhandled(graph).into_iter().map(|event| format!("nobody handles `{}`", name(event)));
    let unpublished = unpublished(graph).into_iter().map(|handler| {
        let event = graph.into(handler).map(name).next().map_or("an event", String::as_str);
        format!(
            "nobody publishes `{event}`, which `{}` takes: say who does with `Service::publishes`, or merge its description",
            name(handler)
        )
    });
    let cycles = cycles(graph).into_iter().map(|cycle| {
        let names: Vec<_> = cycle.iter().chain(cycle.first()).map(|node| format!("`{}`", name(*node))).collect();
        format!("a cycle: {}", names.join(" → "))
    });
    unhandled.chain(unpublished).chain(cycles).collect()
}

/// Events that lead nowhere.
pub(super) fn unhandled(graph: &Graph) -> Vec<usize> {
    nodes(graph, Kind::Event).filter(|event| graph.out_of(*event).next().is_none()).collect()
}

/// Handlers of an event that nothing leads to. One that takes whatever matches waits for nothing in particular.
pub(super) fn unpublished(graph: &Graph) -> Vec<usize> {
    let waits = |handler: &usize| {
        let mut events = graph.into(*handler);
        let one = events.next().filter(|_| events.next().is_none());
        !graph.nodes[*handler].from_outside && one.is_some_and(|event| graph.into(event).next().is_none())
    };
    nodes(graph, Kind::Handler).filter(waits).collect()
}

/// One shortest way back to itself for each event that leads to itself, each way once.
pub(super) fn cycles(graph: &Graph) -> Vec<Vec<usize>> {
    let mut found: Vec<Vec<usize>> = Vec::new();
    for event in nodes(graph, Kind::Event) {
        if found.iter().any(|cycle| cycle.contains(&event)) {
            continue;
        }
        found.extend(way_back(graph, event));
    }
    found
}

fn nodes(graph: &Graph, kind: Kind) -> impl Iterator<Item = usize> {
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
