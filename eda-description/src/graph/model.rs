//! Events and handlers as nodes, and what leads from one to the other.

use std::collections::BTreeMap;

use super::plain;
use crate::{Description, EventDescription, EventRef, HandlerDescription, matches};

/// Nodes and arrows. Versions of an event are one node: a handler takes older ones, too.
pub(super) struct Graph {
    pub(super) nodes: Vec<Node>,
    /// From where to where.
    pub(super) arrows: Vec<(usize, usize)>,
}

pub(super) struct Node {
    pub(super) kind: Kind,
    /// The event's name; of a handler, the service's before it; of a service, its name.
    pub(super) name: String,
    /// Whether it takes one event, by its name, and from services only: without one that publishes it, nothing ever comes.
    pub(super) waits: bool,
    /// Of an event, the newest version that is published; of a handler that takes one by its name, the newest that it knows.
    pub(super) version: Option<u32>,
    /// What else is known of it.
    pub(super) about: String,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Event,
    Handler,
    /// What a service publishes outside of its handlers.
    Publisher,
}

impl Node {
    /// The name as it is drawn.
    pub(super) fn label(&self) -> String {
        plain::line(&self.name)
    }
}

impl Graph {
    pub(super) fn of(description: &Description) -> Self {
        let services = &description.services;
        let mut graph = Self { nodes: Vec::new(), arrows: Vec::new() };
        let mut events = BTreeMap::new();
        for service in services {
            for event in service.publishes.iter().chain(service.handlers.iter().flat_map(taken_or_emitted)) {
                if !events.contains_key(&*event.name) {
                    let about = about_event(&event.name, &description.events);
                    events.insert(&*event.name, graph.add(Kind::Event, event.name.clone(), about));
                }
            }
        }
        for service in services {
            if !service.publishes.is_empty() {
                let from = graph.add(Kind::Publisher, service.name.clone(), String::new());
                service.publishes.iter().for_each(|event| graph.publish(from, events[&*event.name], event.version));
            }
            for handler in &service.handlers {
                let from_outside = handler.binding.is_none() || !handler.accepts.is_empty();
                let name = format!("{}.{}", service.name, handler.name);
                let node = graph.add(Kind::Handler, name, about_handler(handler));
                graph.nodes[node].waits = handler.takes.is_some() && !from_outside;
                graph.nodes[node].version = handler.takes.as_ref().map(|event| event.version);
                for (name, event) in &events {
                    if takes(handler, name) {
                        graph.connect(*event, node);
                    }
                }
                handler.emits.iter().for_each(|event| graph.publish(node, events[&*event.name], event.version));
            }
        }
        graph
    }

    /// The arrows that lead into a node come from these.
    pub(super) fn into(&self, node: usize) -> impl Iterator<Item = usize> {
        self.arrows.iter().filter(move |(_, to)| *to == node).map(|(from, _)| *from)
    }

    /// The arrows that lead out of a node go to these.
    pub(super) fn out_of(&self, node: usize) -> impl Iterator<Item = usize> {
        self.arrows.iter().filter(move |(from, _)| *from == node).map(|(_, to)| *to)
    }

    fn add(&mut self, kind: Kind, name: String, about: String) -> usize {
        self.nodes.push(Node { kind, name, waits: false, version: None, about });
        self.nodes.len() - 1
    }

    fn publish(&mut self, from: usize, event: usize, version: u32) {
        self.connect(from, event);
        let newest = &mut self.nodes[event].version;
        *newest = (*newest).max(Some(version));
    }

    fn connect(&mut self, from: usize, to: usize) {
        if !self.arrows.contains(&(from, to)) {
            self.arrows.push((from, to));
        }
    }
}

fn taken_or_emitted(handler: &HandlerDescription) -> impl Iterator<Item = &EventRef> {
    handler.takes.iter().chain(&handler.emits)
}

fn about_event(name: &str, events: &[EventDescription]) -> String {
    let versions = events.iter().filter(|event| event.name == name);
    let lines: Vec<_> = versions.map(|event| format!("v{} {}", event.version, event.doc)).collect();
    lines.join("\n").trim_end().to_owned()
}

fn about_handler(handler: &HandlerDescription) -> String {
    let HandlerDescription { file, line, queue, doc, .. } = handler;
    format!("{file}:{line}\nqueue {queue}\n{doc}").trim_end().to_owned()
}

/// A handler takes its own event, or those whose name matches its pattern.
fn takes(handler: &HandlerDescription, event: &str) -> bool {
    match (&handler.takes, &handler.binding) {
        (Some(taken), _) => taken.name == event,
        (None, Some(pattern)) => matches(pattern, event),
        (None, None) => false,
    }
}
