//! A network between the program and the broker that can be taken away and given back at once, and be slow.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::sleep;

/// What a slow network carries in half a second.
const CHUNK: usize = 25_000;
/// A connection ends over this, whoever says it, as at a firewall that looks into what it carries.
#[allow(dead_code, reason = "some tests only cut connections")]
pub(crate) const DISLIKED: &[u8] = b"x5o!p%@ap[4";

/// Forwards connections while it is up. Dropped, everything ends.
pub(crate) struct Proxy {
    address: String,
    is_up: watch::Sender<bool>,
    is_slow: watch::Sender<bool>,
    settled: watch::Receiver<bool>,
}

impl Proxy {
    /// To a broker at `host:port`.
    pub(crate) async fn to(broker: String) -> Self {
        let first = TcpListener::bind("127.0.0.1:0").await.expect("there is a free port");
        let address = first.local_addr().expect("it is bound").to_string();
        let (is_up, wanted) = watch::channel(true);
        let (told, settled) = watch::channel(true);
        let (is_slow, slow) = watch::channel(false);
        tokio::spawn(run(first, address.clone(), broker, wanted, slow, told));
        Self { address, is_up, is_slow, settled }
    }

    /// `host:port`, for a URL.
    pub(crate) fn address(&self) -> &str {
        &self.address
    }

    /// Resets all connections; new ones are refused.
    pub(crate) async fn down(&mut self) {
        self.set(false).await;
    }

    pub(crate) async fn up(&mut self) {
        self.set(true).await;
    }

    /// Resets all connections.
    pub(crate) async fn cut(&mut self) {
        self.down().await;
        self.up().await;
    }

    /// From now on everything takes 500 ± 200 ms, and no more than 50 kB a second come through.
    #[allow(dead_code, reason = "some tests only cut connections")]
    pub(crate) fn slow(&self) {
        self.is_slow.send_replace(true);
    }

    async fn set(&mut self, is_up: bool) {
        self.is_up.send_replace(is_up);
        self.settled.wait_for(|settled| *settled == is_up).await.expect("the proxy runs");
    }
}

async fn run(
    first: TcpListener,
    address: String,
    broker: String,
    mut wanted: watch::Receiver<bool>,
    slow: watch::Receiver<bool>,
    told: watch::Sender<bool>,
) {
    let mut listener = Some(first);
    loop {
        let mut connections = JoinSet::new();
        if let Some(listener) = listener.take() {
            loop {
                tokio::select! {
                    down = wanted.wait_for(|up| !up) => if down.is_ok() { break } else { return },
                    accepted = listener.accept() => {
                        let (client, _) = accepted.expect("it listens");
                        let (broker, slow) = (broker.clone(), slow.clone());
                        connections.spawn(async move {
                            let Ok(server) = TcpStream::connect(broker).await else { return };
                            let ((from_client, to_client), (from_server, to_server)) = (client.into_split(), server.into_split());
                            tokio::join!(carry(from_client, to_server, &slow), carry(from_server, to_client, &slow));
                        });
                    }
                }
            }
        }
        connections.shutdown().await;
        told.send_replace(false);
        if wanted.wait_for(|up| *up).await.is_err() {
            return;
        }
        listener = Some(TcpListener::bind(&address).await.expect("the port is still ours"));
        told.send_replace(true);
    }
}

/// Until one side ends it, which ends that direction.
async fn carry(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, slow: &watch::Receiver<bool>) {
    let mut bytes = vec![0; CHUNK];
    while let Ok(count @ 1..) = from.read(&mut bytes).await {
        if *slow.borrow() {
            // spread without a source of chance: the length of what travels decides
            sleep(Duration::from_millis(300 + (count as u64 * 7) % 400)).await;
        }
        let is_disliked = bytes[..count].windows(DISLIKED.len()).any(|part| part == DISLIKED);
        if is_disliked || to.write_all(&bytes[..count]).await.is_err() {
            return;
        }
    }
}
