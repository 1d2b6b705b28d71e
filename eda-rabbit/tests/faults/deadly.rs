//! A message that kills. Processes: what was in hand beside it is not taken along to the delivery limit. Connections: what is
//! published beside it gets through.

use std::collections::BTreeSet;
use std::time::Duration;

use eda_core::transport::{ConsumerState, Deliveries, Delivery, Transport};
use eda_core::{ErrorKind, Subscription};
use eda_rabbit::Rabbit;
use rabbit_node::Node;
use tokio::time::timeout;

use crate::proxy::{DISLIKED, Proxy};
use crate::support::{
    PATIENCE, connect, connect_through_a_proxy, event, next, node, publish, subscribe, subscription, until_state,
};

const DEADLY: &str = "20";

/// A process, as the broker sees it: its connections end without a word.
struct Life {
    network: Proxy,
    rabbit: Rabbit,
    deliveries: Box<dyn Deliveries>,
}

impl Life {
    async fn begin(node: &Node, subscription: &Subscription) -> Self {
        let (network, rabbit) = connect_through_a_proxy(node).await;
        let deliveries = subscribe(&rabbit, subscription).await;
        Self { network, rabbit, deliveries }
    }

    async fn die(mut self) {
        self.network.down().await;
        drop(self.deliveries);
        self.rabbit.close().await.expect("there is nothing to close");
    }

    /// Works on all that it gets at a time, and dies of what is deadly; tells what it has handled before.
    async fn live(mut self) -> BTreeSet<String> {
        let mut handled = BTreeSet::new();
        loop {
            let mut batch = Vec::new();
            let received = timeout(PATIENCE, self.deliveries.receive(&mut batch, 64)).await;
            received.expect("it comes again").expect("no error");
            if batch.iter().any(|delivery| delivery.message().body == DEADLY) {
                self.die().await;
                return handled;
            }
            for delivery in batch {
                handled.insert(String::from_utf8(delivery.message().body.to_vec()).expect("text"));
                delivery.ack();
            }
        }
    }
}

/// A queue with these messages, all of them there before anybody takes one.
async fn filled(node: &Node, what: &str, numbers: std::ops::Range<u32>) -> (Rabbit, Subscription) {
    let (rabbit, subscription) = (connect(node, "").await, subscription(what));
    drop(subscribe(&rabbit, &subscription).await);
    publish(&rabbit, &subscription, numbers).await;
    (rabbit, subscription)
}

/// As many processes die of what is deadly as it takes.
async fn with_a_suspect(node: &Node, what: &str, numbers: std::ops::Range<u32>) -> (Rabbit, Subscription) {
    let (rabbit, subscription) = filled(node, what, numbers).await;
    for _ in 0..26 {
        Life::begin(node, &subscription).await.live().await;
    }
    (rabbit, subscription)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_neighbours_of_what_kills_every_process_are_handled() {
    const LIVES: usize = 32;
    let node = node().await;
    let (rabbit, subscription) = filled(&node, "deadly", 0..40).await;
    let mut handled = BTreeSet::new();
    for _ in 0..LIVES {
        handled.append(&mut Life::begin(&node, &subscription).await.live().await);
    }
    let missing: Vec<_> = (0..40).map(|number| number.to_string()).filter(|number| !handled.contains(number)).collect();
    assert_eq!(missing, [DEADLY], "after {LIVES} deaths of 51");
    rabbit.close().await.expect("closed");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_suspect_that_is_outlived_holds_up_nobody() {
    let node = node().await;
    let (rabbit, subscription) = with_a_suspect(&node, "outlived", 20..21).await;
    let mut deliveries = subscribe(&rabbit, &subscription).await;
    until_state(&*deliveries, ConsumerState::Quarantined).await;
    let suspect = next(&mut deliveries).await;
    publish(&rabbit, &subscription, 0..1).await;
    let mut batch = Vec::new();
    let other = timeout(Duration::from_millis(500), deliveries.receive(&mut batch, 1)).await;
    assert!(other.is_err(), "one at a time, found {batch:?}");
    // as where it can't be moved to the dead letters
    drop(suspect);
    let mut both = [next(&mut deliveries).await, next(&mut deliveries).await];
    both.sort_by_key(Delivery::redelivered);
    assert!(both[1].message().body == DEADLY && both[0].message().body == "0", "{both:?}");
    until_state(&*deliveries, ConsumerState::Consuming).await;
    for delivery in both {
        delivery.ack();
    }
    rabbit.close().await.expect("closed");
}

/// All that come without one being settled.
async fn in_hand(deliveries: &mut Box<dyn Deliveries>) -> Vec<Delivery> {
    let mut held = vec![next(deliveries).await];
    while timeout(Duration::from_millis(300), deliveries.receive(&mut held, 100)).await.is_ok() {}
    held
}

#[tokio::test(flavor = "multi_thread")]
async fn a_quarantine_takes_more_with_each_that_nobody_dies_of() {
    const WAITING: usize = 64;
    let node = node().await;
    let subscription = subscription("slow-handler");
    let rabbit = connect(&node, "prefetch=64").await;
    let mut deliveries = subscribe(&rabbit, &subscription).await;
    publish(&rabbit, &subscription, 100..164).await;
    for _ in 0..2 {
        let held = in_hand(&mut deliveries).await;
        assert_eq!(held.len(), WAITING);
        node.ctl(&["close_all_connections", "a test"]).expect("they are closed");
        until_state(&*deliveries, ConsumerState::Connecting).await;
        drop(held);
    }
    until_state(&*deliveries, ConsumerState::Quarantined).await;
    let mut widths = Vec::new();
    while widths.iter().sum::<usize>() < WAITING {
        let held = in_hand(&mut deliveries).await;
        widths.push(held.len());
        for delivery in held {
            assert!(delivery.redelivered(), "nothing fresh tells that it may end");
            delivery.ack();
        }
    }
    assert_eq!(widths[0], 1);
    assert!(widths.len() < WAITING / 2, "so many at a time: {widths:?}");
    until_state(&*deliveries, ConsumerState::Consuming).await;
    rabbit.close().await.expect("closed");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_quarantine_does_not_end_while_a_suspect_is_in_hand() {
    let node = node().await;
    let (rabbit, subscription) = with_a_suspect(&node, "slow-killer", 20..22).await;
    publish(&rabbit, &subscription, 100..300).await;
    let mut deliveries = subscribe(&rabbit, &subscription).await;
    until_state(&*deliveries, ConsumerState::Quarantined).await;
    let mut suspect = None;
    let mut batch = Vec::new();
    // as long as it would take to widen
    while timeout(Duration::from_secs(2), deliveries.receive(&mut batch, 100)).await.is_ok() {
        for delivery in batch.drain(..) {
            if delivery.message().body == DEADLY { suspect = Some(delivery) } else { delivery.ack() }
        }
    }
    assert_eq!(deliveries.status().borrow().state, ConsumerState::Quarantined);
    suspect.expect("it came").ack();
    let mut states = deliveries.status();
    let ended = states.wait_for(|status| status.state == ConsumerState::Consuming);
    let handling = async {
        loop {
            next(&mut deliveries).await.ack();
        }
    };
    tokio::select! {
        ended = ended => drop(ended.expect("the subscription lives")),
        () = handling => {}
    }
    rabbit.close().await.expect("closed");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_quarantine_that_widens_slowly_is_told_as_one_again() {
    let node = node().await;
    let (rabbit, subscription) = with_a_suspect(&node, "widens-slowly", 20..26).await;
    let (network, slow) = connect_through_a_proxy(&node).await;
    let mut deliveries = subscribe(&slow, &subscription).await;
    until_state(&*deliveries, ConsumerState::Quarantined).await;
    let held = in_hand(&mut deliveries).await;
    network.slow();
    let mut states = deliveries.status();
    held.into_iter().for_each(Delivery::ack);
    let mut second = next(&mut deliveries).await;
    while !states.borrow_and_update().why.contains("anew") {
        second.ack();
        second = next(&mut deliveries).await;
    }
    until_state(&*deliveries, ConsumerState::Quarantined).await;
    drop(second);
    slow.close().await.expect("closed");
    rabbit.close().await.expect("closed");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_connections_end_over_stops_nothing_that_is_published_beside_it() {
    let node = node().await;
    let (_network, rabbit) = connect_through_a_proxy(&node).await;
    let subscriptions = [subscription("disliked"), subscription("liked")];
    for subscription in &subscriptions {
        drop(subscribe(&rabbit, subscription).await);
    }
    let publisher = rabbit.publisher().await.expect("there is one");
    let mut deadly = event(&subscriptions[0], 0);
    deadly.body = DISLIKED.into();
    let sent = publisher.send(deadly).await.expect("there is room");
    let mut refused = tokio::spawn(sent.confirmed());
    let mut confirmed = 0;
    let told = loop {
        for subscription in &subscriptions {
            let receipt = publisher.send(event(subscription, 1)).await.expect("there is room");
            receipt.confirmed().await.expect("nothing ails this one");
            confirmed += 1;
        }
        if refused.is_finished() {
            break (&mut refused).await.expect("no panic");
        }
    };
    assert_eq!(told.expect_err("nobody takes it").kind(), ErrorKind::Unconfirmed);
    assert!(confirmed >= 20, "of those beside it {confirmed} were confirmed");
    rabbit.close().await.expect("closed");
}
