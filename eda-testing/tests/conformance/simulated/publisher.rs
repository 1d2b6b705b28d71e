//! Sends, and hears of it a moment later: a link that is cut meanwhile takes the word with it.

use std::time::Duration;

use async_trait::async_trait;
use eda_core::transport::{Publish, Receipt, Transport};
use eda_core::{Error, ErrorKind, HeaderValue, Message, Result};
use tokio::sync::oneshot;
use tokio::time::{sleep, timeout};

use super::Fault;
use super::transport::Connection;

const DEADLINE: Duration = Duration::from_secs(10);
const ROUND_TRIP: Duration = Duration::from_millis(1);

pub(super) struct Publisher(pub(super) Connection);

#[async_trait]
impl Publish for Publisher {
    async fn send(&self, message: Message) -> Result<Receipt> {
        let Self(connection) = self;
        connection.check_open()?;
        let message = changed(message, connection.fault);
        match connection.fault {
            Fault::ConfirmsBeforeSending => {
                let (later, connection) = (message.clone(), connection.clone());
                let cuts = connection.link.borrow().cuts;
                tokio::spawn(async move {
                    sleep(ROUND_TRIP).await;
                    if connection.link.borrow().cuts == cuts && !connection.is_down() {
                        // nobody is left who could be told
                        let _ = publish(&connection, later).await;
                    }
                });
                return Ok(Receipt::ready(Ok(())));
            }
            Fault::WaitsForEver => connection.until_up().await,
            _ => {
                let late = |_| Error::new(ErrorKind::Unavailable, "the broker is away");
                timeout(DEADLINE, connection.until_up()).await.map_err(late)?;
            }
        }
        let cuts = connection.link.borrow().cuts;
        if connection.fault == Fault::Doubles {
            publish(connection, message.clone()).await??;
        }
        let word = publish(connection, message).await?;
        let (told, receipt) = Receipt::new();
        tokio::spawn(tell(told, word, connection.clone(), cuts));
        Ok(receipt)
    }
}

/// The broker's word.
async fn publish(connection: &Connection, message: Message) -> Result<Result> {
    let sent = connection.memory.publisher().await?.send(message).await;
    let receipt = match sent {
        Err(_) if connection.fault == Fault::AcceptsEverything => return Ok(Ok(())),
        sent => sent?,
    };
    let word = receipt.confirmed().await;
    let is_swallowed = connection.fault == Fault::SwallowsUnroutable;
    Ok(if is_swallowed { Ok(()) } else { word })
}

async fn tell(told: oneshot::Sender<Result>, word: Result, connection: Connection, cuts: u64) {
    sleep(ROUND_TRIP).await;
    if connection.link.borrow().cuts == cuts {
        // whoever sent it may not want to know
        let _ = told.send(word);
    }
}

fn changed(mut message: Message, fault: Fault) -> Message {
    match fault {
        Fault::WritesHeadersAsText => {
            let texts = message.headers.iter().map(|(name, value)| (name.to_owned(), as_text(value)));
            message.headers = texts.collect();
        }
        Fault::LosesProperties => (message.partition_key, message.causation_id, message.version) = (None, None, None),
        Fault::InventsContentTypes => {
            message.content_type.get_or_insert("text/plain".into());
        }
        Fault::ReadsBodiesAsText => message.body = String::from_utf8_lossy(&message.body).into_owned().into(),
        Fault::CutsTexts => {
            message.correlation_id = message.correlation_id.map(|text| text.chars().take(100).collect());
        }
        _ => {}
    }
    message
}

fn as_text(value: &HeaderValue) -> HeaderValue {
    match value {
        HeaderValue::Text(text) => text.as_str().into(),
        other => format!("{other:?}").into(),
    }
}
