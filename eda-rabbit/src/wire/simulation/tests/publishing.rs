//! Words on publishes, and where messages go.

use std::sync::Arc;

use super::bench::word;
use super::*;
use crate::topology::ExchangeKind::{Direct, Fanout, Topic};
use crate::wire::Word;

/// An exchange `e` with a queue `q` behind it.
async fn route(bench: &mut Bench) {
    bench.exchange("e", Topic, None).await.expect("declared");
    bench.queue("q", quorum([])).await.expect("declared");
    bench.bind("q", "e", "a.*").await.expect("bound");
}

#[test]
fn what_is_routed_is_acked() {
    compare(async |bench| {
        route(bench).await;
        let channel = bench.publisher().await;
        bench.publish(&channel, "e", "a.b", "1").await;
        bench.note_ready("q").await;
    });
}

#[test]
fn what_is_not_routed_is_returned_and_acked() {
    compare(async |bench| {
        route(bench).await;
        let channel = bench.publisher().await;
        bench.publish(&channel, "e", "b", "1").await;
        bench.publish(&channel, "e", "a.b", "2").await;
    });
}

#[test]
fn each_of_many_returns_comes_once() {
    compare(async |bench| {
        route(bench).await;
        let channel = bench.publisher().await;
        let sent: Vec<_> = (0..20)
            .map(|number| {
                let key = if number % 2 == 0 { "a.b" } else { "b" };
                word(channel.publish(bench.outgoing("e", key, &number.to_string())))
            })
            .collect();
        let mut returned = Vec::new();
        for word in futures_util::future::join_all(sent).await {
            match word.expect("a word") {
                Word::Ack { returned: known } => returned.extend(known.map(|known| known.message_id)),
                Word::Nack { .. } => bench.note("nack"),
            }
        }
        returned.sort();
        bench.note(format!("returned {returned:?}"));
        bench.note_ready("q").await;
    });
}

#[test]
fn a_missing_exchange_ends_the_channel() {
    compare(async |bench| {
        let channel = bench.publisher().await;
        bench.publish(&channel, "nowhere", "a", "1").await;
        let again = channel.confirm_select().await;
        bench.note_outcome("the same channel", &again);
        let another = bench.publisher().await;
        bench.note_outcome("another", &another.qos(1).await);
    });
}

#[test]
fn a_missing_exchange_takes_the_words_of_others_with_it() {
    compare(async |bench| {
        route(bench).await;
        let channel = bench.publisher().await;
        let first = channel.publish(bench.outgoing("nowhere", "a", "1"));
        let others = (0..5).map(|number| channel.publish(bench.outgoing("e", "a.b", &number.to_string())));
        let sent: Vec<_> = std::iter::once(first).chain(others).collect();
        for word in futures_util::future::join_all(sent).await {
            bench.note_outcome("publish", &word);
        }
        bench.note_ready("q").await;
    });
}

#[test]
fn an_alternate_exchange_takes_what_is_not_routed() {
    compare(async |bench| {
        bench.exchange("else", Fanout, None).await.expect("declared");
        bench.queue("q", quorum([])).await.expect("declared");
        bench.bind("q", "else", "").await.expect("bound");
        bench.exchange("e", Topic, Some("else")).await.expect("declared");
        let channel = bench.publisher().await;
        bench.publish(&channel, "e", "a", "1").await;
        let mut arrivals = bench.consume(&bench.channel().await, "q", 1).await;
        bench.receive(&mut arrivals, 1).await;
    });
}

#[test]
fn an_alternate_exchange_that_routes_nothing_returns_it() {
    compare(async |bench| {
        bench.exchange("else", Fanout, None).await.expect("declared");
        bench.exchange("e", Topic, Some("else")).await.expect("declared");
        bench.exchange("f", Topic, Some("missing")).await.expect("declared");
        let channel = bench.publisher().await;
        bench.publish(&channel, "e", "a", "1").await;
        bench.publish(&channel, "f", "a", "2").await;
    });
}

#[test]
fn patterns_lead_where_they_say() {
    compare(async |bench| {
        bench.exchange("e", Topic, None).await.expect("declared");
        for (queue, pattern) in [("star", "a.*"), ("hash", "a.#"), ("all", "#"), ("middle", "a.#.c"), ("exact", "a.b")]
        {
            bench.queue(queue, quorum([])).await.expect("declared");
            bench.bind(queue, "e", pattern).await.expect("bound");
        }
        let channel = bench.publisher().await;
        for key in ["a", "a.b", "a.b.c", "a.c", "b", "a.b.b.c", ""] {
            bench.publish(&channel, "e", key, key).await;
        }
        for queue in ["star", "hash", "all", "middle", "exact"] {
            bench.note_ready(queue).await;
        }
    });
}

#[test]
fn direct_and_fanout_and_default_exchanges() {
    compare(async |bench| {
        bench.exchange("direct", Direct, None).await.expect("declared");
        bench.exchange("fanout", Fanout, None).await.expect("declared");
        for queue in ["one", "two"] {
            bench.queue(queue, quorum([])).await.expect("declared");
            bench.bind(queue, "direct", queue).await.expect("bound");
            bench.bind(queue, "fanout", "whatever").await.expect("bound");
        }
        let channel = bench.publisher().await;
        bench.publish(&channel, "direct", "one", "1").await;
        bench.publish(&channel, "direct", "on*", "2").await;
        bench.publish(&channel, "fanout", "", "3").await;
        bench.publish(&channel, "", "@two", "4").await;
        bench.publish(&channel, "", "@three", "5").await;
        for queue in ["one", "two"] {
            bench.note_ready(queue).await;
        }
    });
}

#[test]
fn two_bindings_of_one_queue_are_one_message() {
    compare(async |bench| {
        route(bench).await;
        bench.bind("q", "e", "#").await.expect("bound");
        bench.bind("q", "e", "#").await.expect("bound again");
        let channel = bench.publisher().await;
        bench.publish(&channel, "e", "a.b", "1").await;
        bench.note_ready("q").await;
    });
}

/// A quorum queue hears of what it holds with a delay, so it takes a few more than its limit.
#[test]
fn a_full_queue_that_rejects_says_no() {
    compare(async |bench| {
        bench
            .queue("q", quorum([("x-max-length", number(1)), ("x-overflow", text("reject-publish"))]))
            .await
            .expect("declared");
        let channel = bench.publisher().await;
        let mut outcomes = Vec::new();
        for id in 0..40 {
            match word(channel.publish(bench.outgoing("", "@q", &id.to_string()))).await.expect("a word") {
                Word::Ack { .. } => outcomes.push(true),
                Word::Nack { .. } => outcomes.push(false),
            }
        }
        bench.note(format!("the first: {}, the last: {}", outcomes[0], outcomes[39]));
    });
}

#[test]
fn a_full_queue_that_drops_keeps_the_newest() {
    compare(async |bench| {
        bench
            .queue("q", quorum([("x-max-length", number(2)), ("x-overflow", text("drop-head"))]))
            .await
            .expect("declared");
        let channel = bench.publisher().await;
        for id in ["1", "2", "3", "4"] {
            bench.publish(&channel, "", "@q", id).await;
        }
        let mut arrivals = bench.consume(&bench.channel().await, "q", 10).await;
        bench.receive(&mut arrivals, 2).await;
        bench.nothing_comes(&mut arrivals).await;
    });
}

#[test]
fn a_queue_keeps_the_order_of_a_channel() {
    compare(async |bench| {
        bench.queue("q", quorum([])).await.expect("declared");
        let channel = bench.publisher().await;
        let sent: Vec<_> =
            (0..30).map(|number| word(channel.publish(bench.outgoing("", "@q", &format!("{number:02}"))))).collect();
        for word in futures_util::future::join_all(sent).await {
            assert_eq!(word.expect("a word"), Word::Ack { returned: None });
        }
        let mut arrivals = bench.consume(&bench.channel().await, "q", 100).await;
        bench.receive(&mut arrivals, 30).await;
    });
}

#[test]
fn a_deleted_exchange_ends_the_channel_of_who_publishes() {
    compare(async |bench| {
        bench.queue("q", quorum([])).await.expect("declared");
        let channel: Arc<_> = bench.publisher().await;
        bench.publish(&channel, "", "@q", "1").await;
        bench.delete_queue("q").await;
        bench.publish(&channel, "", "@q", "2").await;
        bench.queue("q", quorum([])).await.expect("declared again");
        bench.publish(&channel, "", "@q", "3").await;
        bench.note_ready("q").await;
    });
}
