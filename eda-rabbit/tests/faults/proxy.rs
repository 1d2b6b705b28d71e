//! A network between the program and the broker that can be taken away and given back at once.

use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;

/// Forwards connections while it is up. Dropped, everything ends.
pub(crate) struct Proxy {
    address: String,
    is_up: watch::Sender<bool>,
    settled: watch::Receiver<bool>,
}

impl Proxy {
    /// To a broker at `host:port`.
    pub(crate) async fn to(broker: String) -> Self {
        let first = TcpListener::bind("127.0.0.1:0").await.expect("there is a free port");
        let address = first.local_addr().expect("it is bound").to_string();
        let (is_up, wanted) = watch::channel(true);
        let (told, settled) = watch::channel(true);
        tokio::spawn(run(first, address.clone(), broker, wanted, told));
        Self { address, is_up, settled }
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
                        let (mut client, _) = accepted.expect("it listens");
                        let broker = broker.clone();
                        connections.spawn(async move {
                            let Ok(mut server) = TcpStream::connect(broker).await else { return };
                            // either side may end it
                            let _ = copy_bidirectional(&mut client, &mut server).await;
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
