//! What comes, and what becomes of it.

use std::sync::Arc;

use super::bench::word;
use super::*;
use crate::wire::Channel;

/// A queue `q` with so many messages, from 1.
async fn filled(bench: &mut Bench, count: u32) {
    bench.queue("q", quorum([("x-delivery-limit", number(100))])).await.expect("declared");
    let channel = bench.publisher().await;
    for id in 1..=count {
        word(channel.publish(bench.outgoing("", "@q", &id.to_string()))).await.expect("a word");
    }
}

#[test]
fn what_comes_for_the_first_time_says_so() {
    compare(async |bench| {
        filled(bench, 2).await;
        let channel = bench.channel().await;
        let mut arrivals = bench.consume(&channel, "q", 10).await;
        let came = bench.receive(&mut arrivals, 2).await;
        bench.note(format!("tags {:?}", came.iter().map(|arrived| arrived.tag).collect::<Vec<_>>()));
    });
}

#[test]
fn what_is_given_back_comes_again_and_is_counted() {
    compare(async |bench| {
        filled(bench, 1).await;
        let channel = bench.channel().await;
        let mut arrivals = bench.consume(&channel, "q", 10).await;
        for _ in 0..3 {
            let came = bench.receive(&mut arrivals, 1).await;
            channel.requeue(came[0].tag).await.expect("written");
        }
        bench.receive(&mut arrivals, 1).await;
    });
}

#[test]
fn what_is_given_back_comes_before_what_never_came() {
    compare(async |bench| {
        filled(bench, 4).await;
        let channel = bench.channel().await;
        let mut arrivals = bench.consume(&channel, "q", 1).await;
        let came = bench.receive(&mut arrivals, 1).await;
        channel.requeue(came[0].tag).await.expect("written");
        let came = bench.receive(&mut arrivals, 1).await;
        channel.ack(came[0].tag, false).await.expect("written");
        bench.receive(&mut arrivals, 1).await;
    });
}

#[test]
fn a_closed_channel_gives_back_what_was_open() {
    compare(async |bench| {
        filled(bench, 3).await;
        let channel = bench.channel().await;
        let mut arrivals = bench.consume(&channel, "q", 2).await;
        bench.receive(&mut arrivals, 2).await;
        channel.close().await.expect("closed");
        bench.receive(&mut arrivals, 1).await;
        let another = bench.channel().await;
        let mut arrivals = bench.consume(&another, "q", 10).await;
        bench.receive_sorted(&mut arrivals, 3).await;
    });
}

#[test]
fn a_closed_connection_gives_back_what_was_open() {
    compare(async |bench| {
        filled(bench, 2).await;
        let link = bench.another_link().await;
        let channel = link.channel().await.expect("a channel");
        let mut arrivals = bench.consume(&channel, "q", 10).await;
        bench.receive(&mut arrivals, 2).await;
        link.close().await;
        let another = bench.channel().await;
        let mut arrivals = bench.consume(&another, "q", 10).await;
        bench.receive_sorted(&mut arrivals, 2).await;
    });
}

#[test]
fn a_dropped_channel_gives_back_what_was_open() {
    compare(async |bench| {
        filled(bench, 1).await;
        let channel = bench.channel().await;
        let mut arrivals = bench.consume(&channel, "q", 10).await;
        bench.receive(&mut arrivals, 1).await;
        drop(arrivals);
        drop(channel);
        let another = bench.channel().await;
        let mut arrivals = bench.consume(&another, "q", 10).await;
        bench.receive(&mut arrivals, 1).await;
    });
}

#[test]
fn no_more_come_than_the_prefetch_allows() {
    compare(async |bench| {
        filled(bench, 5).await;
        let channel = bench.channel().await;
        let mut arrivals = bench.consume(&channel, "q", 2).await;
        let came = bench.receive(&mut arrivals, 2).await;
        bench.nothing_comes(&mut arrivals).await;
        channel.ack(came[1].tag, false).await.expect("written");
        bench.receive(&mut arrivals, 1).await;
        bench.nothing_comes(&mut arrivals).await;
    });
}

#[test]
fn an_ack_of_many_takes_all_before_it() {
    compare(async |bench| {
        filled(bench, 6).await;
        let channel = bench.channel().await;
        let mut arrivals = bench.consume(&channel, "q", 3).await;
        let came = bench.receive(&mut arrivals, 3).await;
        channel.ack(came[2].tag, true).await.expect("written");
        bench.receive(&mut arrivals, 3).await;
        bench.nothing_comes(&mut arrivals).await;
        bench.note_ready("q").await;
    });
}

#[test]
fn an_ack_of_everything_is_tag_zero() {
    compare(async |bench| {
        filled(bench, 3).await;
        let channel = bench.channel().await;
        let mut arrivals = bench.consume(&channel, "q", 10).await;
        bench.receive(&mut arrivals, 3).await;
        channel.ack(0, true).await.expect("written");
        // a quorum queue forgets an ack that the channel's end follows at once
        bench.note_ready("q").await;
        channel.close().await.expect("closed");
        let another = bench.channel().await;
        bench.note_ready("q").await;
        let mut arrivals = bench.consume(&another, "q", 10).await;
        bench.nothing_comes(&mut arrivals).await;
    });
}

/// The end that a mistake brings: which, and that everything comes again but for the first, where that is acked before.
async fn after_a_mistake(bench: &mut Bench, is_acked: bool, mistake: impl AsyncFn(&Arc<dyn Channel>)) {
    filled(bench, 2).await;
    let channel = bench.channel().await;
    let mut arrivals = bench.consume(&channel, "q", 10).await;
    bench.receive(&mut arrivals, 2).await;
    if is_acked {
        channel.ack(1, false).await.expect("written");
        // a quorum queue forgets an ack that the channel's end follows at once
        bench.note_ready("q").await;
    }
    mistake(&channel).await;
    bench.receive(&mut arrivals, 1).await;
    bench.note_outcome("the same channel", &channel.qos(1).await);
    let another = bench.channel().await;
    let mut arrivals = bench.consume(&another, "q", 10).await;
    bench.receive_sorted(&mut arrivals, 1).await;
}

#[test]
fn an_ack_of_what_never_came_ends_the_channel() {
    compare(async |bench| {
        after_a_mistake(bench, false, async |channel| channel.ack(99, false).await.expect("written")).await;
    });
}

#[test]
fn an_ack_of_many_of_what_never_came_ends_the_channel() {
    compare(async |bench| {
        after_a_mistake(bench, false, async |channel| channel.ack(99, true).await.expect("written")).await;
    });
}

#[test]
fn a_second_ack_ends_the_channel() {
    compare(async |bench| {
        after_a_mistake(bench, true, async |channel| channel.ack(1, false).await.expect("written")).await;
    });
}

#[test]
fn a_requeue_of_what_was_acked_ends_the_channel() {
    compare(async |bench| {
        after_a_mistake(bench, true, async |channel| channel.requeue(1).await.expect("written")).await;
    });
}

#[test]
fn a_cancelled_consumer_ends_and_what_is_open_can_be_acked() {
    compare(async |bench| {
        filled(bench, 3).await;
        let channel = bench.channel().await;
        let mut arrivals = bench.consume(&channel, "q", 2).await;
        let came = bench.receive(&mut arrivals, 2).await;
        channel.cancel(arrivals.tag()).await.expect("cancelled");
        bench.receive(&mut arrivals, 1).await;
        channel.ack(came[1].tag, true).await.expect("written");
        bench.note_ready("q").await;
    });
}

#[test]
fn a_channel_consumes_again_after_a_cancel() {
    compare(async |bench| {
        filled(bench, 4).await;
        let channel = bench.channel().await;
        let mut arrivals = bench.consume(&channel, "q", 1).await;
        bench.receive(&mut arrivals, 1).await;
        channel.cancel(arrivals.tag()).await.expect("cancelled");
        // what the first consumer has in hand does not count for the second
        let mut arrivals = bench.consume(&channel, "q", 2).await;
        bench.receive(&mut arrivals, 2).await;
        bench.nothing_comes(&mut arrivals).await;
    });
}

#[test]
fn a_prefetch_counts_for_consumers_after_it() {
    compare(async |bench| {
        filled(bench, 4).await;
        let channel = bench.channel().await;
        let mut arrivals = bench.consume(&channel, "q", 1).await;
        bench.receive(&mut arrivals, 1).await;
        channel.qos(3).await.expect("a prefetch");
        bench.nothing_comes(&mut arrivals).await;
    });
}

#[test]
fn two_consumers_share_a_queue() {
    compare(async |bench| {
        bench.queue("q", quorum([])).await.expect("declared");
        let (one, two) = (bench.channel().await, bench.channel().await);
        let mut first = bench.consume(&one, "q", 1).await;
        let mut second = bench.consume(&two, "q", 1).await;
        let channel = bench.publisher().await;
        bench.publish(&channel, "", "@q", "1").await;
        bench.publish(&channel, "", "@q", "2").await;
        bench.publish(&channel, "", "@q", "3").await;
        bench.receive(&mut first, 1).await;
        bench.receive(&mut second, 1).await;
        bench.nothing_comes(&mut first).await;
        bench.nothing_comes(&mut second).await;
    });
}

#[test]
fn a_queue_says_how_many_consume_it() {
    compare(async |bench| {
        bench.queue("q", quorum([])).await.expect("declared");
        let (one, two) = (bench.channel().await, bench.channel().await);
        let name = bench.name("q");
        for expected in 0..2 {
            bench.note_outcome(&format!("{expected} expected"), &one.consumers(&name).await);
            let _arrivals = bench.consume(&two, "q", 1).await;
        }
        bench.note_outcome("both", &one.consumers(&name).await);
        let gone = bench.name("nothing");
        bench.note_outcome("nothing", &one.consumers(&gone).await);
        bench.note_outcome("its channel", &one.qos(1).await);
    });
}

#[test]
fn nobody_consumes_what_is_not_there() {
    compare(async |bench| {
        let channel = bench.channel().await;
        let consuming = channel.consume(&bench.name("nothing")).await;
        bench.note_outcome("consume", &consuming);
    });
}

#[test]
fn a_deleted_queue_ends_its_consumer_and_not_the_channel() {
    compare(async |bench| {
        filled(bench, 1).await;
        let channel = bench.channel().await;
        let mut arrivals = bench.consume(&channel, "q", 10).await;
        let came = bench.receive(&mut arrivals, 1).await;
        bench.delete_queue("q").await;
        bench.receive(&mut arrivals, 1).await;
        // the tag of a message that is gone is still a tag
        channel.ack(came[0].tag, false).await.expect("written");
        bench.note_outcome("the channel", &channel.qos(1).await);
        bench.queue("q", quorum([])).await.expect("declared again");
        let mut arrivals = bench.consume(&channel, "q", 10).await;
        bench.nothing_comes(&mut arrivals).await;
    });
}

#[test]
fn tags_go_on_over_consumers_of_a_channel() {
    compare(async |bench| {
        filled(bench, 2).await;
        let channel = bench.channel().await;
        let mut arrivals = bench.consume(&channel, "q", 1).await;
        bench.receive(&mut arrivals, 1).await;
        channel.cancel(arrivals.tag()).await.expect("cancelled");
        let mut arrivals = bench.consume(&channel, "q", 10).await;
        let came = bench.receive(&mut arrivals, 1).await;
        bench.note(format!("tag {}", came[0].tag));
    });
}
