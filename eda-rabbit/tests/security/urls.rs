//! What a URL can and can't say about the way to the broker.

use std::io::Write;
use std::sync::{Arc, Mutex, Once};

use eda_core::ErrorKind;
use eda_rabbit::{Config, Rabbit};
use tracing::callsite::rebuild_interest_cache;
use tracing::subscriber::{set_default, set_global_default};

/// What other clients take, and what one may try.
#[test]
fn no_option_switches_verification_off() {
    let scheme = if cfg!(feature = "tls") { "amqps" } else { "amqp" };
    for option in [
        "verify=verify_none",
        "verify=none",
        "verify_peer=false",
        "fail_if_no_peer_cert=false",
        "cacertfile=/tmp/other.pem",
        "certfile=/tmp/other.pem",
        "server_name_indication=disable",
        "sslmode=disable",
        "tls=false",
        "insecure",
        "insecure=true",
        "skip_verify=true",
        "auth_mechanism=anonymous",
        "VERIFY=none",
        "heartbeat=10&verify=none",
    ] {
        let error = format!("{scheme}://broker.example?{option}").parse::<Config>().expect_err(option);
        assert_eq!(error.kind(), ErrorKind::Invalid, "{option}");
        assert!(error.to_string().contains("the URL has no option"), "{option}: {error}");
    }
}

#[cfg(not(feature = "tls"))]
#[tokio::test]
async fn amqps_without_tls_is_refused_before_anything_is_sent() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.set_nonblocking(true).expect("it can be asked");
    let port = listener.local_addr().expect("it is bound").port();
    let error = Rabbit::connect(&format!("amqps://me:secret@127.0.0.1:{port}")).await.err().expect("it is refused");
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    assert!(error.to_string().contains("`rabbit-tls`"), "{error}");
    assert!(listener.accept().is_err(), "somebody came");
}

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().expect("nobody panics here").write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// Without a subscriber in every thread, a callsite that another test meets first may be turned off for all.
static EVERYWHERE: Once = Once::new();

/// What is said while nobody answers.
async fn log_of(url: &str) -> String {
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt().with_ansi(false).with_writer(move || writer.clone()).finish();
    EVERYWHERE.call_once(|| {
        set_global_default(tracing_subscriber::registry()).expect("no other one is set");
        rebuild_interest_cache();
    });
    let guard = set_default(subscriber);
    let error = Rabbit::connect(url).await.err().expect("nobody is there");
    assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");
    drop(guard);
    let bytes = log.0.lock().expect("nobody panics here").clone();
    String::from_utf8(bytes).expect("UTF-8")
}

#[tokio::test]
async fn a_plain_connection_beyond_this_machine_is_warned_about() {
    const WARNING: &str = "the connection is not encrypted: use `amqps://` beyond this machine";
    for (hosts, expected) in [
        // RFC 2606: a name that nobody has
        ("broker.invalid", true),
        ("127.0.0.1:1,broker.invalid", true),
        ("localhost.broker.invalid", true),
        ("127.0.0.1:1", false),
        ("127.0.0.2:1", false),
        ("[::1]:1", false),
        ("localhost:1", false),
        ("LocalHost:1", false),
    ] {
        let log = log_of(&format!("amqp://me:s3cret@{hosts}?connect_timeout=1ms")).await;
        assert_eq!(log.contains(WARNING), expected, "{hosts}: {log}");
        assert!(!log.contains("s3cret"), "{log}");
    }
}
