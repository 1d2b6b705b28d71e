//! Permissions.

use eda_core::transport::{ConsumerState, Place, Transport};
use eda_core::{ErrorKind, Topology};
use eda_rabbit::Rabbit;
use rabbit_node::{Node, Options};
use tokio::time::timeout;

use crate::support::{PATIENCE, connect, event, next, node, subscribe, subscription, until_state};

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
    let topology = Topology { subscriptions: vec![subscription.clone()], ..Topology::default() };
    let error = rabbit.declare(&topology).await.expect_err("he may not configure");
    assert_eq!(error.kind(), ErrorKind::AccessRefused);
    assert!(error.to_string().contains("lacks a permission"), "{error}");
    let sent = rabbit.publisher().await.expect("there is one").send(event(&subscription, 0)).await;
    let error = sent.expect("there is room").confirmed().await.expect_err("he may not configure");
    assert_eq!(error.kind(), ErrorKind::AccessRefused, "{error}");

    ctl(&["set_permissions", "weak", ".*", ".*", ".*"]);
    let deliveries = subscribe(&rabbit, &subscription).await;
    ctl(&["set_permissions", "weak", "^$", "^$", "^$"]);
    ctl(&["close_all_connections", "test"]);
    until_state(&*deliveries, ConsumerState::Connecting).await;
    let mut status = deliveries.status();
    let since = status.borrow().since;
    let refused = status.wait_for(|status| status.why.contains("permission"));
    let refused = timeout(PATIENCE, refused).await.expect("in time").expect("it is told").clone();
    assert_eq!((refused.state, refused.since), (ConsumerState::Connecting, since), "since the loss, not the last try");
    ctl(&["set_permissions", "weak", ".*", ".*", ".*"]);
    until_state(&*deliveries, ConsumerState::Consuming).await;
    ctl(&["delete_user", "weak"]);
    rabbit.close().await.expect("closed");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_publish_without_permission_fails_alone_and_soon() {
    let node = node().await;
    let ctl = |arguments: &[&str]| node.ctl(arguments).expect("it is done");
    ctl(&["add_user", "reader", "secret"]);
    // may settle and retry, and publish events nowhere
    ctl(&["set_permissions", "reader", ".*", "^(fault-tests.*|eda\\.(retry|unrouted|wait|dead).*)$", ".*"]);
    let url = node.url().replacen("guest:guest", "reader:secret", 1);
    let (rabbit, subscription) = (Rabbit::connect(&url).await.expect("he is let in"), subscription("no-write"));
    let owner = connect(&node, "").await;
    let mut deliveries = subscribe(&owner, &subscription).await;
    let publisher = rabbit.publisher().await.expect("there is one");
    let began = std::time::Instant::now();
    let mut receipts = Vec::new();
    for number in 0..20 {
        receipts.push(publisher.send(event(&subscription, number)).await.expect("there is room"));
    }
    for receipt in receipts {
        let error = receipt.confirmed().await.expect_err("he may not write");
        assert_eq!(error.kind(), ErrorKind::AccessRefused, "{error}");
        assert!(error.to_string().contains("eda.events"), "{error}");
    }
    assert!(began.elapsed() < std::time::Duration::from_secs(9), "{:?}", began.elapsed());
    ctl(&["set_permissions", "reader", ".*", ".*", ".*"]);
    let allowed = publisher.send(event(&subscription, 99)).await.expect("there is room");
    allowed.confirmed().await.expect("now he may");
    assert_eq!(next(&mut deliveries).await.message().body, "99");
    ctl(&["delete_user", "reader"]);
    rabbit.close().await.expect("closed");
    owner.close().await.expect("closed");
}

/// The client never gives a number of a channel free that the broker has closed.
#[tokio::test(flavor = "multi_thread")]
async fn a_connection_whose_numbers_of_channels_are_used_up_is_replaced() {
    let options = Options { config: "channel_max = 8".into(), ..Options::default() };
    let node = Node::start(options).expect("a private node starts");
    let ctl = |arguments: &[&str]| node.ctl(arguments).expect("it is done");
    ctl(&["add_user", "reader", "secret"]);
    ctl(&["set_permissions", "reader", ".*", "^(fault-tests.*|eda\\.(retry|unrouted|wait|dead).*)$", ".*"]);
    let url = node.url().replacen("guest:guest", "reader:secret", 1);
    let (rabbit, subscription) = (Rabbit::connect(&url).await.expect("he is let in"), subscription("used-up"));
    let mut deliveries = subscribe(&rabbit, &subscription).await;
    let publisher = rabbit.publisher().await.expect("there is one");
    for number in 0..20 {
        let receipt = publisher.send(event(&subscription, number)).await.expect("there is room");
        let error = receipt.confirmed().await.expect_err("he may not write");
        assert_eq!(error.kind(), ErrorKind::AccessRefused, "event {number}: {error}");
        assert!(error.to_string().contains("eda.events"), "event {number}: {error}");
    }
    ctl(&["set_permissions", "reader", ".*", ".*", ".*"]);
    let allowed = publisher.send(event(&subscription, 99)).await.expect("there is room");
    allowed.confirmed().await.expect("now he may");
    assert_eq!(next(&mut deliveries).await.message().body, "99");
    rabbit.close().await.expect("closed");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_look_without_the_right_to_read_says_so() {
    let node = node().await;
    let ctl = |arguments: &[&str]| node.ctl(arguments).expect("it is done");
    let (service, subscription) = (connect(&node, "").await, subscription("unread"));
    drop(subscribe(&service, &subscription).await);
    ctl(&["add_user", "blind", "secret"]);
    ctl(&["set_permissions", "blind", ".*", ".*", "^eda.*$"]);
    let url = node.url().replacen("guest:guest", "blind:secret", 1);
    let rabbit = Rabbit::connect(&url).await.expect("he is let in");
    let keep = rabbit.keep().expect("RabbitMQ keeps dead letters");
    let looked = keep.open(&Place::DeadLettersOf(subscription.queue)).await;
    let error = looked.err().expect("he may not read");
    assert_eq!(error.kind(), ErrorKind::AccessRefused, "{error}");
    ctl(&["delete_user", "blind"]);
    service.close().await.expect("closed");
}
