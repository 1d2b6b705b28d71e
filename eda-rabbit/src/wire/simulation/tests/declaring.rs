//! What exists, and what does not.

use super::*;
use crate::topology::ExchangeKind::{Direct, Fanout, Topic};
use crate::topology::Queue;

#[test]
fn the_same_again_is_fine() {
    compare(async |bench| {
        for _ in 0..2 {
            let declared = bench.queue("q", quorum([("x-delivery-limit", number(5))])).await;
            bench.note_outcome("queue", &declared);
            let declared = bench.exchange("e", Direct, None).await;
            bench.note_outcome("exchange", &declared);
        }
    });
}

#[test]
fn another_number_is_refused_with_both() {
    compare(async |bench| {
        bench.queue("q", quorum([("x-delivery-limit", number(5))])).await.expect("declared");
        let declared = bench.queue("q", quorum([("x-delivery-limit", number(6))])).await;
        bench.note_outcome("queue", &declared);
    });
}

#[test]
fn another_text_is_refused_with_both() {
    compare(async |bench| {
        let overflow = |value: &str| quorum([("x-max-length", number(5)), ("x-overflow", text(value))]);
        bench.queue("q", overflow("drop-head")).await.expect("declared");
        let declared = bench.queue("q", overflow("reject-publish")).await;
        bench.note_outcome("queue", &declared);
    });
}

#[test]
fn an_argument_too_few_or_too_many_is_refused() {
    compare(async |bench| {
        bench.queue("with", quorum([("x-message-ttl", number(5_000))])).await.expect("declared");
        let declared = bench.queue("with", quorum([])).await;
        bench.note_outcome("too few", &declared);
        bench.queue("without", quorum([])).await.expect("declared");
        let declared = bench.queue("without", quorum([("x-dead-letter-exchange", text("x"))])).await;
        bench.note_outcome("too many", &declared);
    });
}

#[test]
fn an_exchange_of_another_kind_is_refused() {
    compare(async |bench| {
        bench.exchange("e", Direct, None).await.expect("declared");
        let declared = bench.exchange("e", Fanout, None).await;
        bench.note_outcome("exchange", &declared);
    });
}

#[test]
fn an_exchange_with_another_alternate_is_refused() {
    compare(async |bench| {
        bench.exchange("e", Topic, Some("else")).await.expect("declared");
        let declared = bench.exchange("e", Topic, None).await;
        bench.note_outcome("none", &declared);
        bench.exchange("f", Topic, None).await.expect("declared");
        let declared = bench.exchange("f", Topic, Some("else")).await;
        bench.note_outcome("one", &declared);
    });
}

#[test]
fn nothing_is_bound_that_is_not_there() {
    compare(async |bench| {
        bench.queue("q", quorum([])).await.expect("declared");
        bench.exchange("e", Topic, None).await.expect("declared");
        let bound = bench.bind("q", "nowhere", "a").await;
        bench.note_outcome("to no exchange", &bound);
        let bound = bench.bind("nothing", "e", "a").await;
        bench.note_outcome("no queue", &bound);
    });
}

#[test]
fn a_look_finds_what_is_there_and_nothing_else() {
    compare(async |bench| {
        bench.queue("q", quorum([("x-delivery-limit", number(5))])).await.expect("declared");
        for name in ["q", "nothing"] {
            let queue = Queue { name: bench.name(name), arguments: None };
            let looked = bench.channel().await.declare_queue(&queue).await;
            bench.note_outcome(name, &looked);
        }
    });
}

#[test]
fn an_error_ends_one_channel_and_no_other() {
    compare(async |bench| {
        let (sick, well) = (bench.channel().await, bench.channel().await);
        let looked = sick.declare_queue(&Queue { name: bench.name("nothing"), arguments: None }).await;
        bench.note_outcome("look", &looked);
        bench.note_outcome("the sick one", &sick.qos(1).await);
        bench.note_outcome("the other", &well.qos(1).await);
        bench.note_outcome("closing the other", &well.close().await);
        bench.note_outcome("the other, closed", &well.qos(1).await);
    });
}
