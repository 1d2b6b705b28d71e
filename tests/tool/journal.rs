//! The journal in a queue of the broker: what writes it, what reads it, and what it never holds up.

use std::time::{Duration, Instant};

use eda::journal::QueueJournal;
use eda::prelude::*;
use eda::rabbit::topology::JOURNAL;
use eda::transport::Place;
use eda::{Broker, EventId};
use rabbit_node::{Node, Options};
use tokio::sync::mpsc::unbounded_channel;
use tokio::time::timeout;

use crate::broker::{PATIENCE, fresh, told, told_at, url};

#[derive(Serialize, Deserialize, Event)]
#[event(name = "journal.placed", routing_key = "journal.{run}.placed")]
struct Placed {
    run: String,
}

#[derive(Serialize, Deserialize, Event)]
#[event(name = "journal.paid", routing_key = "journal.{run}.paid")]
struct Paid {
    run: String,
}

#[tokio::test]
async fn a_trace_goes_over_two_services_and_takes_nothing_out_of_the_queue() {
    let run = fresh("journal");
    let id = two_services(&url(), &run).await;
    let words = ["trace", &*id.to_string()].map(str::to_owned);
    let trace = || async {
        let words: Vec<_> = words.iter().map(String::as_str).collect();
        told(App::new(), &words).await.expect("the queue knows it")
    };
    let text = trace().await;
    let lines: Vec<_> = text.lines().skip(1).map(|line| line.split(' ').collect::<Vec<_>>()).collect();
    assert_eq!(lines.len(), 4, "{text}");
    assert_eq!((lines[0][0], &lines[0][4..]), ("journal.placed", &["published", "by", "web"][..]), "{text}");
    assert_eq!(lines[1][1], format!("{run}-billing.charge"), "{text}");
    assert!(text.contains("   └─ journal.paid v1 "), "{text}");
    assert_eq!(text.matches("handled after").count(), 2, "{text}");
    assert_eq!(trace().await, text, "a look takes nothing");
    // and not beside it: its handlers would take what this one publishes
    files_and_the_queue_are_read_together().await;
}

async fn files_and_the_queue_are_read_together() {
    let run = fresh("journal");
    let folder = std::path::Path::new(env!("CARGO_TARGET_TMPDIR"));
    let file = folder.join(format!("{run}.journal"));
    let broker = eda::connect(&url()).await.expect("the broker is there");
    let in_file = eda::journal::FileJournal::open(&file).expect("the folder is ours");
    let from_web = broker.clone().journaled(in_file);
    let (heard, mut inbox) = unbounded_channel();
    let charged = App::from(charging(&run, heard)).journal(QueueJournal::new());
    let charged = charged.start(&broker).await.expect("it starts");
    let id = from_web.publisher("web").publish(&Placed { run: run.clone() }).await.expect("it is taken");
    timeout(PATIENCE, inbox.recv()).await.expect("it comes").expect("the handler lives");
    charged.shutdown().await.expect("it ends");
    drop(from_web);
    broker.close().await.expect("it ends");

    let (id, file) = (id.to_string(), file.to_string_lossy().into_owned());
    let only_file = told(App::new(), &["trace", &id, "--journal", &file]).await.expect("the file knows it");
    assert!(only_file.contains("published by web") && !only_file.contains("charge"), "{only_file}");
    let only_queue = told(App::new(), &["trace", &id]).await.expect("the queue knows it");
    assert!(only_queue.contains("charge") && !only_queue.contains("published by web"), "{only_queue}");
    let both = told(App::new(), &["trace", &id, "--queue", "--journal", &file]).await.expect("both know it");
    assert!(both.contains("charge") && both.contains("published by web"), "{both}");
    let unknown = told(App::new(), &["trace", "no-such-id"]).await.expect_err("nobody knows it");
    assert!(unknown.to_string().contains("is in the journal of rabbitmq at "), "{unknown}");
}

#[tokio::test]
async fn the_topology_and_the_permissions_have_it_where_it_is_wanted() {
    let mut node = Node::start(Options::default()).expect("a private node starts: see `cargo xtask test`");
    let url = node.url();
    let run = fresh("journal");
    let with = || App::from(charging(&run, unbounded_channel().0)).journal(QueueJournal::new());
    let without = || App::from(charging(&run, unbounded_channel().0));
    let plan = told_at(&url, without(), &["topology", "plan"]).await.expect("nothing stands in the way");
    assert!(!plan.contains("journal.lines"), "{plan}");
    let plan = told_at(&url, with(), &["topology", "plan"]).await.expect("nothing stands in the way");
    assert!(plan.contains("declare   queue eda.journal\n"), "{plan}");
    assert!(plan.contains("bind      queue eda.journal to eda.journal.lines\n"), "{plan}");
    let missing = told_at(&url, with(), &["trace", "x"]).await.expect_err("there is none");
    assert!(missing.to_string().contains("the broker keeps no journal"), "{missing}");

    // who has no more rights than are printed writes; who operates reads
    for (user, arguments) in [("writer", &["permissions"][..]), ("reader", &["permissions", "--operating"])] {
        let rights = told_at(&url, with(), &[arguments, &["--json"]].concat()).await.expect("they are known");
        let rights: serde_json::Value = serde_json::from_str(&rights).expect("it is one document");
        let right = |name: &str| rights[name].as_str().expect("it is text").to_owned();
        node.ctl(&["add_user", user, "secret"]).expect("the node answers");
        node.ctl(&["set_permissions", user, &right("configure"), &right("write"), &right("read")]).expect("it answers");
    }
    let as_user = |user: &str| url.replace("guest:guest", &format!("{user}:secret"));
    told_at(&as_user("writer"), with(), &["topology", "apply"]).await.expect("it may");
    let broker = eda::connect(&as_user("writer")).await.expect("it may").journaled(QueueJournal::new());
    let id = broker.publisher("web").publish(&Placed { run: run.clone() }).await.expect("it may");
    broker.close().await.expect("it ends");
    let id = id.to_string();
    let refused = told_at(&as_user("writer"), with(), &["trace", &id]).await.expect_err("who writes does not read");
    assert!(refused.to_string().contains("the user lacks a permission"), "{refused}");
    let text = told_at(&as_user("reader"), with(), &["trace", &id]).await.expect("an operator may");
    assert!(text.contains("published by web"), "{text}");
    let same = told_at(&url, with(), &["topology", "plan"]).await.expect("nothing stands in the way");
    assert!(!same.contains("declare"), "{same}");

    a_broker_that_stalls_has_events_and_lines(&node).await;
    the_bound_holds(&node).await;
    events_are_not_held_up(&mut node).await;
}

/// Both wait for the same broker. When it goes on, both get there, and neither has waited for the other.
async fn a_broker_that_stalls_has_events_and_lines(node: &Node) {
    const EVENTS: usize = 20;
    let (run, journal) = (fresh("stalled"), QueueJournal::new());
    let broker = eda::connect(&node.url()).await.expect("the broker is there").journaled(journal.clone());
    let (heard, mut inbox) = unbounded_channel();
    let running = App::from(charging(&run, heard)).start(&broker).await.expect("it starts");
    node.pause().expect("it is ours");
    let publishing: Vec<_> = (0..EVENTS)
        .map(|_| (broker.publisher("web"), Placed { run: run.clone() }))
        .map(|(publisher, placed)| tokio::spawn(async move { publisher.publish(&placed).await }))
        .collect();
    tokio::time::sleep(Duration::from_secs(3)).await;
    node.resume().expect("it is ours");
    let mut ids = Vec::new();
    for published in publishing {
        ids.push(published.await.expect("nothing panics").expect("it is confirmed within its deadline"));
    }
    for _ in 0..EVENTS {
        timeout(PATIENCE, inbox.recv()).await.expect("it comes").expect("the handler lives");
    }
    running.shutdown().await.expect("it ends");
    broker.close().await.expect("it ends");
    assert_eq!(journal.dropped(), 0);
    for id in [&ids[0], &ids[EVENTS - 1]] {
        let text = told_at(&node.url(), App::new(), &["trace", &id.to_string()]).await.expect("the queue knows it");
        assert!(text.contains("published by web") && text.contains("handled after"), "{text}");
    }
}

/// The oldest lines go, and what is read is whole.
async fn the_bound_holds(node: &Node) {
    let broker = eda::connect(&node.url()).await.expect("the broker is there");
    let append = broker.transport().journal().expect("RabbitMQ keeps one");
    let line = |number: u32| {
        let text = format!(
            r#"{{"journal":1,"time":"2026-01-31T12:00:00Z","kind":"published","id":"{number}","outcome":"confirmed"}}"#
        );
        format!("{text}\n{}\n", " ".repeat(1024 * 1024 - 200))
    };
    let count = 70;
    for number in 0..count {
        append.append(line(number).as_bytes()).await.expect("the broker takes it");
    }
    let keep = broker.transport().keep().expect("RabbitMQ keeps messages");
    let mut kept = keep.open(&Place::Journal).await.expect("it answers").expect("it is there");
    assert!((50..count.into()).contains(&kept.count()), "{} messages of 1 MiB in 64 MiB", kept.count());
    let mut bodies = Vec::new();
    while let Some(letter) = timeout(PATIENCE, kept.next()).await.expect("it answers").expect("it is there") {
        bodies.push(letter.message.body.clone());
    }
    kept.close().await.expect("it ends");
    let last = bodies.last().expect("the newest are kept");
    assert!(last.starts_with(&line(count - 1).as_bytes()[..100]), "the newest is there");
    assert!(!bodies.iter().any(|body| body.starts_with(&line(0).as_bytes()[..100])), "the oldest is gone");
    broker.close().await.expect("it ends");
}

/// Handlers and publishers of another broker go on while the one that keeps the journal is away.
async fn events_are_not_held_up(node: &mut Node) {
    let journal = QueueJournal::new();
    let keeps = eda::connect(&node.url()).await.expect("the broker is there").journaled(journal.clone());
    node.pause().expect("it is ours");
    let memory = eda::transport::memory::Memory::new();
    // the journal stays with the broker that it got to know first
    let broker = Broker::new(memory.clone()).await.expect("memory is always there").journaled(journal.clone());
    let (heard, mut inbox) = unbounded_channel();
    let running = App::from(charging("away", heard)).start(&broker).await.expect("it starts");
    let publisher = broker.publisher("web");
    let mut handled: u64 = 0;
    let mut first = None;
    // more than fits into what waits
    while journal.dropped() == 0 {
        let id = publisher.publish(&Placed { run: "away".to_owned() }).await.expect("memory takes it");
        first.get_or_insert(id);
        inbox.recv().await.expect("the handler lives");
        handled += 1;
    }
    assert!(handled > 1_000, "{handled}");
    running.shutdown().await.expect("it ends");
    let before = Instant::now();
    node.resume().expect("it is ours");
    keeps.close().await.expect("it ends");
    assert!(before.elapsed() < PATIENCE, "a close is bounded");
    let first = first.expect("it was published").to_string();
    let text = told_at(&node.url(), App::new(), &["trace", &first]).await.expect("what fitted is there");
    let dropped = journal.dropped();
    assert!(text.contains(&format!("the journals lack {dropped} lines")), "{text}");
}

/// Runs an order through two services that write into the queue; gives the id of the order's first event.
async fn two_services(url: &str, run: &str) -> EventId {
    let broker = eda::connect(url).await.expect("the broker is there").journaled(QueueJournal::new());
    let elsewhere = eda::connect(url).await.expect("the broker is there");
    let (charged, mut at_billing) = unbounded_channel();
    let (shipped, mut at_shipping) = unbounded_channel();
    let billing = App::from(charging(run, charged)).start(&broker).await.expect("it starts");
    let ship = move |_: Paid| {
        let shipped = shipped.clone();
        async move {
            let _ = shipped.send(());
        }
    };
    let shipping = Service::new(format!("{run}-shipping")).on("ship", ship);
    let shipping = App::from(shipping).journal(QueueJournal::new()).start(&elsewhere).await.expect("it starts");
    let id = broker.publisher("web").publish(&Placed { run: run.to_owned() }).await.expect("it is taken");
    for inbox in [&mut at_billing, &mut at_shipping] {
        // other runs of this test have keys that match, too
        timeout(PATIENCE, inbox.recv()).await.expect("it comes").expect("the handler lives");
    }
    billing.shutdown().await.expect("it ends");
    shipping.shutdown().await.expect("it ends");
    broker.close().await.expect("it ends");
    elsewhere.close().await.expect("it ends");
    assert_eq!(JOURNAL, "eda.journal");
    id
}

fn charging(run: &str, heard: tokio::sync::mpsc::UnboundedSender<()>) -> Service {
    let charge = move |placed: Placed| {
        let heard = heard.clone();
        async move {
            let _ = heard.send(());
            Paid { run: placed.run }
        }
    };
    Service::new(format!("{run}-billing")).on("charge", charge)
}
