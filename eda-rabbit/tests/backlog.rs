//! A service that comes back to 300,000 waiting messages and is slow: what it holds in memory is what it has in hand.

#![cfg(target_os = "linux")]
#![expect(clippy::print_stdout, reason = "one process tells the other, and who runs it by hand")]

// with the rights of a service, and no others
#[path = "security/user.rs"]
mod user;

use std::process::Command;
use std::time::Duration;

use eda_core::event::CodecError;
use eda_core::transport::Transport;
use eda_core::{App, Broker, Event, EventId, HandlerDef, Message, Policy, Service, Subscription, Topology, event};
use eda_rabbit::Rabbit;
use tokio::sync::mpsc;
use tokio::time::{sleep, timeout};

use crate::user::restricted_where_possible;

const SERVICE: &str = "backlog-tests";
const HANDLER: &str = "slow";
const WAITING: usize = 300_000;
const BYTES: usize = 1_000;
/// So many are handled before the memory is read.
const HANDLED: usize = 5_000;
const LIMIT_KILOBYTES: u64 = 40_000;
const PATIENCE: Duration = Duration::from_secs(120);
/// Said to the process that is measured, by the one that measures.
const ROLE: &str = "EDA_BACKLOG_SERVICE";

struct Filled;

impl Event for Filled {
    const NAME: &'static str = "backlog.filled";

    fn encode(&self) -> event::Encoded {
        Ok("x".repeat(BYTES).into())
    }

    fn decode(body: &[u8]) -> event::Decoded<Self> {
        if body.len() == BYTES { Ok(Self) } else { Err(CodecError::new("another length")) }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn three_hundred_thousand_waiting_messages_are_no_matter_of_memory() {
    let url = rabbit_node::shared_url();
    if std::env::var_os(ROLE).is_some() {
        return serve(&url).await;
    }
    fill(&url).await;
    let this = std::env::current_exe().expect("it is known");
    let name = "three_hundred_thousand_waiting_messages_are_no_matter_of_memory";
    let service = Command::new(this).args(["--exact", name, "--nocapture"]).env(ROLE, "1").output();
    let output = service.expect("it runs");
    let text = String::from_utf8_lossy(&output.stdout);
    let peak = text.lines().find_map(|line| line.strip_prefix("peak ")?.parse::<u64>().ok());
    let peak = peak.unwrap_or_else(|| panic!("expected the peak: {text}{}", String::from_utf8_lossy(&output.stderr)));
    println!("{peak} kB at most");
    assert!(peak < LIMIT_KILOBYTES, "{peak} kB, and {LIMIT_KILOBYTES} kB at most");
}

/// A new queue with so many messages in it, as a service's own would be that has been away.
async fn fill(url: &str) {
    let rabbit = Rabbit::connect(&restricted_where_possible(url, SERVICE, SERVICE)).await.expect("the broker answers");
    let subscription = Subscription {
        service: SERVICE.into(),
        queue: format!("{SERVICE}.{HANDLER}"),
        declare: true,
        bindings: vec![Filled::NAME.into()],
        policy: Policy::default(),
    };
    let topology = Topology { subscriptions: vec![subscription], ..Topology::default() };
    rabbit.declare(&topology).await.expect("it is declared");
    let publisher = rabbit.publisher().await.expect("there is one");
    let body = Filled.encode().expect("it is text");
    let (sender, mut receipts) = mpsc::channel(1_000);
    let confirming = tokio::spawn(async move {
        while let Some(receipt) = receipts.recv().await {
            let receipt: eda_core::transport::Receipt = receipt;
            receipt.confirmed().await.expect("it is confirmed");
        }
    });
    for _ in 0..WAITING {
        let (id, name) = (Some(EventId::new()), Some(Filled::NAME.into()));
        let message = Message { id, name, ..Message::new(Filled::NAME, body.clone()) };
        sender.send(publisher.send(message).await.expect("there is room")).await.expect("it waits");
    }
    drop(sender);
    confirming.await.expect("all are confirmed");
    rabbit.close().await.expect("closed");
}

/// The process that is measured, with default settings; empties the queue at its end.
async fn serve(url: &str) {
    let rabbit = Rabbit::connect(&restricted_where_possible(url, SERVICE, SERVICE)).await.expect("the broker answers");
    let broker = Broker::new(rabbit).await.expect("it is connected");
    let (sender, mut handled) = mpsc::unbounded_channel();
    let slow = HandlerDef::from_fn(HANDLER, move |_: Filled| {
        let sender = sender.clone();
        async move {
            sleep(Duration::from_millis(10)).await;
            // nobody counts any more at the end
            let _ = sender.send(());
        }
    });
    let app = App::new().service(Service::new(SERVICE).register(slow));
    let running = app.start(&broker).await.expect("the app starts");
    for _ in 0..HANDLED {
        timeout(PATIENCE, handled.recv()).await.expect("it goes on").expect("the handler runs");
    }
    let status = std::fs::read_to_string("/proc/self/status").expect("Linux tells");
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("Linux tells");
    println!("peak {}", peak.trim().trim_end_matches(" kB"));
    running.shutdown().await.expect("drained");
    broker.close().await.expect("closed");
    delete(url).await;
}

async fn delete(url: &str) {
    use lapin::options::QueueDeleteOptions;
    let connection = lapin::Connection::connect(url, lapin::ConnectionProperties::default()).await;
    let channel = connection.expect("the broker answers").create_channel().await.expect("there is one");
    let queue = format!("{SERVICE}.{HANDLER}");
    channel.queue_delete(queue.as_str().into(), QueueDeleteOptions::default()).await.expect("it is deleted");
}
