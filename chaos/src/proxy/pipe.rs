//! One connection's two pipes, and how bytes travel in them.

use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::watch;
use tokio::time::sleep;

use super::gather::Gatherer;
use super::{End, reset};

const CHUNK: usize = 16 * 1024;
/// At 500 ms a chunk this is 50 kB a second.
const SLOW_CHUNK: usize = 25_000;

/// How bytes travel in one direction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    /// As they come.
    Pass,
    /// They vanish; nobody is told.
    Hole,
    /// 500 ± 200 ms later, at 50 kB a second at most.
    Slow,
    /// One by one.
    Sliced,
    /// So many more, then both sides see a reset.
    CutAfter(usize),
    /// Confirms later than all else; see [`Gatherer`]. From a connection's beginning on, and from the broker only.
    Gathered,
}

pub(super) struct Pipes {
    pub(super) up: watch::Receiver<Way>,
    pub(super) down: watch::Receiver<Way>,
    pub(super) end: Arc<watch::Sender<Option<End>>>,
}

/// Until both directions have ended, by themselves or because they were made to.
pub(super) async fn run(client: TcpStream, server: TcpStream, Pipes { up, down, end }: Pipes) {
    let (client_reads, client_writes) = client.into_split();
    let (server_reads, server_writes) = server.into_split();
    let up = Pipe { from: client_reads, to: server_writes, way: up, end: Arc::clone(&end), ends_half: false };
    let down = Pipe { from: server_reads, to: client_writes, way: down, end, ends_half: true };
    tokio::join!(up.carry(), down.carry());
}

struct Pipe {
    from: OwnedReadHalf,
    to: OwnedWriteHalf,
    way: watch::Receiver<Way>,
    end: Arc<watch::Sender<Option<End>>>,
    /// Whether this is the direction that a half close ends.
    ends_half: bool,
}

impl Pipe {
    async fn carry(mut self) {
        let mut ended = self.end.subscribe();
        let end = {
            let ends_half = self.ends_half;
            let is_meant = |end: &Option<End>| matches!(end, Some(End::Reset)) || (ends_half && end.is_some());
            tokio::select! {
                biased;
                end = ended.wait_for(is_meant) => end.ok().and_then(|end| *end),
                () = self.copy() => None,
            }
        };
        if end == Some(End::Reset) {
            reset(self.from.as_ref());
            reset(self.to.as_ref());
        }
        // dropped, the half that writes says that this is the end
    }

    async fn copy(&mut self) {
        let mut chunk = vec![0; SLOW_CHUNK.max(CHUNK)];
        let mut left = None;
        let mut gatherer = Gatherer::default();
        loop {
            let wanted = *self.way.borrow_and_update();
            let present = if gatherer.is_idle() { wanted } else { Way::Gathered };
            let size = if present == Way::Slow { SLOW_CHUNK } else { CHUNK };
            let read = tokio::select! {
                read = self.from.read(&mut chunk[..size]) => read,
                Ok(()) = self.way.changed() => {
                    left = None;
                    continue;
                }
                () = gatherer.is_due() => {
                    if self.to.write_all(&gatherer.release()).await.is_err() {
                        return self.cut();
                    }
                    continue;
                }
            };
            let bytes = match read {
                Ok(0) => return,
                Ok(count) => &chunk[..count],
                Err(_) => return self.cut(),
            };
            let written = match present {
                Way::Pass => self.to.write_all(bytes).await,
                Way::Hole => Ok(()),
                Way::Slow => {
                    // spread without a source of chance: the length of what travels decides
                    sleep(Duration::from_millis(300 + (bytes.len() as u64 * 7) % 400)).await;
                    self.to.write_all(bytes).await
                }
                Way::Sliced => slice(&mut self.to, bytes).await,
                Way::CutAfter(limit) => {
                    let room: usize = *left.get_or_insert(limit);
                    let fits = room.min(bytes.len());
                    left = Some(room - fits);
                    let written = self.to.write_all(&bytes[..fits]).await;
                    if fits < bytes.len() {
                        return self.cut();
                    }
                    written
                }
                Way::Gathered => self.to.write_all(&gatherer.take(bytes)).await,
            };
            if written.is_err() {
                return self.cut();
            }
        }
    }

    /// Both directions end, and both sides see a reset.
    fn cut(&self) {
        self.end.send_replace(Some(End::Reset));
        reset(self.from.as_ref());
        reset(self.to.as_ref());
    }
}

async fn slice(to: &mut OwnedWriteHalf, bytes: &[u8]) -> std::io::Result<()> {
    for byte in bytes {
        to.write_all(&[*byte]).await?;
        tokio::task::yield_now().await;
    }
    Ok(())
}
