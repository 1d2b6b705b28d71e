//! What `connect` makes of a URL.

use eda::prelude::*;
use eda::{Error, ErrorKind};

#[derive(Debug, Serialize, Deserialize, Event)]
#[event(name = "order.created")]
struct OrderCreated {
    order_id: u64,
}

async fn refused(url: &str) -> Error {
    match eda::connect(url).await {
        Ok(_) => panic!("{url} is taken"),
        Err(error) => error,
    }
}

#[tokio::test]
async fn memory_parks_an_unrouted_event_or_refuses_it() {
    for (url, expected) in [
        ("memory://", None),
        ("memory://?unrouted=park", None),
        ("memory://?unrouted=reject", Some(ErrorKind::Unroutable)),
    ] {
        let broker = eda::connect(url).await.expect("memory always connects");
        let outcome = broker.publisher("web").publish(&OrderCreated { order_id: 1 }).await;
        assert_eq!(outcome.err().map(|error| error.kind()), expected, "{url}");
    }
}

#[tokio::test]
async fn an_option_that_memory_does_not_have_is_refused() {
    let error = refused("memory://?prefetch=5").await;
    assert_eq!(error.kind(), ErrorKind::Invalid);
    let text = error.to_string();
    assert!(text.contains("`?unrouted=park`") && text.ends_with("(option: prefetch)"), "{text}");
}

#[tokio::test]
async fn what_is_no_url_is_not_repeated() {
    for url in ["secret@host", "memory://user:secret@host", "memory://user:secret@host?prefetch=5"] {
        let error = refused(url).await;
        assert_eq!(error.kind(), ErrorKind::Invalid);
        assert!(!format!("{error:?}").contains("secret"), "{error:?}");
    }
}

#[cfg(not(feature = "rabbit"))]
#[tokio::test]
async fn a_feature_that_is_missing_is_named() {
    for (url, feature) in [("amqp://localhost", "\"rabbit\""), ("amqps://localhost", "\"rabbit-tls\"")] {
        let error = refused(url).await;
        assert_eq!(error.kind(), ErrorKind::Unsupported);
        assert!(error.to_string().contains(feature), "{error}");
    }
}
