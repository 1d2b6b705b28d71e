//! Every publish of a broker, watched in the one place that all of them pass.

use std::pin::Pin;
use std::sync::Arc;

use tracing::Instrument;

use super::metrics::Publishing;
use super::span;
use crate::error::Result;
use crate::message::Message;
use crate::transport::{Destination, Publish, Receipt};

/// The same publisher, and what is sent through it has spans, and is counted and measured.
pub(crate) fn watched(publish: Box<dyn Publish>) -> Arc<dyn Publish> {
    let destination = publish.destination();
    Arc::new(Watched { inner: publish, destination, publishing: Publishing::new(destination.system) })
}

struct Watched {
    inner: Box<dyn Publish>,
    destination: Destination,
    publishing: Publishing,
}

impl Publish for Watched {
    fn destination(&self) -> Destination {
        self.destination
    }

    // without async_trait: where nobody listens, there is no future around the transport's own
    fn send<'life0, 'async_trait>(
        &'life0 self,
        #[cfg_attr(not(feature = "otel"), expect(unused_mut, reason = "no trace is written into it"))]
        mut message: Message,
    ) -> Pin<Box<dyn Future<Output = Result<Receipt>> + Send + 'async_trait>>
    where
        'life0: 'async_trait,
        Self: 'async_trait,
    {
        let span = span::publish(self.destination, &message);
        #[cfg(feature = "otel")]
        super::otel::inject(&span, &mut message.headers);
        if cfg!(not(feature = "metrics")) && span.is_disabled() {
            return self.inner.send(message);
        }
        let mut published = self.publishing.begin(message.name.as_ref());
        let sending = span.in_scope(|| self.inner.hand_over(message));
        Box::pin(async move {
            let sent = sending.instrument(span.clone()).await;
            let mut told = move |word: &Result<()>| {
                published.told(word);
                if let Err(error) = word {
                    span::failed(&span, error.kind().as_str(), error);
                }
            };
            match sent {
                Ok(receipt) => Ok(receipt.told_to(move |word| told(word))),
                Err(error) => {
                    told(&Err(error.clone()));
                    Err(error)
                }
            }
        })
    }

    fn try_send(&self, message: Message) -> std::result::Result<Result<Receipt>, Message> {
        let is_heard = cfg!(any(feature = "metrics", feature = "otel"))
            || !span::publish(self.destination, &message).is_disabled();
        if is_heard { Err(message) } else { self.inner.try_send(message) }
    }
}
