//! A network that can be bad: a TCP proxy on 127.0.0.1 that resets, swallows, slows, slices and refuses.

mod gather;
mod pipe;

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

pub(crate) use self::pipe::Way;

/// A proxy in front of one broker. Dropped, its connections end.
#[derive(Debug)]
pub(crate) struct Proxy {
    port: u16,
    shared: Arc<Shared>,
}

/// What happens to connections that are made now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Door {
    /// They reach the broker.
    Open,
    /// They are reset at once.
    Shut,
    /// They are accepted, and nothing is ever said.
    Silent,
    /// They are answered with what no broker says.
    Garbage,
}

/// How a connection ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// Both sides see a reset.
    Reset,
    /// The client sees the end of what the broker says, and may go on talking.
    HalfClose,
}

#[derive(Debug)]
struct Shared {
    door: watch::Sender<Door>,
    /// For connections that are made now: towards the broker, and back.
    ways: watch::Sender<(Way, Way)>,
    connections: Mutex<Vec<Connection>>,
}

#[derive(Debug)]
struct Connection {
    up: watch::Sender<Way>,
    down: watch::Sender<Way>,
    end: Arc<watch::Sender<Option<End>>>,
}

impl Proxy {
    /// In front of a broker on this machine.
    pub(crate) async fn to(broker: u16) -> Result<Self, String> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await;
        let listener = listener.map_err(|error| format!("binding a port for a proxy: {error}"))?;
        let port = listener.local_addr().map_err(|error| format!("asking for a port: {error}"))?.port();
        let shared = Arc::new(Shared {
            door: watch::Sender::new(Door::Open),
            ways: watch::Sender::new((Way::Pass, Way::Pass)),
            connections: Mutex::default(),
        });
        tokio::spawn(listen(listener, broker, Arc::clone(&shared)));
        Ok(Self { port, shared })
    }

    /// The port that it listens on.
    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// Decides about connections to come; those that are there stay as they are.
    pub(crate) fn door(&self, door: Door) {
        self.shared.door.send_replace(door);
    }

    /// Ends all connections that are there.
    pub(crate) fn end(&self, end: End) {
        for connection in self.shared.connections().drain(..) {
            connection.end.send_replace(Some(end));
        }
    }

    /// How bytes travel on the connections that are there: towards the broker, and back.
    pub(crate) fn on_these(&self, up: Way, down: Way) {
        for connection in self.shared.connections().iter() {
            connection.up.send_replace(up);
            connection.down.send_replace(down);
        }
    }

    /// How bytes travel on connections to come.
    pub(crate) fn on_the_next(&self, up: Way, down: Way) {
        self.shared.ways.send_replace((up, down));
    }

    /// How bytes travel on all connections, also those to come.
    pub(crate) fn on_all(&self, up: Way, down: Way) {
        self.on_the_next(up, down);
        self.on_these(up, down);
    }

    /// Whether a connection is still there of which something is swallowed.
    pub(crate) fn is_swallowing(&self) -> bool {
        let swallows = |way: &watch::Sender<Way>| *way.borrow() == Way::Hole;
        let connections = self.shared.connections();
        connections.iter().any(|it| it.end.receiver_count() > 0 && (swallows(&it.up) || swallows(&it.down)))
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.door(Door::Shut);
        self.end(End::Reset);
    }
}

impl Shared {
    fn connections(&self) -> MutexGuard<'_, Vec<Connection>> {
        self.connections.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn listen(listener: TcpListener, broker: u16, shared: Arc<Shared>) {
    while let Ok((client, _)) = listener.accept().await {
        let door = *shared.door.borrow();
        match door {
            Door::Open => drop(tokio::spawn(serve(client, broker, Arc::clone(&shared)))),
            Door::Shut => reset(&client),
            Door::Silent => drop(tokio::spawn(hold(client, Arc::clone(&shared)))),
            Door::Garbage => drop(tokio::spawn(babble(client))),
        }
    }
}

async fn serve(client: TcpStream, broker: u16, shared: Arc<Shared>) {
    let Ok(server) = TcpStream::connect(SocketAddr::from((Ipv4Addr::LOCALHOST, broker))).await else {
        return reset(&client);
    };
    // a slice that waits for others is none
    let _ = (client.set_nodelay(true), server.set_nodelay(true));
    let (up, down) = *shared.ways.borrow();
    let (up, down, end) = (watch::Sender::new(up), watch::Sender::new(down), Arc::new(watch::Sender::new(None)));
    let pipes = pipe::Pipes { up: up.subscribe(), down: down.subscribe(), end: Arc::clone(&end) };
    {
        let mut connections = shared.connections();
        connections.retain(|connection| connection.end.receiver_count() > 0);
        connections.push(Connection { up, down, end });
    }
    pipe::run(client, server, pipes).await;
}

/// As long as the door is silent, and a little longer than a client waits.
async fn hold(client: TcpStream, shared: Arc<Shared>) {
    let mut door = shared.door.subscribe();
    let _ = tokio::time::timeout(Duration::from_secs(30), door.wait_for(|door| *door != Door::Silent)).await;
    reset(&client);
}

async fn babble(mut client: TcpStream) {
    let _ = client.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await;
    let _ = client.shutdown().await;
}

/// The other side sees a reset when the stream is dropped.
fn reset(stream: &TcpStream) {
    let _ = stream.set_zero_linger();
}
