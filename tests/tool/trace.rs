//! `trace`: what led to what, over the journals of two services.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use eda::journal::FileJournal;
use eda::prelude::*;
use eda::transport::memory::Memory;
use eda::{Backoff, EventId, HandlerDef};
use serde_json::Value;

use crate::support::{stderr, stdout, tool};

#[derive(Serialize, Deserialize, Event)]
#[event(name = "order.placed")]
struct OrderPlaced {}

#[derive(Serialize, Deserialize, Event)]
#[event(name = "order.paid")]
struct OrderPaid {}

#[derive(Serialize, Deserialize, Event)]
#[event(name = "order.shipped")]
struct OrderShipped {}

#[tokio::test(start_paused = true)]
async fn the_tree_goes_over_services_with_attempts_and_outcomes() {
    let (billing, shipping, id) = two_services("tree").await;
    let files = [billing.to_string_lossy(), shipping.to_string_lossy()];
    let told = tool(&["trace", &id.to_string(), "--journal", &files[0], &files[1]]);
    assert_eq!((told.status.code(), stderr(&told).as_str()), (Some(0), ""), "{}", stdout(&told));
    let text = stdout(&told);
    let mut lines = text.lines();
    assert!(lines.next().is_some_and(|line| line.starts_with(&format!("correlation {id}, from 20"))), "{text}");
    let lines: Vec<_> = lines.map(without_figures).collect();
    assert_eq!(
        lines,
        [
            "order.placed v1 # # published by web",
            "├─ billing.charge attempt 1 # retry in 1s after #: transient: the card network does not answer",
            "└─ billing.charge attempt 2 # handled after #",
            "   └─ order.paid v1 # # published by billing",
            "      └─ shipping.ship attempt 1 # handled after #",
            "         └─ order.shipped v1 # # published by shipping",
        ],
        "{text}"
    );
    // any event of it leads to the whole
    let paid = EventId::derived(&id, "billing.charge", "order.paid", 0).to_string();
    let again = tool(&["trace", &paid, "--journal", &files[0], &files[1]]);
    assert_eq!(stdout(&again), text);
}

#[tokio::test(start_paused = true)]
async fn one_journal_alone_tells_what_it_has() {
    let (_, shipping, id) = two_services("alone").await;
    let told = tool(&["trace", &id.to_string(), "--journal", &shipping.to_string_lossy()]);
    let lines: Vec<_> = stdout(&told).lines().skip(1).map(without_figures).collect();
    assert_eq!(
        lines,
        [
            "order.paid v1 # # no journal has its publishing",
            "└─ shipping.ship attempt 1 # handled after #",
            "   └─ order.shipped v1 # # published by shipping",
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn what_is_broken_is_told_and_stops_nothing() {
    let (billing, shipping, id) = two_services("broken").await;
    let whole = std::fs::read_to_string(&billing).expect("it was written");
    let lines = whole.lines().count();
    std::fs::write(&billing, format!("{whole}{{\"journal\": 7}}\nnot json\n")).expect("it is ours");
    let files = [billing.to_string_lossy(), shipping.to_string_lossy()];
    let told = tool(&["trace", &id.to_string(), "--json", "--journal", &files[0], &files[1]]);
    assert_eq!(told.status.code(), Some(0));
    let (newer, odd) = (lines + 1, lines + 2);
    let warned = stderr(&told);
    assert!(warned.contains(&format!("warning: {}:{newer}: the line is of version 7, and", files[0])), "{warned}");
    assert!(warned.contains(&format!("warning: {}:{odd}: expected a line of a journal: ", files[0])), "{warned}");
    let document: Value = serde_json::from_slice(&told.stdout).expect("standard output is one document");
    assert_eq!(document["problems"].as_array().map(Vec::len), Some(2));
    let nodes = document["nodes"].as_array().expect("a list");
    let depths: Vec<_> = nodes.iter().filter_map(|node| node["depth"].as_u64()).collect();
    assert_eq!(depths, [0, 1, 1, 2, 3, 4]);
    assert_eq!(nodes[2]["attempt"]["outcome"], "handled");
    assert_eq!(nodes[3]["causation_id"], id.to_string());
}

#[tokio::test(start_paused = true)]
async fn what_no_journal_knows_is_told() {
    let (billing, _, _) = two_services("unknown").await;
    let told = tool(&["trace", "no-such-id", "--journal", &billing.to_string_lossy()]);
    assert_eq!(told.status.code(), Some(1));
    let text = stderr(&told);
    assert!(text.starts_with("error: no event with this correlation id, or this id, is in "), "{text}");
    assert!(text.contains("id: no-such-id"), "{text}");
    let odd = tool(&["trace", "\"no\"\u{1b}[2J", "--journal", &billing.to_string_lossy()]);
    assert!(stderr(&odd).contains("id: \"no\"\\u{1b}[2J\n"), "{}", stderr(&odd));
    let missing = tool(&["trace", "no-such-id", "--journal", "no/such/file"]);
    assert_eq!(missing.status.code(), Some(1));
    assert!(stderr(&missing).contains("no/such/file"), "{}", stderr(&missing));
}

/// Runs an order through two services; gives their journals and the id of the order's first event.
async fn two_services(name: &str) -> (PathBuf, PathBuf, EventId) {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("trace-{}-{name}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("the folder is ours");
    let (billing, shipping) = (folder.join("billing.journal"), folder.join("shipping.journal"));
    let memory = Memory::new();
    let broker = Broker::new(memory.clone()).await.expect("memory is always there");
    let journal = |file: &Path| FileJournal::open(file).expect("the folder is ours");

    let tried = AtomicBool::new(false);
    let charge = move |_: OrderPlaced| {
        let is_first = !tried.swap(true, Ordering::Relaxed);
        async move { if is_first { Err(Failure::transient("the card network does not answer")) } else { Ok(OrderPaid {}) } }
    };
    let second = |options: eda::HandlerMeta| options.backoff(Backoff::millis(1_000, 1_000));
    let charge = HandlerDef::from_fn("charge", charge).configure(second);
    let ship = |_: OrderPaid| async { OrderShipped {} };
    let at_billing = broker.clone().journaled(journal(&billing));
    let ours = App::from(Service::new("billing").register(charge)).start(&at_billing).await.expect("it starts");
    let theirs = App::from(Service::new("shipping").on("ship", ship)).journal(journal(&shipping));
    let theirs = theirs.start(&broker).await.expect("it starts");

    let id = at_billing.publisher("web").publish(&OrderPlaced {}).await.expect("memory takes it");
    memory.until_idle().await;
    // the clock is paused: it jumps to the retry
    tokio::time::sleep(Duration::from_secs(1)).await;
    memory.until_idle().await;
    ours.shutdown().await.expect("it ends");
    theirs.shutdown().await.expect("it ends");
    (billing, shipping, id)
}

/// Ids and times are different in each run.
fn without_figures(line: &str) -> String {
    let figure = |word: &str| EventId::from(word).to_string().len() == 36 && word.contains('-');
    let time = |word: &str| word.starts_with('+') && word.ends_with('s');
    let mut words: Vec<String> = Vec::new();
    for word in line.split(' ') {
        let is_duration = words.last().is_some_and(|last| last == "after");
        words.push(match word.strip_suffix(':') {
            Some(_) if is_duration => "#:".to_owned(),
            None if is_duration || figure(word) || time(word) => "#".to_owned(),
            _ => word.to_owned(),
        });
    }
    words.join(" ")
}
