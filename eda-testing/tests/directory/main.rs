//! The transport of `docs/guides/writing-a-transport.md`: queues in a directory of files.

mod consumer;
mod file;
mod guide;
mod reason;
mod store;
mod transport;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use async_trait::async_trait;
use eda_core::transport::Transport;
use eda_core::{AnyEvent, App, Broker, Failure, Message, Result, Service};
use eda_testing::conformance::{DeadLetter, Need, Options, Setup};
use tokio::sync::mpsc;

use crate::transport::Directory;

eda_testing::conformance!(OnDisk::new());

#[tokio::test]
async fn a_service_runs_on_it() -> Result<()> {
    let disk = OnDisk::new();
    let broker = Broker::new(disk.directory.clone()).await?;
    let (tell, mut heard) = mpsc::unbounded_channel();
    let service = Service::new("audit").on("log", move |event: AnyEvent| {
        let told = tell.send(event.name().to_owned());
        async move { told.map_err(Failure::transient) }
    });
    let running = service.start(&broker).await?;
    let publisher = broker.transport().publisher().await?;
    publisher.send(Message::new("order.created", r#"{"order_id": 1}"#)).await?.confirmed().await?;
    assert_eq!(heard.recv().await.as_deref(), Some("order.created"));
    running.shutdown().await?;
    broker.close().await
}

/// A directory of its own, which goes with it.
struct OnDisk {
    root: PathBuf,
    directory: Directory,
}

impl OnDisk {
    fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let name = format!("eda-directory-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let root = std::env::temp_dir().join(name);
        let directory = Directory::open(&root).expect("a folder for temporary files");
        Self { root, directory }
    }
}

impl Drop for OnDisk {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.root);
    }
}

#[async_trait]
impl Setup for OnDisk {
    async fn connect(&self, options: &Options) -> Result<Arc<dyn Transport>> {
        Ok(Arc::new(self.directory.another(options.unrouted)))
    }

    fn gaps(&self) -> Vec<(Need, &'static str)> {
        vec![
            (Need::ForeignQueues, "its files have a format that no other program writes"),
            (Need::ConnectionLoss, "there is no connection that could be lost"),
            (Need::BrokerAway, "the disk is always there"),
            (Need::ConsumerCancel, "nobody ends a consumer but the program itself"),
        ]
    }

    async fn dead_letters(&self, queue: &str) -> Result<Vec<DeadLetter>> {
        let dead = self.directory.queue(queue).map_or_else(|| Ok(Vec::new()), |queue| queue.dead())?;
        let letter = |(message, reason): (Message, Vec<u8>)| {
            let failure = reason::decode(&reason).expect("a reason that was written here")?;
            Ok(DeadLetter { message, failure })
        };
        dead.into_iter().map(letter).collect()
    }

    async fn parked(&self, routing_key: &str) -> Result<Vec<Message>> {
        let parked = self.directory.parked()?;
        let messages = parked.places("waiting")?.into_iter().map(|place| parked.read("waiting", &place));
        let messages: Vec<_> = messages.collect::<Result<_>>()?;
        Ok(messages.into_iter().filter(|message| message.routing_key == routing_key).collect())
    }
}

#[tokio::test]
async fn what_a_process_had_in_hand_when_it_died_comes_again() -> Result<()> {
    let disk = OnDisk::new();
    let app = App::new().service(Service::new("audit").on("log", |_: AnyEvent| async {}));
    let topology = app.topology()?;
    disk.directory.declare(&topology).await?;
    let publisher = disk.directory.publisher().await?;
    publisher.send(Message::new("order.created", "{}")).await?.confirmed().await?;
    let mut in_hand = Vec::new();
    let mut deliveries = disk.directory.subscribe(&topology.subscriptions[0]).await?;
    deliveries.receive(&mut in_hand, 1).await?;
    // a process that dies drops nothing
    std::mem::forget((deliveries, in_hand));

    let after = Directory::open(&disk.root)?;
    let mut deliveries = after.subscribe(&topology.subscriptions[0]).await?;
    let mut again = Vec::new();
    deliveries.receive(&mut again, 1).await?;
    assert!(again[0].redelivered());
    Ok(())
}
