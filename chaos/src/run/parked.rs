//! Reads what ended among the dead letters, and gives back what an operator would, with the client library: not with what is
//! being tested.

use std::time::Duration;

use futures_util::StreamExt;
use lapin::message::Delivery;
use lapin::options::{
    BasicAckOptions, BasicCancelOptions, BasicConsumeOptions, BasicGetOptions, BasicPublishOptions, BasicQosOptions,
    ConfirmSelectOptions, QueueDeclareOptions,
};
use lapin::types::{AMQPValue, FieldTable};
use lapin::{BasicProperties, Confirmation, Connection, ConnectionProperties};
use tokio::time::timeout;

use crate::ledger::Record;
use crate::worker::recognized;

/// Where retries end whose queue is not bound.
const ORPHANED: &str = "eda.retry.orphaned";
/// Through what they came, by their queue's name.
const RETRY: &str = "eda.retry";
/// A minute for each queue is a hundred times what it takes.
const LIMIT: Duration = Duration::from_secs(60);
/// So many are read at a time: asked for one by one, 9,000 took longer than that.
const LOT: u16 = 1_000;

/// Whether messages may rest in a queue at the end.
pub(super) fn is_for_dead_letters(queue: &str) -> bool {
    queue.rsplit_once('.').is_some_and(|(_, last)| last == "dead") || matches!(queue, "eda.unrouted" | ORPHANED)
}

/// Sends retries whose queue was not bound on their way again, as an operator does by `unrouted replay`; tells how many.
pub(super) async fn give_back(url: &str) -> Result<u64, String> {
    let giving = timeout(LIMIT, give_back_all(url)).await;
    let given = giving.map_err(|_| format!("giving back what is in {ORPHANED} took longer than {LIMIT:?}"))?;
    given.map_err(|error| format!("giving back what is in {ORPHANED}: {error}"))
}

async fn give_back_all(url: &str) -> lapin::Result<u64> {
    let connection = Connection::connect(url, ConnectionProperties::default()).await?;
    let channel = connection.create_channel().await?;
    channel.confirm_select(ConfirmSelectOptions::default()).await?;
    let waiting = channel.queue_declare(ORPHANED.into(), passive(), FieldTable::default()).await?.message_count();
    let mut given = 0_u32;
    // no more than are there: one that comes back is for the end of the run to find
    while given < waiting
        && let Some(got) = channel.basic_get(ORPHANED.into(), BasicGetOptions::default()).await?
    {
        let Delivery { routing_key, properties, data, acker, .. } = got.delivery;
        let options = BasicPublishOptions { mandatory: true, ..BasicPublishOptions::default() };
        match channel.basic_publish(RETRY.into(), routing_key, options, &data, properties).await?.await? {
            Confirmation::Ack(None) => acker.ack(BasicAckOptions::default()).await?,
            // the broker has it again when the channel is closed
            _ => break,
        };
        given += 1;
    }
    channel.close(200, "bye".into()).await?;
    Ok(given.into())
}

fn passive() -> QueueDeclareOptions {
    QueueDeclareOptions { passive: true, ..QueueDeclareOptions::default() }
}

/// Takes everything out of a queue.
pub(super) async fn take(url: &str, queue: &str) -> Result<Vec<Record>, String> {
    let taking = timeout(LIMIT, take_all(url, queue)).await;
    let taken = taking.map_err(|_| format!("reading {queue} took longer than {LIMIT:?}"))?;
    taken.map_err(|error| format!("reading {queue}: {error}"))
}

async fn take_all(url: &str, queue: &str) -> lapin::Result<Vec<Record>> {
    let connection = Connection::connect(url, ConnectionProperties::default()).await?;
    let channel = connection.create_channel().await?;
    let mut records = Vec::new();
    loop {
        let declared = channel.queue_declare(queue.into(), passive(), FieldTable::default()).await?;
        let waiting = u16::try_from(declared.message_count()).unwrap_or(LOT).min(LOT);
        if waiting == 0 {
            break;
        }
        // no more than are acked here
        channel.basic_qos(waiting, BasicQosOptions::default()).await?;
        let consume = BasicConsumeOptions::default();
        let mut letters = channel.basic_consume(queue.into(), "".into(), consume, FieldTable::default()).await?;
        let mut last = 0;
        for _ in 0..waiting {
            let Some(letter) = letters.next().await.transpose()? else { break };
            records.push(parked(queue, &letter.properties, &letter.data));
            last = letter.delivery_tag;
        }
        channel.basic_cancel(letters.tag(), BasicCancelOptions::default()).await?;
        channel.basic_ack(last, BasicAckOptions { multiple: true }).await?;
    }
    channel.close(200, "bye".into()).await?;
    Ok(records)
}

/// What nobody was bound for, or came back to a queue that was gone, counts as parked by the first handler of its event.
fn parked(queue: &str, properties: &BasicProperties, body: &[u8]) -> Record {
    let id = properties.message_id().as_ref().map(|id| id.as_str().replace('-', "")).unwrap_or_default();
    let (of, hash) = recognized(body);
    let headers = properties.headers().as_ref();
    let reason = match headers.and_then(|headers| headers.inner().get("eda-reason")) {
        Some(AMQPValue::LongString(reason)) => reason.to_string(),
        // the broker gives no reason of ours
        _ if queue.starts_with("eda.") => queue.to_owned(),
        _ if headers.is_some_and(is_over_the_limit) => "suspect".to_owned(),
        _ => "unexplained".to_owned(),
    };
    let first = if of.is_some() { "ship" } else { "book" };
    let handler = queue.strip_suffix(".note.dead").unwrap_or(first).to_owned();
    let id = of.unwrap_or_else(|| u128::from_str_radix(&id, 16).unwrap_or_default());
    Record::Parked { id, handler, reason, hash }
}

/// Whether the broker has parked it after too many deliveries: what RabbitMQ says in `x-death`.
fn is_over_the_limit(headers: &FieldTable) -> bool {
    let Some(AMQPValue::FieldArray(deaths)) = headers.inner().get("x-death") else { return false };
    deaths.as_slice().iter().any(|death| {
        let AMQPValue::FieldTable(death) = death else { return false };
        matches!(death.inner().get("reason"), Some(AMQPValue::LongString(reason)) if *reason.as_bytes() == *b"delivery_limit")
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::Cluster;

    #[tokio::test(flavor = "multi_thread")]
    async fn as_many_letters_as_a_long_run_leaves_are_read_within_the_limit() {
        const LETTERS: usize = 12_500;
        let cluster = tokio::task::block_in_place(|| Cluster::start(1, "letters", None)).expect("a node");
        let connection =
            Connection::connect(&cluster.url(), ConnectionProperties::default()).await.expect("a connection");
        let channel = connection.create_channel().await.expect("a channel");
        let queue = "book.note.dead";
        let arguments = FieldTable::default();
        channel.queue_declare(queue.into(), QueueDeclareOptions::durable(), arguments).await.expect("a queue");
        for letter in 0..LETTERS {
            let id = format!("{letter:032x}");
            let properties = BasicProperties::default().with_message_id(id.into());
            let options = BasicPublishOptions::default();
            channel.basic_publish("".into(), queue.into(), options, b"{}", properties).await.expect("it is sent");
        }
        channel.close(200, "sent".into()).await.expect("the broker has taken all");

        let records = take(&cluster.url(), queue).await.expect("all are read");
        let read = records.iter().map(|record| match record {
            Record::Parked { id, .. } => *id,
            other => panic!("no letter: {other:?}"),
        });
        assert!(read.eq(0..LETTERS as u128), "each once, in their order");
        assert_eq!(take(&cluster.url(), queue).await.expect("none is left"), []);
    }
}
