//! When a node is ready, and what to say when it does not become so.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::Child;
use std::thread::sleep;
use std::time::{Duration, Instant};

const STEP: Duration = Duration::from_millis(50);

/// Waits until the port answers a protocol header as an AMQP broker does.
pub(crate) fn until_answers(port: u16, server: &mut Child, limit: Duration) -> Result<(), String> {
    let deadline = Instant::now() + limit;
    while !answers(port) {
        if let Ok(Some(status)) = server.try_wait() {
            return Err(format!("rabbitmq-server ended while starting: {status}"));
        }
        if Instant::now() > deadline {
            return Err(format!("rabbitmq-server did not answer on port {port} within {} s", limit.as_secs()));
        }
        sleep(STEP);
    }
    Ok(())
}

/// Waits for the end of a process; false when it takes longer than `limit`.
pub(crate) fn until_ended(child: &mut Child, limit: Duration) -> Result<bool, String> {
    let deadline = Instant::now() + limit;
    while child.try_wait().map_err(|error| format!("waiting for a process: {error}"))?.is_none() {
        if Instant::now() > deadline {
            return Ok(false);
        }
        sleep(STEP);
    }
    Ok(true)
}

/// The last lines of a log, to be put into an error.
pub(crate) fn tail(log: &Path) -> String {
    let text = std::fs::read(log).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default();
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(30)..].join("\n")
}

/// Whether an AMQP broker answers on this port of 127.0.0.1.
pub fn answers(port: u16) -> bool {
    let address = SocketAddr::from(([127, 0, 0, 1], port));
    let asked = || -> std::io::Result<u8> {
        let mut stream = TcpStream::connect_timeout(&address, Duration::from_secs(1))?;
        stream.set_read_timeout(Some(Duration::from_secs(5)))?;
        stream.write_all(b"AMQP\x00\x00\x09\x01")?;
        let mut kind = [0];
        stream.read_exact(&mut kind)?;
        Ok(kind[0])
    };
    // 1 is the kind of a method frame: connection.start
    asked().is_ok_and(|kind| kind == 1)
}
