//! Processes that handle: a service each, ended by SIGTERM as in production.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use eda::prelude::*;
use tokio::time::sleep;

use super::event::{Noted, Passed, What};
use super::publisher::number;
use crate::books::is_passed_on;
use crate::fleet::SLOWED_DOWN;
use crate::ledger::{Ledger, Record, now};

const SLOW: Duration = Duration::from_millis(300);

/// Until it is stopped. Handlers take long as soon as there is a file at `slow_mark`.
pub(super) async fn run(role: &str, url: &str, ledger: &Arc<Ledger>, slow_mark: PathBuf) -> eda::Result {
    let state = Handling { ledger: Arc::clone(ledger), handler: role.into(), slow_mark: slow_mark.into() };
    let broker = eda::connect(url).await?;
    let service = Service::new(role).state(state);
    let service = if role == "ship" { service.handler::<ship>() } else { service.handler::<note>() };
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

#[derive(Clone)]
struct Handling {
    ledger: Arc<Ledger>,
    handler: Arc<str>,
    slow_mark: Arc<Path>,
}

#[handler]
async fn note(noted: Noted, State(handling): State<Handling>, meta: Meta) -> Result<Option<Passed>, Failure> {
    let (id, handler, ledger) = (number(&meta.id), handling.handler.to_string(), &handling.ledger);
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
        _ if handling.slow_mark.exists() => sleep(SLOWED_DOWN).await,
        What::TakeSlowly => sleep(SLOW).await,
        _ => {}
    }
    let is_passed_on = *handler == *"audit" && is_passed_on(noted.seq);
    ledger.write(Record::Effect { id, handler, at: now() });
    Ok(is_passed_on.then(|| Passed { of: format!("{id:x}"), hash }))
}

#[handler(name = "note")]
#[expect(clippy::unused_async, reason = "handlers are async, also those that wait for nothing")]
async fn ship(passed: Passed, State(handling): State<Handling>, meta: Meta) {
    let (id, handler, ledger) = (passed.number(), handling.handler.to_string(), &handling.ledger);
    let (redelivered, hash) = (meta.redelivered, passed.hash);
    ledger.write(Record::Received { id, handler: handler.clone(), redelivered, hash, at: now() });
    ledger.write(Record::Effect { id, handler, at: now() });
}
