//! Time: tokio's clock, which may be paused, and the real one, which is not.

use std::hint;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, Instant};

use tokio::runtime::{Handle, RuntimeFlavor};
use tokio::sync::oneshot;
use tokio::time;

/// Pauses tokio's clock, unless it is paused already.
///
/// # Errors
/// Where the runtime can't pause it, with what to do.
pub(super) fn pause() -> Result<(), &'static str> {
    match Handle::try_current().map(|runtime| runtime.runtime_flavor()) {
        Ok(RuntimeFlavor::CurrentThread) => {
            if !is_paused() {
                time::pause();
            }
            Ok(())
        }
        Ok(_) => Err("the clock can be paused on a runtime of one thread only: take plain `#[tokio::test]`, without \
                      `flavor`, or let the clock run with `TestApp::builder(…).real_clock()`"),
        Err(_) => Err("there is no tokio runtime: put `#[tokio::test]` on the test"),
    }
}

/// Lets tokio's clock run, if it is paused.
pub(super) fn resume() {
    if is_paused() {
        time::resume();
    }
}

/// Whether tokio's clock stands still while the real one moves.
pub(super) fn is_paused() -> bool {
    let (tokio, real) = (time::Instant::now(), Instant::now());
    while Instant::now() == real {
        hint::spin_loop();
    }
    time::Instant::now() == tokio
}

/// Resolves when so much real time has passed. A thread watches it: tokio's timers follow tokio's clock, and would make
/// a paused one jump.
///
/// # Cancel safety
/// Cancelled, the thread ends at once.
pub(super) async fn real_time(limit: Duration) {
    let (alive, gone) = channel::<()>();
    let (tell, passed) = oneshot::channel();
    thread::spawn(move || {
        if gone.recv_timeout(limit) == Err(RecvTimeoutError::Timeout) {
            // whoever has stopped waiting need not know
            let _ = tell.send(());
        }
    });
    // the thread tells before it ends
    let _ = passed.await;
    drop(alive);
}
