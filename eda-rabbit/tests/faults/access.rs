//! Permissions.

use eda_core::transport::{ConsumerState, Transport};
use eda_core::{ErrorKind, Topology};
use eda_rabbit::Rabbit;

use crate::support::{node, subscribe, subscription, until_state};

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_permission_is_told_at_the_start_and_outlived_later() {
    let node = node().await;
    let ctl = |arguments: &[&str]| node.ctl(arguments).expect("it is done");
    ctl(&["add_user", "weak", "secret"]);
    let url = node.url().replacen("guest:guest", "weak:secret", 1);
    let error = Rabbit::connect(&url).await.err().expect("the virtual host is not his");
    assert_eq!(error.kind(), ErrorKind::AccessRefused);
    assert!(error.to_string().contains("does not let this user in"), "{error}");

    ctl(&["set_permissions", "weak", "^$", ".*", ".*"]);
    let (rabbit, subscription) = (Rabbit::connect(&url).await.expect("he is let in"), subscription("access"));
    let topology = Topology { subscriptions: vec![subscription.clone()], emits: Vec::new() };
    let error = rabbit.declare(&topology).await.expect_err("he may not configure");
    assert_eq!(error.kind(), ErrorKind::AccessRefused);
    assert!(error.to_string().contains("lacks a permission"), "{error}");

    ctl(&["set_permissions", "weak", ".*", ".*", ".*"]);
    let deliveries = subscribe(&rabbit, &subscription).await;
    ctl(&["set_permissions", "weak", "^$", "^$", "^$"]);
    ctl(&["close_all_connections", "test"]);
    until_state(&*deliveries, ConsumerState::Connecting).await;
    ctl(&["set_permissions", "weak", ".*", ".*", ".*"]);
    until_state(&*deliveries, ConsumerState::Consuming).await;
    ctl(&["delete_user", "weak"]);
    rabbit.close().await.expect("closed");
}
