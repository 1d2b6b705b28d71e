//! A quorum queue whose leader does not answer. RabbitMQ says then that it holds nothing and that nobody consumes from it.

use eda_core::Topology;
use eda_core::transport::{Item, Place, Transport};
use eda_rabbit::Rabbit;
use rabbit_node::Node;

use crate::support::{connect, event, failure, next, node, subscribe, subscription};

#[tokio::test(flavor = "multi_thread")]
async fn a_queue_that_does_not_answer_is_not_taken_for_an_empty_one() {
    let node = node().await;
    let (service, subscription) = (connect(&node, "").await, subscription("unanswered"));
    let mut deliveries = subscribe(&service, &subscription).await;
    let publisher = service.publisher().await.expect("there is one");
    for number in 0..2 {
        let sent = publisher.send(event(&subscription, number)).await.expect("there is room");
        sent.confirmed().await.expect("it is confirmed");
    }
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
    assert!(looked.is_err(), "{looked:?}");
    assert!(asked.is_err(), "{asked:?}");
    assert!(removed.is_err(), "{removed:?}");

    let rabbit = operator(&node).await;
    let operate = rabbit.operate().expect("RabbitMQ has operators");
    let states = operate.queues(&topology).await.expect("it answers again");
    assert_eq!((states[0].messages, states[0].dead), (1, 1), "nothing was lost");
    rabbit.close().await.expect("closed");
}

async fn operator(node: &Node) -> Rabbit {
    Rabbit::connect(&node.url()).await.expect("the node answers")
}

fn leader(node: &Node, verb: &str, queue: &str) {
    let find = format!(r#"{{ok, Queue}} = rabbit_amqqueue:lookup(rabbit_misc:r(<<"/">>, queue, <<"{queue}">>))"#);
    let done = node
        .eval(&format!(r#"begin {find}, {{Name, _}} = amqqueue:get_pid(Queue), ok = sys:{verb}(Name), "{verb}" end"#));
    assert_eq!(done.as_deref(), Ok(verb));
}
