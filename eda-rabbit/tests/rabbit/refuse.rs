//! Errors at the door, and queues with other arguments.

use eda_core::transport::Transport;
use eda_core::{Error, ErrorKind, Topology};
use eda_rabbit::Rabbit;
use lapin::options::QueueDeclareOptions;
use lapin::types::{AMQPValue, FieldTable};

use crate::support::{Foreign, rabbit, subscription, url};

async fn refused(url: &str) -> Error {
    match Rabbit::connect(url).await {
        Ok(_) => panic!("expected {url} to be refused"),
        Err(error) => error,
    }
}

/// The shared broker's address without login and virtual host.
fn address() -> String {
    let url = url();
    let rest = url.split_once("://").map_or("", |(_, rest)| rest);
    let authority = rest.split(['/', '?']).next().unwrap_or_default();
    authority.rsplit('@').next().unwrap_or_default().to_owned()
}

#[tokio::test]
async fn no_broker_there_says_so_in_time() {
    let error = refused("amqp://127.0.0.1:1?connect_timeout=1s").await;
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert!(error.to_string().contains("no broker answered within 1s"), "{error}");
    assert!(error.to_string().contains("127.0.0.1:1"), "{error}");
}

#[tokio::test]
async fn a_wrong_password_is_refused_at_once_and_never_shown() {
    let error = refused(&format!("amqp://guest:s3cret@{}", address())).await;
    assert_eq!(error.kind(), ErrorKind::AccessRefused);
    assert!(error.to_string().contains("check user name and password"), "{error}");
    assert!(!format!("{error:?}").contains("s3cret"), "{error:?}");
}

#[tokio::test]
async fn a_missing_virtual_host_is_named() {
    let login = url()
        .split_once("://")
        .and_then(|(_, rest)| rest.rsplit_once('@'))
        .map_or(String::new(), |(login, _)| format!("{login}@"));
    let error = refused(&format!("amqp://{login}{}/nowhere", address())).await;
    assert_eq!(error.kind(), ErrorKind::NotFound);
    assert!(error.to_string().contains("nowhere"), "{error}");
}

/// RFC 2606: a name that nobody has.
const NOBODY: &str = "broker.invalid";

#[tokio::test]
async fn a_host_that_nobody_knows_is_named() {
    let error = refused(&format!("amqp://{NOBODY}?connect_timeout=1s")).await;
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert!(error.to_string().contains(NOBODY), "{error}");
}

#[tokio::test]
async fn the_second_host_is_tried() {
    for first in ["127.0.0.1:1", NOBODY] {
        let url = url().replacen(&address(), &format!("{first},{}", address()), 1);
        Rabbit::connect(&url).await.unwrap_or_else(|error| panic!("the one after {first} answers: {error}"));
    }
}

#[tokio::test]
async fn a_host_that_says_nothing_hides_no_other() {
    let silent = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let first = silent.local_addr().expect("it is bound");
    let url = url().replacen(&address(), &format!("{first},{}", address()), 1);
    let rabbit =
        Rabbit::connect(&url).await.expect("the other one answers, within the time that there is without options");
    rabbit.close().await.expect("closed");
}

#[tokio::test]
async fn a_time_to_connect_without_end_is_one() {
    let rabbit =
        Rabbit::connect(&format!("{}?connect_timeout={}s", url(), u64::MAX)).await.expect("it answers at once");
    rabbit.close().await.expect("closed");
}

#[tokio::test]
async fn other_arguments_are_shown_with_both_values() {
    let (rabbit, foreign, subscription) = (rabbit().await, Foreign::new().await, subscription("other"));
    let mut arguments = FieldTable::default();
    arguments.insert("x-queue-type".into(), AMQPValue::LongString("quorum".into()));
    arguments.insert("x-delivery-limit".into(), AMQPValue::LongLongInt(7));
    let options = QueueDeclareOptions { durable: true, ..QueueDeclareOptions::default() };
    let declared = foreign.channel().await.queue_declare(subscription.queue.as_str().into(), options, arguments).await;
    declared.expect("it is new");
    let topology = Topology { subscriptions: vec![subscription.clone()], ..Topology::default() };
    let error = rabbit.declare(&topology).await.expect_err("it has other arguments");
    assert_eq!(error.kind(), ErrorKind::Conflict);
    let text = error.to_string();
    assert!(text.contains(&subscription.queue) && text.contains("expected eda.dead, found none"), "{text}");
}
