//! The tool as a process that is killed, under a user who may no more than `permissions --operating` says.

use std::collections::{BTreeMap, BTreeSet};
use std::process::{Child, Command, Stdio};

use eda::prelude::*;
use eda::transport::Place;
use eda::{Broker, HandlerDef, HandlerMeta};
use rabbit_node::{Node, Options};
use serde_json::Value;
use tokio::sync::mpsc::unbounded_channel;
use tokio::time::timeout;

use crate::broker::PATIENCE;
use crate::support::{program, stderr, stdout};

const LETTERS: u64 = 3_000;
/// How many copies the tool has under way, and removals that the broker was not told of: so many come twice at most.
const WINDOW: u64 = 500;
/// What the first two consumers of a walk may have in hand.
const IN_HAND: u64 = 256 + 1_024;

/// As the example has it.
#[derive(Serialize, Deserialize, Event)]
#[event(name = "order.created", key = order_id)]
struct OrderCreated {
    order_id: u64,
    lines: Vec<String>,
}

fn once(options: HandlerMeta) -> HandlerMeta {
    options.retries(0).concurrency(1)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_tool_that_is_killed_loses_nothing() {
    let node = Node::start(Options::default()).expect("a private node starts");
    let broker = eda::connect(&node.url()).await.expect("the node answers");
    let ids = dead_letters(&broker).await;
    let url = operator(&node);
    let tool = |arguments: &[&str]| start(&url, arguments).wait_with_output().expect("it ends");

    // nobody can be asked
    let refused = tool(&["dead", "replay"]);
    assert_eq!(refused.status.code(), Some(1));
    let text = stderr(&refused);
    assert!(text.starts_with("3000 dead letters match: 3000 would decode with today's types, 0 would not\n"), "{text}");
    assert!(
        text.contains("nobody can be asked whether to replay 3000 dead letters to billing.charge (3000)"),
        "{text}"
    );

    let before = listed(&tool(&["dead", "list", "--each", "--json"]));
    // nobody reads what it tells, so it stops in the middle, with a bounded number in hand
    let mut listing = start(&url, &["dead", "list", "--each", "--json"]);
    until(&broker, |dead, _| dead < LETTERS).await;
    assert!(LETTERS - count(&broker).await <= IN_HAND);
    listing.kill().expect("it runs");
    listing.wait().expect("it has ended");
    until(&broker, |dead, _| dead == LETTERS).await;
    let after = listed(&tool(&["dead", "list", "--each", "--json"]));
    // they were looked at before, so those that were in hand stand behind the others, in their order
    let first = after.iter().position(|id| *id == before[0]).expect("it is back");
    assert!(first > 0 && [&after[first..], &after[..first]].concat() == before, "all are back");
    let again = listed(&tool(&["dead", "list", "--each", "--json", "--limit", "10"]));
    assert_eq!(again, after[..10], "an early end changes no order");
    assert_eq!(listed(&tool(&["dead", "list", "--each", "--json", "--limit", "10"])), again);
    assert_eq!(before.iter().collect::<BTreeSet<_>>(), ids.iter().collect(), "all were there");

    let mut replaying = start(&url, &["dead", "replay", "--yes", "--rate", "1000"]);
    until(&broker, |_, back| back > LETTERS / 10).await;
    replaying.kill().expect("it runs");
    replaying.wait().expect("it has ended");
    let rest = tool(&["dead", "replay", "--yes", "--json"]);
    let rest: Value = serde_json::from_slice(&rest.stdout).expect("standard output is one document");
    assert_eq!(rest["matched"], rest["replayed"]);
    let empty = tool(&["dead", "list"]);
    assert_eq!((stdout(&empty), empty.status.code()), ("no dead letters\n".to_owned(), Some(0)));

    let times = handled(&broker).await;
    assert!(ids.iter().all(|id| times.contains_key(id)) && times.len() == ids.len(), "nothing is lost or made up");
    let twice = times.values().sum::<u64>() - LETTERS;
    assert!(twice <= WINDOW, "{twice} came twice");
    broker.close().await.expect("it ends");
}

/// Their ids.
async fn dead_letters(broker: &Broker) -> Vec<String> {
    let charge = |_: OrderCreated| async { Err::<(), _>(Failure::permanent("no card")) };
    let service = Service::new("billing").register(HandlerDef::from_fn("charge", charge).configure(once));
    let running = App::from(service).start(broker).await.expect("it starts");
    let orders = (1..=LETTERS).map(|order_id| OrderCreated { order_id, lines: Vec::new() });
    let ids = broker.publisher("web").publish_all(orders).await.expect("they are confirmed");
    until(broker, |dead, _| dead == LETTERS).await;
    running.shutdown().await.expect("it ends");
    ids.iter().map(ToString::to_string).collect()
}

/// How often each event was handled, when the queue is empty.
async fn handled(broker: &Broker) -> BTreeMap<String, u64> {
    let (heard, mut inbox) = unbounded_channel();
    let charge = move |event: AnyEvent| {
        heard.send(event.message().id_or_dash().into_owned()).expect("the test listens");
        async {}
    };
    let service = Service::new("billing").register(HandlerDef::from_fn("charge", charge).configure(once));
    let waiting = queue(broker).await;
    let running = App::from(service).start(broker).await.expect("it starts");
    let mut times = BTreeMap::new();
    for _ in 0..waiting {
        let id = timeout(PATIENCE, inbox.recv()).await.expect("it comes").expect("the handler lives");
        *times.entry(id).or_default() += 1;
    }
    running.shutdown().await.expect("it ends");
    assert_eq!(queue(broker).await, 0);
    times
}

async fn until(broker: &Broker, holds: impl Fn(u64, u64) -> bool) {
    let counted = async { while !holds(count(broker).await, queue(broker).await) {} };
    timeout(PATIENCE, counted).await.expect("it happens soon");
}

async fn count(broker: &Broker) -> u64 {
    let keep = broker.transport().keep().expect("it keeps them");
    let kept = keep.open(&Place::DeadLettersOf("billing.charge".to_owned())).await.expect("it answers");
    kept.expect("it is there").count()
}

async fn queue(broker: &Broker) -> u64 {
    let charge = |_: OrderCreated| async {};
    let topology = App::from(Service::new("billing").on("charge", charge)).topology().expect("it is one");
    let states = broker.transport().operate().expect("it has operators").queues(&topology).await;
    states.expect("it answers")[0].messages
}

/// The URL of a user who may do what the tool says that it needs.
fn operator(node: &Node) -> String {
    let url = format!("amqp://ada:secret@127.0.0.1:{}", node.port());
    let told = start(&url, &["permissions", "--operating", "--json"]).wait_with_output().expect("it ends");
    let rights: Value = serde_json::from_slice(&told.stdout).expect("standard output is one document");
    let [configure, write, read] =
        ["configure", "write", "read"].map(|right| rights[right].as_str().expect("a pattern").to_owned());
    node.ctl(&["add_user", "ada", "secret"]).expect("the node answers");
    node.ctl(&["set_permissions", "ada", &configure, &write, &read]).expect("the node answers");
    url
}

fn start(url: &str, arguments: &[&str]) -> Child {
    let mut command = Command::new(program());
    command.args(arguments).args(["--broker", url]).env_remove("AMQP_URL");
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command.spawn().expect("the example was built with this test")
}

fn listed(told: &std::process::Output) -> Vec<String> {
    let lines = stdout(told);
    let id = |line: &str| serde_json::from_str::<Value>(line).expect("a document")["id"].as_str().map(str::to_owned);
    lines.lines().filter_map(id).collect()
}
