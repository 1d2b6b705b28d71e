//! Many clients, and a broker that takes no more of them.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use eda_core::ErrorKind;
use eda_core::transport::{ConsumerState, Transport};
use eda_rabbit::Rabbit;
use futures_util::future::join_all;
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::support::{PATIENCE, connect_through_a_proxy, event, next, node, subscribe, subscription};
use crate::support::{until_state, url_of};

const CLIENTS: usize = 200;
/// One to publish, one to consume.
const CONNECTIONS: usize = 2 * CLIENTS;
/// As long a client waits at most between two tries.
const LONGEST_WAIT: Duration = Duration::from_secs(5);
const SLOTS: usize = 5;

#[tokio::test(flavor = "multi_thread")]
async fn a_broker_that_takes_no_more_connections_says_so_and_is_tried_again() {
    let node = node().await;
    let (mut proxy, rabbit) = connect_through_a_proxy(&node).await;
    let subscription = subscription("full-house");
    let mut deliveries = subscribe(&rabbit, &subscription).await;
    node.ctl(&["set_vhost_limits", "-p", "/", r#"{"max-connections": 0}"#]).expect("the house is full");
    let refused = Rabbit::connect(&format!("{}?connect_timeout=2s", url_of(&node))).await;
    proxy.cut().await;
    until_state(&*deliveries, ConsumerState::Connecting).await;
    node.ctl(&["clear_vhost_limits", "-p", "/"]).expect("there is room again");
    let refusal = refused.err().expect("no connection is allowed");
    assert!(refusal.to_string().contains("limit"), "{refusal}");
    assert_ne!(refusal.kind(), ErrorKind::Internal, "{refusal}");
    until_state(&*deliveries, ConsumerState::Consuming).await;
    let publisher = rabbit.publisher().await.expect("there is one");
    let sent = publisher.send(event(&subscription, 1)).await.expect("there is room");
    sent.confirmed().await.expect("it is taken");
    next(&mut deliveries).await.ack();
    rabbit.close().await.expect("closed");
}

/// A port whose broker comes back: what connects before is hung up on, and afterwards counted.
struct Door {
    address: String,
    is_open: Arc<AtomicBool>,
    arrivals: mpsc::UnboundedReceiver<Instant>,
    /// Ends with the door.
    _connections: JoinSet<()>,
    hang_up: tokio::sync::watch::Sender<u32>,
}

impl Door {
    async fn to(broker: String) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("there is a free port");
        let address = listener.local_addr().expect("it is bound").to_string();
        let (sender, arrivals) = mpsc::unbounded_channel();
        let is_open = Arc::new(AtomicBool::new(true));
        let (hang_up, gone) = tokio::sync::watch::channel(0);
        let mut connections = JoinSet::new();
        let door = Arc::clone(&is_open);
        connections.spawn(async move {
            let mut guests = JoinSet::new();
            loop {
                let (mut client, _) = listener.accept().await.expect("it listens");
                if !door.load(Ordering::SeqCst) {
                    continue;
                }
                // nobody counts any more when the test is over
                let _ = sender.send(Instant::now());
                let (broker, mut gone) = (broker.clone(), gone.clone());
                gone.mark_unchanged();
                guests.spawn(async move {
                    let Ok(mut server) = TcpStream::connect(broker).await else { return };
                    tokio::select! {
                        _ = copy_bidirectional(&mut client, &mut server) => {}
                        _ = gone.changed() => {}
                    }
                });
            }
        });
        Self { address, is_open, arrivals, _connections: connections, hang_up }
    }

    fn shut(&self) {
        self.is_open.store(false, Ordering::SeqCst);
        self.hang_up.send_modify(|times| *times += 1);
    }

    /// When so many more had come.
    async fn arrivals(&mut self, count: usize) -> Vec<Instant> {
        let mut times = Vec::new();
        while times.len() < count {
            times.push(timeout(PATIENCE, self.arrivals.recv()).await.expect("all come back").expect("it listens"));
        }
        times
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_hundred_clients_come_back_spread_out() {
    let node = node().await;
    let mut door = Door::to(format!("127.0.0.1:{}", node.port())).await;
    let url = url_of(&node).replacen(&format!("127.0.0.1:{}", node.port()), &door.address, 1);
    let mut clients = Vec::new();
    while clients.len() < CLIENTS {
        let connecting = (0..20).map(|_| Rabbit::connect(&url));
        clients.extend(join_all(connecting).await.into_iter().map(|rabbit| rabbit.expect("the node answers")));
    }
    door.arrivals(CONNECTIONS).await;
    // each has tried often enough to wait as long as it ever does
    door.shut();
    tokio::time::sleep(LONGEST_WAIT * 3).await;
    while door.arrivals.try_recv().is_ok() {}
    let opened = Instant::now();
    door.is_open.store(true, Ordering::SeqCst);
    let times = door.arrivals(CONNECTIONS).await;
    let mut slots = [0; SLOTS];
    for time in times {
        let slot = (time - opened).as_millis() * SLOTS as u128 / LONGEST_WAIT.as_millis();
        slots[usize::try_from(slot).unwrap_or(SLOTS).min(SLOTS - 1)] += 1;
    }
    let (peak, mean) = (slots.iter().max().copied().unwrap_or(0), CONNECTIONS / SLOTS);
    assert!(peak <= 3 * mean, "so many in each second: {slots:?}");
    for closed in join_all(clients.iter().map(Transport::close)).await {
        closed.expect("closed");
    }
}
