//! Processes that handle: a service each, ended by SIGTERM as in production.

use std::sync::Arc;
use std::time::Duration;

use eda::prelude::*;
use tokio::time::sleep;

use super::event::{Noted, What};
use super::publisher::number;
use crate::ledger::{Ledger, Record, now};

const SLOW: Duration = Duration::from_millis(300);

pub(super) async fn book(url: &str, ledger: &Arc<Ledger>) -> eda::Result {
    let state = Handling { ledger: Arc::clone(ledger), handler: "book" };
    run(url, ledger, Service::new("book").state(state).handler::<note>()).await
}

pub(super) async fn audit(url: &str, ledger: &Arc<Ledger>) -> eda::Result {
    let state = Handling { ledger: Arc::clone(ledger), handler: "audit" };
    run(url, ledger, Service::new("audit").state(state).handler::<note>()).await
}

#[derive(Clone)]
struct Handling {
    ledger: Arc<Ledger>,
    handler: &'static str,
}

#[handler]
async fn note(noted: Noted, State(handling): State<Handling>, meta: Meta) -> Result<(), Failure> {
    let (id, handler, ledger) = (number(&meta.id), handling.handler.to_owned(), &handling.ledger);
    let (redelivered, hash) = (meta.redelivered, noted.hash());
    ledger.write(Record::Received { id, handler: handler.clone(), redelivered, hash, at: now() });
    let failed = |handler| ledger.write(Record::Failed { id, handler });
    match noted.what {
        What::FailOnce if meta.attempt == 1 => {
            failed(handler);
            return Err(Failure::transient("the card network did not answer"));
        }
        What::PanicOnce if meta.attempt == 1 => {
            failed(handler);
            panic!("as the event asks");
        }
        What::Refuse => {
            failed(handler);
            return Err(Failure::permanent("there is no such account"));
        }
        What::TakeSlowly => sleep(SLOW).await,
        _ => {}
    }
    ledger.write(Record::Effect { id, handler, at: now() });
    Ok(())
}

async fn run<S: Send + Sync + 'static>(url: &str, ledger: &Arc<Ledger>, service: Service<S>) -> eda::Result {
    let broker = eda::connect(url).await?;
    let running = service.start(&broker).await?;
    let (watch, ledger) = (running.health_watch(), Arc::clone(ledger));
    tokio::spawn(async move {
        let mut before = None;
        loop {
            let is_ready = watch.health().is_ready();
            if before.replace(is_ready) != Some(is_ready) {
                ledger.write(Record::Health { is_ready, at: now() });
            }
            sleep(Duration::from_millis(100)).await;
        }
    });
    running.until_stopped().await?;
    broker.close().await
}
