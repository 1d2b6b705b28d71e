//! `asyncapi`: documents that the official JSON Schema of AsyncAPI 3.1 takes.
//!
//! `asyncapi-3.1.0.json` is that schema, unchanged, from the npm package `@asyncapi/specs` 6.11.1 (© the AsyncAPI initiative,
//! Apache-2.0).

#![cfg(test)]

#[path = "../../../examples/tool.rs"]
#[expect(dead_code, reason = "the example is run by its tests, and here described")]
mod example;

use std::collections::BTreeSet;

use eda::prelude::*;
use eda::{HandlerDef, HandlerMeta};
use schemars::JsonSchema;
use serde_json::{Value, json};

/// A tree, which refers to itself.
#[derive(Serialize, Deserialize, JsonSchema, Event)]
#[event(name = "tree.planted", routing_key = "tree.{region}.planted")]
struct TreePlanted {
    region: String,
    branches: Vec<TreePlanted>,
}

#[derive(Serialize, Deserialize, Event)]
#[event(name = "tree.felled", version = 3, accept = "TreeFelled")]
struct TreeFelled {}

#[tokio::test]
async fn the_document_of_a_service_is_valid_and_says_what_it_says() {
    let document = document(example::billing(), &["--app-version", "1.2.3"]).await;
    validate(&document);
    assert_eq!(document["info"], json!({ "title": "billing", "version": "1.2.3" }));
    let message = &document["components"]["messages"]["order.created.v1"];
    assert_eq!(message["description"], "A customer has placed an order.");
    assert_eq!(message["payload"], json!({ "$ref": "#/components/schemas/order.created.v1" }));
    let schema = &document["components"]["schemas"]["order.created.v1"];
    assert_eq!(schema["properties"]["order_id"]["description"], "The shop's number of the order.");
    let line = schema.pointer("/properties/lines/items/$ref").and_then(Value::as_str).expect("lines have a type");
    assert_eq!(document.pointer(line.trim_start_matches('#')).expect("it is there")["type"], "object");
    assert!(document["components"]["messages"]["payment.completed.v2"].get("payload").is_none(), "no schema is known");
    let charge = &document["operations"]["billing.charge"];
    assert_eq!((&charge["action"], &charge["x-queue"]), (&json!("receive"), &json!("billing.charge")));
    assert_eq!(charge["description"], "Charges the card once per order.");
    assert_eq!(document["operations"]["billing.sends.order.created.v1"]["action"], "send");
    assert_eq!(document["operations"]["billing.charge.sends.payment.completed.v2"]["action"], "send");
}

#[tokio::test]
async fn yaml_is_the_same_document() {
    let document = document(example::billing(), &[]).await;
    let yaml = asyncapi(example::billing(), &[]).await;
    assert!(yaml.starts_with("asyncapi: \"3.1.0\"\nchannels:\n"), "{yaml}");
    assert_eq!(serde_saphyr::from_str::<Value>(&yaml).expect("it is YAML"), document);
}

#[tokio::test]
async fn every_kind_of_handler_makes_a_valid_document_with_ids_of_its_own() {
    let foreign = |options: HandlerMeta| options.queue("tree events/2").declare(false);
    let forest = Service::new("forest")
        .on("sends", |tree: TreePlanted| async { tree.branches })
        .on("sends.tree.planted.v1", |_: TreePlanted| async {})
        .register(HandlerDef::from_fn("fell", |_: TreeFelled| async {}).configure(foreign))
        .publishes::<(TreePlanted, TreeFelled)>();
    let audit = Service::new("audit")
        .register(HandlerDef::from_fn("trees", |_: AnyEvent| async {}).configure(|options| options.pattern("tree.#")))
        .register(HandlerDef::from_fn("none", |_: AnyEvent| async {}).configure(|options| options.pattern("fish.*")));
    let document = document(App::new().service(forest).service(audit), &[]).await;
    validate(&document);
    let ids: BTreeSet<_> = document["operations"].as_object().expect("they are many").keys().cloned().collect();
    let expected = [
        "audit.none",
        "audit.trees",
        "forest.fell",
        "forest.sends",
        "forest.sends.sends.tree.planted.v1",
        "forest.sends.tree.felled.v3",
        "forest.sends.tree.planted.v1",
        "forest.sends.tree.planted.v1-2",
    ];
    assert_eq!(ids, expected.map(str::to_owned).into());
    assert_eq!(document["channels"]["tree.planted"]["address"], "tree.*.planted");
    let trees = document["channels"]["queue.audit.trees"]["messages"].as_object().expect("two match");
    assert_eq!(trees.keys().collect::<Vec<_>>(), ["tree.felled.v3", "tree.planted.v1"]);
    assert_eq!(document["channels"]["queue.tree_events_2"]["bindings"]["amqp"]["queue"]["name"], "tree events/2");
    assert_eq!(document["operations"]["forest.fell"]["x-accepts"], json!(["TreeFelled"]));
    let schema = &document["components"]["schemas"]["tree.planted.v1"];
    assert_eq!(schema["properties"]["branches"]["items"], json!({ "$ref": "#/components/schemas/tree.planted.v1" }));
    let exchange = &document["channels"]["tree.felled"]["bindings"]["amqp"]["exchange"]["name"];
    assert_eq!(exchange, eda::rabbit::topology::EVENTS);
}

async fn document(app: impl Into<App>, options: &[&str]) -> Value {
    let told = asyncapi(app, &[&["--json"], options].concat()).await;
    serde_json::from_str(&told).expect("it is JSON")
}

async fn asyncapi(app: impl Into<App>, options: &[&str]) -> String {
    let arguments = [&["program", "asyncapi"], options].concat();
    let mut told = Vec::new();
    let done = eda::tool::execute(app, arguments.into_iter().map(Into::into), &mut told).await;
    done.expect("no broker is needed");
    String::from_utf8(told).expect("it is text")
}

/// By the official schema, and that every reference leads somewhere.
fn validate(document: &Value) {
    let schema: Value = serde_json::from_str(include_str!("../asyncapi-3.1.0.json")).expect("the schema is JSON");
    let validator = jsonschema::validator_for(&schema).expect("the schema is one");
    let problems: Vec<_> =
        validator.iter_errors(document).map(|error| format!("{}: {error}", error.instance_path())).collect();
    assert!(problems.is_empty(), "{problems:#?}");
    references(document, document);
}

fn references(value: &Value, document: &Value) {
    match value {
        Value::Object(fields) => {
            if let Some(path) = fields.get("$ref").and_then(Value::as_str) {
                assert!(document.pointer(path.trim_start_matches('#')).is_some(), "{path} leads nowhere");
            }
            fields.values().for_each(|value| references(value, document));
        }
        Value::Array(items) => items.iter().for_each(|item| references(item, document)),
        _ => {}
    }
}
