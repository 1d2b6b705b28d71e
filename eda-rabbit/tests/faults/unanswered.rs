//! A quorum queue whose leader does not answer. RabbitMQ says then that it holds nothing and that nobody consumes from it.

use eda_core::transport::{Item, Place, Transport};
use eda_core::{Error, ErrorKind, Topology};
use eda_rabbit::Rabbit;
use rabbit_node::Node;

use tokio::time::{Instant, timeout};

use crate::support::{
    PATIENCE, connect, connect_through_a_proxy, failure, next, node, publish, subscribe, subscription,
};

#[tokio::test(flavor = "multi_thread")]
async fn a_queue_that_does_not_answer_is_not_taken_for_an_empty_one() {
    let node = node().await;
    let (service, subscription) = (connect(&node, "").await, subscription("unanswered"));
    let mut deliveries = subscribe(&service, &subscription).await;
    publish(&service, &subscription, 0..2).await;
    next(&mut deliveries).await.dead_letter(&failure(1)).await.expect("it is certain");
    deliveries.close().await.expect("what was not taken goes back");
    service.close().await.expect("closed");

    let (queue, dead) = (subscription.queue.clone(), Place::DeadLettersOf(subscription.queue.clone()));
    let topology = Topology { subscriptions: vec![subscription], ..Topology::default() };
    let queues = [queue.clone(), format!("{queue}.dead")];
    for queue in &queues {
        leader(&node, "suspend", queue);
    }
    // each on a connection of its own, which may end with what is not answered
    let rabbits = [operator(&node).await, operator(&node).await, operator(&node).await];
    let keep = rabbits[0].keep().expect("RabbitMQ keeps dead letters");
    let operate = |number: usize| rabbits[number].operate().expect("RabbitMQ has operators");
    let item = Item::Queue(queue.clone());
    let (looked, asked, removed) =
        tokio::join!(keep.open(&dead), operate(1).queues(&topology), operate(2).remove(&item));
    for queue in &queues {
        leader(&node, "resume", queue);
    }
    let looked = looked.map(|kept| kept.map(|kept| kept.count()));
    let text = |error: Error| error.to_string();
    for told in [looked.map(drop).map_err(text), asked.map(drop).map_err(text), removed.map_err(text)] {
        let told = told.expect_err("nobody knows what it holds");
        assert!(told.contains("answer") && told.contains(&queue), "{told}");
    }

    let rabbit = operator(&node).await;
    let operate = rabbit.operate().expect("RabbitMQ has operators");
    // those who had asked for a look get it now, and have it in hand until the broker has heard that they are gone
    let is_back = async {
        loop {
            let states = operate.queues(&topology).await.expect("it answers again");
            if (states[0].messages, states[0].dead) == (1, 1) {
                break;
            }
        }
    };
    timeout(PATIENCE, is_back).await.expect("nothing was lost");
    rabbit.close().await.expect("closed");
}

/// The service may not look into its dead letters, so their number rests on how soon the answer comes.
#[tokio::test(flavor = "multi_thread")]
async fn dead_letters_that_do_not_answer_are_not_told_as_none() {
    let node = node().await;
    let (service, subscription) = (connect(&node, "").await, subscription("unanswered-dead"));
    let mut deliveries = subscribe(&service, &subscription).await;
    publish(&service, &subscription, 0..1).await;
    next(&mut deliveries).await.dead_letter(&failure(1)).await.expect("it is certain");
    let dead = format!("{}.dead", subscription.queue);
    let topology = Topology { subscriptions: vec![subscription], ..Topology::default() };
    leader(&node, "suspend", &dead);
    let states = operator(&node).await.operate().expect("RabbitMQ has operators").queues(&topology).await;
    leader(&node, "resume", &dead);
    assert!(states.is_err(), "{states:?}");
    drop(deliveries);
    service.close().await.expect("closed");
}

/// Each answer comes too late for RabbitMQ, and in time for who waits for it. All that the queue has is in somebody's hands.
#[tokio::test(flavor = "multi_thread")]
async fn a_queue_that_answers_slowly_is_not_deleted_under_its_consumer() {
    const STALL: &str = "erlang:suspend_process(P), timer:sleep(2000), erlang:resume_process(P), timer:sleep(1)";
    let node = node().await;
    let (service, subscription) = (connect(&node, "").await, subscription("slow-leader"));
    let mut deliveries = subscribe(&service, &subscription).await;
    publish(&service, &subscription, 0..1).await;
    let in_hand = next(&mut deliveries).await;

    let operator = operator(&node).await;
    let name = name(&subscription.queue);
    let stalling = format!(
        r#"begin {name}, P = whereis(Name),
        spawn(fun() -> register(stalling, self()), F = fun F() -> {STALL}, F() end, F() end), "stalled" end"#
    );
    assert_eq!(node.eval(&stalling).as_deref(), Ok("stalled"));
    let operate = operator.operate().expect("RabbitMQ has operators");
    let removed = operate.remove(&Item::Queue(subscription.queue.clone())).await;
    assert_eq!(node.eval(r#"begin exit(whereis(stalling), kill), "goes on" end"#).as_deref(), Ok("goes on"));
    assert!(removed.is_err(), "{removed:?}");
    in_hand.ack();
    deliveries.close().await.expect("its queue is there");
    service.close().await.expect("closed");
    operator.close().await.expect("closed");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_asks_a_broker_that_went_away_is_told_so() {
    let node = node().await;
    let (mut proxy, rabbit) = connect_through_a_proxy(&node).await;
    let subscription = subscription("went-away");
    let topology = Topology { subscriptions: vec![subscription.clone()], ..Topology::default() };
    rabbit.declare(&topology).await.expect("declared");
    proxy.down().await;
    let dead = Place::DeadLettersOf(subscription.queue.clone());
    let began = Instant::now();
    let operate = rabbit.operate().expect("RabbitMQ has operators");
    let keep = rabbit.keep().expect("RabbitMQ keeps dead letters");
    let (asked, looked, subscribed) =
        tokio::join!(operate.queues(&topology), keep.open(&dead), rabbit.subscribe(&subscription));
    for told in [asked.map(drop), looked.map(drop), subscribed.map(drop)] {
        assert_eq!(told.expect_err("there is no broker").kind(), ErrorKind::Unavailable);
    }
    assert!(began.elapsed() < PATIENCE / 2, "told after {:?}", began.elapsed());
    rabbit.close().await.expect("closed");
}

async fn operator(node: &Node) -> Rabbit {
    Rabbit::connect(&node.url()).await.expect("the node answers")
}

pub(crate) fn leader(node: &Node, verb: &str, queue: &str) {
    let done = node.eval(&format!(r#"begin {}, ok = sys:{verb}(Name), "{verb}" end"#, name(queue)));
    assert_eq!(done.as_deref(), Ok(verb));
}

/// Binds `Name` to that of the process.
fn name(queue: &str) -> String {
    format!(
        r#"{{ok, Queue}} = rabbit_amqqueue:lookup(rabbit_misc:r(<<"/">>, queue, <<"{queue}">>)),
        {{Name, _}} = amqqueue:get_pid(Queue)"#
    )
}
