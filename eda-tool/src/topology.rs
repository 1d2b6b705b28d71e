//! `topology`: what the app needs at the broker, what is there, and what is left over.

use std::io::Write;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Subcommand};
use eda_core::transport::{Action, Change, Item, Operate};
use eda_core::{App, Backoff, Broker, Error, ErrorKind, Policy, Subscription, Topology};
use serde_json::{Value, json};

use crate::command::Target;
use crate::confirm::ask;
use crate::description::{Description, HandlerDescription};
use crate::text::counted;
use crate::transports::{Transports, operator};
use crate::{Stop, write, write_json};

#[derive(Debug, Subcommand)]
pub(crate) enum TopologyCommand {
    /// Shows what would be made, bound and unbound, and what stands in the way; changes nothing.
    Plan(Former),
    /// Makes and binds what the app needs, and unbinds what it needs no more.
    Apply(Former),
    /// Deletes the queues of handlers that are gone, where they are empty, after asking.
    Prune {
        #[command(flatten)]
        former: Former,
        /// Do not ask.
        #[arg(long)]
        yes: bool,
    },
}

/// What earlier builds had.
#[derive(Args, Debug)]
pub(crate) struct Former {
    /// What an earlier build wrote with `describe --json`: what only it had is left over. AMQP can't list what exists.
    #[arg(long = "former", value_name = "FILE", num_args = 1..)]
    files: Vec<PathBuf>,
}

pub(crate) async fn topology(
    app: &App,
    target: &Target,
    transports: &impl Transports,
    command: &TopologyCommand,
    out: &mut dyn Write,
) -> Result<(), Stop> {
    let (TopologyCommand::Plan(former) | TopologyCommand::Apply(former) | TopologyCommand::Prune { former, .. }) =
        command;
    let (wanted, former) = (app.topology()?, former.topology(app)?);
    if matches!(command, TopologyCommand::Prune { .. }) && former.subscriptions.is_empty() {
        let text =
            "expected what earlier builds of these services had: add `--former FILE` with their `describe --json`";
        return Err(Error::new(ErrorKind::Invalid, text).into());
    }
    let broker = transports.connect(target.url()?).await?;
    let done = carry_out(&broker, command, &wanted, &former, target.json, out).await;
    let closed = broker.close().await;
    done?;
    Ok(closed?)
}

async fn carry_out(
    broker: &Broker,
    command: &TopologyCommand,
    wanted: &Topology,
    former: &Topology,
    json: bool,
    out: &mut dyn Write,
) -> Result<(), Stop> {
    let operator = operator(broker)?;
    let mut changes = operator.compare(wanted, former).await?;
    let is_left_over = |change: &Change| matches!(change.action, Action::Delete | Action::Keep);
    match command {
        TopologyCommand::Plan(_) => {}
        TopologyCommand::Apply(_) => changes.retain(|change| !is_left_over(change)),
        TopologyCommand::Prune { .. } => changes.retain(is_left_over),
    }
    tell(&changes, json, out)?;
    let conflicts: Vec<_> = changes.iter().filter(|change| change.action == Action::Conflict).map(conflict).collect();
    if !conflicts.is_empty() {
        return Err(Stop::Found(conflicts));
    }
    match command {
        TopologyCommand::Plan(_) => return Ok(()),
        TopologyCommand::Apply(_) => broker.transport().declare(wanted).await?,
        TopologyCommand::Prune { yes, .. } => {
            let deleted: Vec<_> = changes.iter().filter_map(deleted).collect();
            if !deleted.is_empty() {
                if !yes {
                    ask(&format!("delete {}", counted(deleted.len() as u64, "queue"))).await?;
                }
                check_deletable(operator, &deleted, former).await?;
            }
        }
    }
    remove(operator, &changes).await?;
    Ok(())
}

/// Whether all can be deleted, before the first is: of a handler both queues go or none, also where the right to one is missing, or
/// a message has come meanwhile.
async fn check_deletable(operator: &dyn Operate, deleted: &[&str], former: &Topology) -> Result<(), Error> {
    // who lacks the right to configure them, which deleting needs, may not compare them either
    let handlers = former.subscriptions.iter().filter(|handler| deleted.contains(&&*handler.queue));
    operator.compare(&only(handlers.map(|handler| &*handler.queue)), &Topology::default()).await?;
    for state in operator.queues(&only(deleted.iter().copied())).await? {
        if state.messages > 0 || state.consumers > 0 {
            let text = "it was empty and is not any more, or is consumed again: nothing was deleted";
            return Err(Error::new(ErrorKind::Conflict, text).with("queue", state.queue));
        }
    }
    Ok(())
}

/// Queues and nothing beside them: no bindings, no delays.
fn only<'a>(names: impl Iterator<Item = &'a str>) -> Topology {
    let policy = Policy { retries: 0, ..Policy::default() };
    let subscription = |queue: &str| Subscription {
        service: String::new(),
        queue: queue.to_owned(),
        declare: true,
        bindings: Vec::new(),
        policy: policy.clone(),
    };
    Topology { subscriptions: names.map(subscription).collect(), ..Topology::default() }
}

async fn remove(operator: &dyn Operate, changes: &[Change]) -> Result<(), Error> {
    for change in changes.iter().filter(|change| matches!(change.action, Action::Unbind | Action::Delete)) {
        operator.remove(&change.item).await?;
    }
    Ok(())
}

fn tell(changes: &[Change], json: bool, out: &mut dyn Write) -> Result<(), Stop> {
    if json {
        let changes: Vec<_> = changes.iter().map(document).collect();
        return write_json(out, &json!({ "changes": changes }));
    }
    if changes.is_empty() {
        return write(out, "nothing to change\n");
    }
    let line = |Change { action, item, why }: &Change| match &**why {
        "" => format!("{action:<9} {item}\n"),
        why => format!("{action:<9} {item}: {why}\n"),
    };
    write(out, &changes.iter().map(line).collect::<String>())
}

fn document(Change { action, item, why }: &Change) -> Value {
    let (kind, name) = match item {
        Item::Exchange(name) => ("exchange", json!(name)),
        Item::Queue(name) => ("queue", json!(name)),
        Item::Binding { queue, exchange, routing_key } => {
            ("binding", json!({ "queue": queue, "exchange": exchange, "routing_key": routing_key }))
        }
    };
    json!({ "action": action.to_string(), kind: name, "why": why })
}

fn conflict(Change { item, why, .. }: &Change) -> String {
    format!("{item} stands in the way: {why}")
}

fn deleted(change: &Change) -> Option<&str> {
    match change {
        Change { action: Action::Delete, item: Item::Queue(queue), .. } => Some(queue),
        _ => None,
    }
}

impl Former {
    /// Of the services that the app has, too: others are not ours to judge.
    fn topology(&self, app: &App) -> Result<Topology, Error> {
        let mut topology = Topology::default();
        for file in &self.files {
            let services = Description::read(file)?.services;
            for service in services.into_iter().filter(|former| app.services().any(|own| own.name == former.name)) {
                for handler in service.handlers {
                    add(&mut topology, subscription(&service.name, handler));
                }
            }
        }
        Ok(topology)
    }
}

fn add(topology: &mut Topology, subscription: Subscription) {
    match topology.subscriptions.iter_mut().find(|known| known.queue == subscription.queue) {
        Some(known) => known.bindings.extend(subscription.bindings),
        None => topology.subscriptions.push(subscription),
    }
}

fn subscription(service: &str, handler: HandlerDescription) -> Subscription {
    let policy = Policy {
        retries: handler.policy.retries,
        backoff: Backoff::millis(handler.policy.backoff_first_ms, handler.policy.backoff_last_ms),
        timeout: Duration::from_millis(handler.policy.timeout_ms),
        ..Policy::default()
    };
    let declare = handler.binding.is_some();
    Subscription {
        service: service.to_owned(),
        queue: handler.queue,
        declare,
        bindings: handler.binding.into_iter().collect(),
        policy,
    }
}
