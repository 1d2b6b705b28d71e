//! One attempt to connect, and everything that lapin starts for it: a thread, tasks, a socket. lapin leaves some of them
//! behind when the attempt fails, and the thread and the socket when nobody waits for it any more, so a service whose
//! broker is away for a day would gather thousands. Here they end with the attempt.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use async_rs::traits::{Executor, Reactor, RuntimeKit};
use async_rs::util::{Task, TaskImpl};
use async_rs::{Runtime, Tokio};
use futures_io::{AsyncRead, AsyncWrite};
use futures_util::Stream;
use futures_util::task::AtomicWaker;
use tokio::runtime::Handle;
use tokio::sync::{oneshot, watch};

/// Dropped before it has [succeeded](Self::succeeded), it ends all that was started for it.
pub(super) struct Attempt {
    life: Arc<Life>,
    is_open: bool,
}

impl Attempt {
    pub(super) fn begin() -> Self {
        let life = Life { is_over: AtomicBool::new(false), reader: AtomicWaker::new(), end: watch::Sender::new(false) };
        Self { life: Arc::new(life), is_open: true }
    }

    /// What lapin is to run on.
    pub(super) fn runtime(&self) -> Runtime<Kit> {
        Runtime::new(Kit { tokio: Tokio::current(), handle: Handle::current(), life: Arc::clone(&self.life) })
    }

    /// From here on the connection decides itself about its end.
    pub(super) fn succeeded(mut self) {
        self.is_open = false;
    }
}

impl Drop for Attempt {
    fn drop(&mut self) {
        if self.is_open {
            self.life.is_over.store(true, Ordering::Release);
            self.life.reader.wake();
            self.life.end.send_replace(true);
        }
    }
}

struct Life {
    is_over: AtomicBool,
    /// The connection's thread, where it waits for the broker.
    reader: AtomicWaker,
    /// For tasks.
    end: watch::Sender<bool>,
}

impl Life {
    async fn over(&self) {
        // the sender is this very one
        let _ = self.end.subscribe().wait_for(|end| *end).await;
    }

    fn check(&self) -> io::Result<()> {
        if self.is_over.load(Ordering::Acquire) {
            return Err(io::Error::new(io::ErrorKind::ConnectionAborted, "nobody waits for this connection any more"));
        }
        Ok(())
    }
}

/// tokio, for one connection.
#[derive(Clone)]
pub(super) struct Kit {
    tokio: Tokio,
    handle: Handle,
    life: Arc<Life>,
}

impl fmt::Debug for Kit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Kit").finish_non_exhaustive()
    }
}

impl Kit {
    /// Of one type, so that tokio's task is compiled once and not for each of lapin's futures, of which a connection has a
    /// handful.
    fn spawn_boxed(&self, future: Pin<Box<dyn Future<Output = ()> + Send>>) {
        let life = Arc::clone(&self.life);
        self.handle.spawn(async move {
            tokio::select! {
                () = future => {}
                () = life.over() => {}
            }
        });
    }
}

impl RuntimeKit for Kit {}

impl Executor for Kit {
    type Task<T: Send + 'static> = Spawned<T>;

    fn block_on<T, F: Future<Output = T>>(&self, future: F) -> T {
        self.tokio.block_on(future)
    }

    fn spawn<T: Send + 'static, F: Future<Output = T> + Send + 'static>(&self, future: F) -> Task<Spawned<T>> {
        let (done, is_done) = oneshot::channel();
        self.spawn_boxed(Box::pin(async move { drop(done.send(future.await)) }));
        Spawned(is_done).into()
    }

    fn spawn_blocking<T: Send + 'static, F: FnOnce() -> T + Send + 'static>(&self, work: F) -> Task<Spawned<T>> {
        let (done, is_done) = oneshot::channel();
        self.handle.spawn_blocking(move || drop(done.send(work())));
        Spawned(is_done).into()
    }
}

impl Reactor for Kit {
    type TcpStream = Socket;
    type Sleep = <Tokio as Reactor>::Sleep;

    // nothing that this package asks of lapin brings sockets of its own
    fn register<H: io::Read + io::Write + Send + 'static>(
        &self,
        _socket: H,
    ) -> io::Result<impl AsyncRead + AsyncWrite + Send + Unpin + 'static> {
        Err::<Socket, _>(io::ErrorKind::Unsupported.into())
    }

    fn sleep(&self, time: Duration) -> Self::Sleep {
        self.tokio.sleep(time)
    }

    fn interval(&self, time: Duration) -> impl Stream<Item = Instant> + Send + 'static {
        self.tokio.interval(time)
    }

    fn tcp_connect_addr(
        &self,
        address: SocketAddr,
    ) -> impl Future<Output = io::Result<Self::TcpStream>> + Send + 'static {
        let (connect, life) = (self.tokio.tcp_connect_addr(address), Arc::clone(&self.life));
        async move {
            tokio::select! {
                stream = connect => Ok(Socket { stream: stream?, life }),
                () = life.over() => Err(io::ErrorKind::ConnectionAborted.into()),
            }
        }
    }
}

/// What a task gives; never ready when its attempt has ended before.
pub(super) struct Spawned<T>(oneshot::Receiver<T>);

impl<T: Send + 'static> TaskImpl for Spawned<T> {}

impl<T> Future for Spawned<T> {
    type Output = T;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<T> {
        match Pin::new(&mut self.0).poll(context) {
            Poll::Ready(Ok(value)) => Poll::Ready(value),
            Poll::Ready(Err(_)) | Poll::Pending => Poll::Pending,
        }
    }
}

/// A connection that reads an error when its attempt is over.
pub(super) struct Socket {
    stream: <Tokio as Reactor>::TcpStream,
    life: Arc<Life>,
}

impl AsyncRead for Socket {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, into: &mut [u8]) -> Poll<io::Result<usize>> {
        let read = Pin::new(&mut self.stream).poll_read(context, into);
        if read.is_pending() {
            self.life.reader.register(context.waker());
            self.life.check()?;
        }
        read
    }
}

impl AsyncWrite for Socket {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.life.check()?;
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.life.check()?;
        Pin::new(&mut self.stream).poll_write_vectored(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_close(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_close(context)
    }
}
