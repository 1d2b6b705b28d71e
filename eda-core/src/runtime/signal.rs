//! The signals that stop a service.

/// Resolves at SIGTERM or Ctrl-C.
pub(super) async fn stop_requested() -> &'static str {
    tokio::select! {
        () = interrupted() => "interrupted",
        () = terminated() => "terminated",
    }
}

async fn interrupted() {
    if tokio::signal::ctrl_c().await.is_err() {
        // without a handler the signal ends the process by itself
        std::future::pending::<()>().await;
    }
}

#[cfg(unix)]
async fn terminated() {
    use tokio::signal::unix::{SignalKind, signal};
    match signal(SignalKind::terminate()) {
        Ok(mut signal) => {
            signal.recv().await;
        }
        Err(_) => std::future::pending().await,
    }
}

#[cfg(not(unix))]
async fn terminated() {
    std::future::pending().await
}
