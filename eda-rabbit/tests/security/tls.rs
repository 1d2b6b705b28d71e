//! `amqps`: what is encrypted is verified, and nothing switches that off. A TLS server stands in front of the node.
//!
//! The platform's certificates are what a process finds at its start, so each client is a process of its own.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use eda_core::Error;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, date_time_ymd};
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio::process::Command;
use tokio::sync::mpsc;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;

use crate::support::{live, node, subscription, topology};

/// For names that no other test has.
static COUNT: AtomicU32 = AtomicU32::new(0);

/// Who signs certificates.
struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Authority {
    fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).expect("no name is a bad one");
        let name = format!("authority {}", COUNT.fetch_add(1, Ordering::Relaxed));
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Self(CertifiedIssuer::self_signed(params, KeyPair::generate().expect("a key")).expect("a certificate"))
    }

    /// A file with its certificate, as `SSL_CERT_FILE` names one.
    fn file(&self) -> Pem {
        Pem::new(&self.0.pem())
    }

    /// What a server shows.
    fn server(&self, host: &str, last_year: i32) -> Arc<ServerConfig> {
        let mut params = CertificateParams::new(vec![host.to_owned()]).expect("a name");
        params.not_before = date_time_ymd(2020, 1, 1);
        params.not_after = date_time_ymd(last_year, 1, 1);
        let key = KeyPair::generate().expect("a key");
        let certificate = params.signed_by(&key, &self.0).expect("a certificate");
        let key = PrivateKeyDer::try_from(key.serialize_der()).expect("a key");
        let config = ServerConfig::builder().with_no_client_auth();
        Arc::new(config.with_single_cert(vec![certificate.der().clone()], key).expect("they fit"))
    }
}

/// A file that goes with its value.
struct Pem(PathBuf);

impl Pem {
    fn new(text: &str) -> Self {
        let name = format!("{}-{}.pem", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        fs::write(&path, text).expect("it is written");
        Self(path)
    }
}

impl Drop for Pem {
    fn drop(&mut self) {
        fs::remove_file(&self.0).expect("it is still there");
    }
}

/// Answers connections until the test ends; gives the port.
async fn serve<F: Future<Output = ()> + Send + 'static>(answer: impl Fn(TcpStream) -> F + Send + 'static) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let port = listener.local_addr().expect("it is bound").port();
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            tokio::spawn(answer(client));
        }
    });
    port
}

/// Speaks TLS for the node.
async fn in_front_of_the_node(config: Arc<ServerConfig>) -> u16 {
    let broker = format!("127.0.0.1:{}", node().await.port());
    serve(move |client| {
        let (acceptor, broker) = (TlsAcceptor::from(Arc::clone(&config)), broker.clone());
        async move {
            // who does not trust us goes away
            let Ok(mut client) = acceptor.accept(client).await else { return };
            let mut broker = TcpStream::connect(broker).await.expect("the node answers");
            let _ = copy_bidirectional(&mut client, &mut broker).await;
        }
    })
    .await
}

/// What a service says that trusts this authority and connects to `amqps://localhost` there.
async fn says(trusted: &Authority, port: u16) -> String {
    let file = trusted.file();
    let child = Command::new(std::env::current_exe().expect("a test is a file"))
        .args(["--exact", SERVICE, "--nocapture"])
        .env("SSL_CERT_FILE", &file.0)
        .env_remove("SSL_CERT_DIR")
        .env(URL, format!("amqps://guest:guest@localhost:{port}?connect_timeout=2s"))
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output();
    let output = child.await.expect("it runs");
    let said = String::from_utf8(output.stdout).expect("UTF-8");
    assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
    let (_, said) = said.split_once("outcome: ").expect("it says how it went");
    said.lines().next().unwrap_or_default().to_owned()
}

/// Where it is set, this process is a service of [`says`].
const URL: &str = "EDA_TEST_AMQPS_URL";
/// The test as which a service runs.
const SERVICE: &str = "tls::a_certificate_that_the_platform_trusts_is_taken";

async fn be_a_service(url: &str) {
    let outcome = live(url, &topology(&subscription("encrypted"))).await;
    // with all causes, in one line
    let told = |error: Error| format!("{:?}: {error:?}", error.kind()).replace('\n', " ");
    let said = outcome.map_or_else(told, |()| "all went well".to_owned());
    let mut stdout = std::io::stdout();
    writeln!(stdout, "outcome: {said}").expect("it is heard");
}

#[tokio::test]
async fn a_certificate_that_the_platform_trusts_is_taken() {
    if let Ok(url) = std::env::var(URL) {
        return be_a_service(&url).await;
    }
    let authority = Authority::new();
    let port = in_front_of_the_node(authority.server("localhost", 2100)).await;
    assert_eq!(says(&authority, port).await, "all went well");
}

#[tokio::test]
async fn a_certificate_that_is_not_trusted_not_its_own_or_too_old_is_refused() {
    let authority = Authority::new();
    for (shown, expected) in [
        (Authority::new().server("localhost", 2100), "UnknownIssuer"),
        (authority.server("elsewhere.example", 2100), "not valid for name"),
        (authority.server("localhost", 2021), "expired"),
    ] {
        let said = says(&authority, in_front_of_the_node(shown).await).await;
        assert!(said.starts_with("AccessRefused: the broker's certificate is not to be trusted"), "{expected}: {said}");
        assert!(said.contains(expected), "{said}");
    }
}

#[tokio::test]
async fn a_broker_that_speaks_no_tls_is_refused_and_hears_nothing() {
    let said = says(&Authority::new(), node().await.port()).await;
    assert!(said.starts_with("Unavailable: "), "{said}");

    let (heard, mut told) = mpsc::unbounded_channel();
    let port = serve(move |mut client| {
        let heard = heard.clone();
        async move {
            let mut bytes = vec![0; 4096];
            let length = client.read(&mut bytes).await.unwrap_or_default();
            bytes.truncate(length);
            let _ = heard.send(bytes);
        }
    })
    .await;
    says(&Authority::new(), port).await;
    let heard = told.recv().await.expect("it tried");
    assert_eq!(heard[..2], [0x16, 3], "a handshake, and no AMQP");
}

/// No server library speaks TLS 1.1 any more, so its answer is written by hand: RFC 4346 §7.4.1.3.
#[tokio::test]
async fn a_broker_that_speaks_tls_1_1_at_most_is_refused() {
    const TLS_1_1: [u8; 2] = [3, 2];
    const ALERT: u8 = 21;
    const PROTOCOL_VERSION: u8 = 70;
    // session id of no length, TLS_RSA_WITH_AES_128_CBC_SHA, no compression
    let hello = [&TLS_1_1[..], &[7; 32], &[0], &[0, 0x2f], &[0]].concat();
    let length = u8::try_from(hello.len()).expect("it is short");
    let record = [&[22], &TLS_1_1[..], &[0, length + 4], &[2, 0, 0, length], &hello].concat();
    let (heard, mut told) = mpsc::unbounded_channel();
    let port = serve(move |mut client| {
        let (heard, record) = (heard.clone(), record.clone());
        async move {
            let mut bytes = [0; 4096];
            let offered = client.read(&mut bytes).await.expect("a hello");
            assert!(offered > 0);
            client.write_all(&record).await.expect("it is still there");
            let answered = client.read(&mut bytes).await.unwrap_or_default();
            let _ = heard.send(bytes[..answered].to_vec());
        }
    })
    .await;
    let said = says(&Authority::new(), port).await;
    assert!(said.starts_with("Unavailable: ") && said.contains("SupportTls12Or13"), "{said}");
    let answer = told.recv().await.expect("it tried");
    assert_eq!((answer.first(), answer.last()), (Some(&ALERT), Some(&PROTOCOL_VERSION)), "{answer:?}");
}
