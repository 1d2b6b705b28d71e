//! Every publish of a broker, watched in the one place that all of them pass.

use std::sync::Arc;

use async_trait::async_trait;

use super::metrics::Publishing;
use crate::error::Result;
use crate::message::Message;
use crate::transport::{Destination, Publish, Receipt};

/// The same publisher, and what is sent through it is counted and measured.
pub(crate) fn watched(publish: Box<dyn Publish>) -> Arc<dyn Publish> {
    if cfg!(not(feature = "metrics")) {
        return publish.into();
    }
    let publishing = Publishing::new(publish.destination().system);
    Arc::new(Watched { inner: publish, publishing })
}

struct Watched {
    inner: Box<dyn Publish>,
    publishing: Publishing,
}

#[async_trait]
impl Publish for Watched {
    fn destination(&self) -> Destination {
        self.inner.destination()
    }

    async fn send(&self, message: Message) -> Result<Receipt> {
        let mut published = self.publishing.begin(message.name.as_ref());
        match self.inner.send(message).await {
            Ok(receipt) => Ok(receipt.told_to(move |word| published.told(word))),
            Err(error) => {
                let word = Err(error);
                published.told(&word);
                word
            }
        }
    }
}
