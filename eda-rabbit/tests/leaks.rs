//! What a failed connect leaves behind: nothing. A service whose broker is away for a day tries thousands of times.

use std::time::Duration;

use eda_core::ErrorKind;
use eda_rabbit::Rabbit;
use tokio::io::AsyncReadExt;
use tokio::net::TcpListener;
use tokio::time::{Instant, sleep};

/// What the process holds: tasks, threads, open files.
fn held() -> [usize; 3] {
    let count = |folder: &str| std::fs::read_dir(folder).expect("Linux tells").count();
    let tasks = tokio::runtime::Handle::current().metrics().num_alive_tasks();
    [tasks, count("/proc/self/task"), count("/proc/self/fd")]
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_failed_connect_leaves_nothing_behind() {
    let silent = TcpListener::bind("127.0.0.1:0").await.expect("there is a free port");
    let rude = TcpListener::bind("127.0.0.1:0").await.expect("there is a free port");
    let closed = TcpListener::bind("127.0.0.1:0").await.expect("there is a free port");
    let [silent_port, rude_port, closed_port] =
        [&silent, &rude, &closed].map(|listener| listener.local_addr().expect("it is bound").port());
    drop(closed);
    let keep = tokio::spawn(async move {
        // held for as long as the other side holds it
        let mut connections = tokio::task::JoinSet::new();
        while let Ok((mut connection, _)) = silent.accept().await {
            connections.spawn(async move { while connection.read(&mut [0; 64]).await.is_ok_and(|count| count > 0) {} });
        }
    });
    let hang_up = tokio::spawn(async move { while rude.accept().await.is_ok() {} });
    // the first one brings what stays: the resolver's threads, for one
    for port in [silent_port, rude_port, closed_port] {
        fail(port).await;
    }
    settle(held()).await;
    let before = held();
    for _ in 0..3 {
        for port in [silent_port, rude_port, closed_port] {
            fail(port).await;
        }
    }
    let after = settle(before).await;
    assert!(after.iter().zip(before).all(|(after, before)| *after <= before), "{before:?} before, {after:?} after");
    keep.abort();
    hang_up.abort();
}

async fn fail(port: u16) {
    let url = format!("amqp://127.0.0.1:{port}?connect_timeout=300ms");
    let error = Rabbit::connect(&url).await.err().expect("no broker is there");
    assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");
}

/// What is held when it has come down to `wanted`, or does not come down any more.
async fn settle(wanted: [usize; 3]) -> [usize; 3] {
    let deadline = Instant::now() + Duration::from_secs(5);
    loop {
        let held = held();
        if held.iter().zip(wanted).all(|(held, wanted)| *held <= wanted) || Instant::now() > deadline {
            return held;
        }
        sleep(Duration::from_millis(20)).await;
    }
}
