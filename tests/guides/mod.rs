//! What the guides say beside their programs.

use std::fmt::Write;

use eda::HandlerDef;
use eda::prelude::*;
use eda::rabbit::topology::{Argument, ExchangeKind, Plan};

const TOPOLOGY: &str = include_str!("../../docs/guides/rabbitmq-topology.md");

#[derive(Serialize, Deserialize, Event)]
#[event(name = "member.joined")]
struct MemberJoined {}

#[test]
fn the_tables_of_the_topology_are_what_is_declared() {
    let welcome = HandlerDef::from_fn("welcome", |_: MemberJoined| async {}).configure(|options| options.retries(1));
    let app = App::new().service(Service::new("mail").register(welcome));
    let plan = Plan::of(&app.topology().expect("it can start")).expect("its delays are short");
    for table in [exchanges(&plan), queues(&plan), bindings(&plan)] {
        assert!(
            TOPOLOGY.contains(&format!("\n\n{table}\n")),
            "docs/guides/rabbitmq-topology.md lacks this table:\n\n{table}"
        );
    }
}

fn exchanges(plan: &Plan) -> String {
    let rows = plan.exchanges.iter().map(|exchange| {
        let kind = match exchange.kind {
            ExchangeKind::Direct => "direct",
            ExchangeKind::Fanout => "fanout",
            ExchangeKind::Topic => "topic",
        };
        let alternate = exchange.alternate.map(code).unwrap_or_default();
        [code(&exchange.name), kind.to_owned(), alternate]
    });
    table(["exchange", "type", "alternate exchange"], rows)
}

fn queues(plan: &Plan) -> String {
    let rows = plan.queues.iter().map(|queue| {
        let arguments = queue.arguments.iter().flatten().map(|(name, value)| match value {
            Argument::Text(text) => code(&format!("{name}={text}")),
            Argument::Number(number) => code(&format!("{name}={number}")),
        });
        [code(&queue.name), arguments.collect::<Vec<_>>().join(", ")]
    });
    table(["queue", "arguments"], rows)
}

fn bindings(plan: &Plan) -> String {
    let rows = plan.bindings.iter().map(|binding| {
        let key = if binding.routing_key.is_empty() { String::new() } else { code(&binding.routing_key) };
        [code(&binding.exchange), key, code(&binding.queue)]
    });
    table(["exchange", "routing key", "queue"], rows)
}

fn code(text: &str) -> String {
    format!("`{text}`")
}

fn table<const N: usize>(head: [&str; N], rows: impl Iterator<Item = [String; N]>) -> String {
    let mut table = format!("| {} |\n|{}", head.join(" | "), "---|".repeat(N));
    for row in rows {
        // writing into a `String` does not fail
        let _ = write!(table, "\n| {} |", row.join(" | "));
    }
    table
}
