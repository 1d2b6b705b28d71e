//! Expiry, limits, and where dead letters go.

use super::*;
use crate::topology::ExchangeKind::Direct;
use crate::wire::Arrivals;

/// A queue `grave` behind a direct exchange `dlx`, and a consumer of it.
async fn grave(bench: &mut Bench, key: &str) -> Box<dyn Arrivals> {
    bench.exchange("dlx", Direct, None).await.expect("declared");
    bench.queue("grave", quorum([])).await.expect("declared");
    bench.bind("grave", "dlx", key).await.expect("bound");
    let channel = bench.channel().await;
    bench.consume(&channel, "grave", 100).await
}

#[test]
fn what_expires_goes_where_dead_letters_go() {
    compare(async |bench| {
        let mut dead = grave(bench, "rest").await;
        let arguments = quorum([
            ("x-message-ttl", number(400)),
            ("x-dead-letter-exchange", text(&bench.name("dlx"))),
            ("x-dead-letter-routing-key", text("rest")),
        ]);
        bench.queue("wait", arguments).await.expect("declared");
        let channel = bench.publisher().await;
        bench.publish(&channel, "", "@wait", "1").await;
        bench.publish(&channel, "", "@wait", "2").await;
        bench.receive(&mut dead, 2).await;
        bench.note_ready("wait").await;
    });
}

#[test]
fn a_dead_letter_keeps_its_key_where_nothing_else_is_said() {
    compare(async |bench| {
        let mut dead = grave(bench, "@wait").await;
        let arguments = quorum([
            ("x-message-ttl", number(300)),
            ("x-dead-letter-exchange", text(&bench.name("dlx"))),
            ("x-dead-letter-strategy", text("at-least-once")),
            ("x-overflow", text("reject-publish")),
        ]);
        bench.queue("wait", arguments).await.expect("declared");
        let channel = bench.publisher().await;
        bench.publish(&channel, "", "@wait", "1").await;
        bench.receive(&mut dead, 1).await;
    });
}

#[test]
fn only_the_head_of_a_queue_expires() {
    compare(async |bench| {
        let mut dead = grave(bench, "@wait").await;
        bench.queue("wait", quorum([("x-dead-letter-exchange", text(&bench.name("dlx")))])).await.expect("declared");
        let channel = bench.publisher().await;
        for (id, milliseconds) in [("slow", "1500"), ("fast", "100")] {
            let mut outgoing = bench.outgoing("", "@wait", id);
            outgoing.properties = outgoing.properties.with_expiration(milliseconds.into());
            bench.send(&channel, outgoing, id).await;
        }
        bench.nothing_comes(&mut dead).await;
        bench.receive(&mut dead, 2).await;
    });
}

#[test]
fn the_delivery_limit_parks_what_comes_too_often() {
    compare(async |bench| {
        let mut dead = grave(bench, "rest").await;
        let arguments = quorum([
            ("x-delivery-limit", number(2)),
            ("x-dead-letter-exchange", text(&bench.name("dlx"))),
            ("x-dead-letter-routing-key", text("rest")),
            ("x-dead-letter-strategy", text("at-least-once")),
            ("x-overflow", text("reject-publish")),
        ]);
        bench.queue("q", arguments).await.expect("declared");
        let publisher = bench.publisher().await;
        bench.publish(&publisher, "", "@q", "1").await;
        let channel = bench.channel().await;
        let mut arrivals = bench.consume(&channel, "q", 10).await;
        for _ in 0..3 {
            let came = bench.receive(&mut arrivals, 1).await;
            channel.requeue(came[0].tag).await.expect("written");
        }
        bench.receive(&mut dead, 1).await;
        bench.nothing_comes(&mut arrivals).await;
    });
}

#[test]
fn a_lost_channel_counts_towards_the_delivery_limit() {
    compare(async |bench| {
        let mut dead = grave(bench, "@q").await;
        let arguments = quorum([
            ("x-delivery-limit", number(1)),
            ("x-dead-letter-exchange", text(&bench.name("dlx"))),
            ("x-dead-letter-strategy", text("at-least-once")),
            ("x-overflow", text("reject-publish")),
        ]);
        bench.queue("q", arguments).await.expect("declared");
        let publisher = bench.publisher().await;
        bench.publish(&publisher, "", "@q", "1").await;
        for _ in 0..2 {
            let channel = bench.channel().await;
            let mut arrivals = bench.consume(&channel, "q", 10).await;
            bench.receive(&mut arrivals, 1).await;
            channel.close().await.expect("closed");
        }
        // from 4.0 on it brings its old count along, if it was lost and not given back
        let letter = bench.next(&mut dead).await;
        let letter = letter.expect("a dead letter").expect("a dead letter");
        bench.note(format!("dead: {}", String::from_utf8_lossy(&letter.body)));
    });
}

#[test]
fn the_delivery_limit_drops_where_nobody_takes_dead_letters() {
    compare(async |bench| {
        bench.queue("q", quorum([("x-delivery-limit", number(1))])).await.expect("declared");
        let publisher = bench.publisher().await;
        bench.publish(&publisher, "", "@q", "1").await;
        let channel = bench.channel().await;
        let mut arrivals = bench.consume(&channel, "q", 10).await;
        for _ in 0..2 {
            let came = bench.receive(&mut arrivals, 1).await;
            channel.requeue(came[0].tag).await.expect("written");
        }
        bench.nothing_comes(&mut arrivals).await;
        bench.note_ready("q").await;
    });
}

#[test]
fn what_is_dropped_from_a_full_queue_is_a_dead_letter() {
    compare(async |bench| {
        let mut dead = grave(bench, "@q").await;
        let arguments = quorum([
            ("x-max-length", number(1)),
            ("x-overflow", text("drop-head")),
            ("x-dead-letter-exchange", text(&bench.name("dlx"))),
        ]);
        bench.queue("q", arguments).await.expect("declared");
        let channel = bench.publisher().await;
        bench.publish(&channel, "", "@q", "1").await;
        bench.publish(&channel, "", "@q", "2").await;
        bench.receive(&mut dead, 1).await;
        bench.note_ready("q").await;
    });
}

#[test]
fn a_circle_of_expiries_is_broken() {
    compare(async |bench| {
        let arguments = quorum([
            ("x-message-ttl", number(200)),
            ("x-dead-letter-exchange", text("")),
            ("x-dead-letter-routing-key", text(&bench.name("q"))),
        ]);
        bench.queue("q", arguments).await.expect("declared");
        let channel = bench.publisher().await;
        bench.publish(&channel, "", "@q", "1").await;
        tokio::time::sleep(std::time::Duration::from_millis(800)).await;
        bench.note_ready("q").await;
    });
}

#[test]
fn a_dead_letter_without_a_place_is_dropped_at_most_once() {
    compare(async |bench| {
        bench.exchange("dlx", Direct, None).await.expect("declared");
        let arguments = quorum([("x-message-ttl", number(200)), ("x-dead-letter-exchange", text(&bench.name("dlx")))]);
        bench.queue("q", arguments).await.expect("declared");
        let channel = bench.publisher().await;
        bench.publish(&channel, "", "@q", "1").await;
        tokio::time::sleep(std::time::Duration::from_millis(500)).await;
        bench.note_ready("q").await;
    });
}

#[test]
fn an_old_history_is_kept_and_grows() {
    compare(async |bench| {
        let mut dead = grave(bench, "rest").await;
        let first = quorum([
            ("x-message-ttl", number(200)),
            ("x-dead-letter-exchange", text("")),
            ("x-dead-letter-routing-key", text(&bench.name("second"))),
        ]);
        let second = quorum([
            ("x-message-ttl", number(200)),
            ("x-dead-letter-exchange", text(&bench.name("dlx"))),
            ("x-dead-letter-routing-key", text("rest")),
        ]);
        bench.queue("second", second).await.expect("declared");
        bench.queue("first", first).await.expect("declared");
        let channel = bench.publisher().await;
        bench.publish(&channel, "", "@first", "1").await;
        bench.receive(&mut dead, 1).await;
    });
}
