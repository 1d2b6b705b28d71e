//! A process that publishes: under ids of its own, told to the ledger first, again until the broker has confirmed.

use std::sync::Arc;
use std::time::Duration;

use eda::{ErrorKind, EventId, Publisher};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::Semaphore;
use tokio::time::{MissedTickBehavior, interval, sleep};

use super::event::{Garbled, Noted, Shouted};
use crate::ledger::{Kind, Ledger, Record, now};

/// How many may be unconfirmed; more than the framework's own window, so that its limit is the one that counts.
const OPEN: usize = 2_000;
const TICK: Duration = Duration::from_millis(100);
const KEYS: u64 = 50;

/// Until SIGTERM; then finishes what it has begun. `is_strict` publishes every second event to nobody.
pub(super) async fn run(url: &str, ledger: &Arc<Ledger>, rate: u64, is_strict: bool) -> eda::Result {
    let mut stop = signal(SignalKind::terminate()).expect("signals can be caught");
    let broker = eda::connect(url).await?;
    // keys are of one process, which the last bits of an id tell apart
    let first_key = u32::try_from(number(&EventId::new()) & 0xff_ffff).unwrap_or_default() * 100;
    let source = Source { publisher: broker.publisher("chaos"), ledger: Arc::clone(ledger), first_key };
    let source = Arc::new(source);
    let places = Arc::new(Semaphore::new(OPEN));
    let mut ticks = interval(TICK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    let mut seq = 0;
    loop {
        tokio::select! {
            _ = stop.recv() => break,
            _ = ticks.tick() => {}
        }
        for _ in 0..(rate / 10).max(1) {
            let Ok(place) = Arc::clone(&places).acquire_owned().await else { break };
            let source = Arc::clone(&source);
            seq += 1;
            let number = seq;
            tokio::spawn(async move {
                source.publish(number, is_strict && number % 2 == 0).await;
                drop(place);
            });
        }
    }
    let all = u32::try_from(OPEN).unwrap_or(u32::MAX);
    let _ = places.acquire_many(all).await;
    broker.close().await
}

struct Source {
    publisher: Publisher,
    ledger: Arc<Ledger>,
    first_key: u32,
}

impl Source {
    async fn publish(&self, seq: u64, to_nobody: bool) {
        let id = EventId::new();
        let number = number(&id);
        let key = self.first_key + u32::try_from(seq % KEYS).unwrap_or_default();
        let noted = Noted::number(seq, key);
        let (kind, garbled) = (if to_nobody { Kind::Nobody } else { noted.kind() }, Garbled { seq: seq.to_string() });
        // half of the poison can't even be read
        let is_garbled = kind == Kind::Poison && seq % 400 < 200;
        let hash = if is_garbled { garbled.hash() } else { noted.hash() };
        self.ledger.write(Record::Told { id: number, kind, key, seq, hash, at: now() });
        loop {
            let published = match kind {
                Kind::Nobody => self.publisher.publish_as(id.clone(), &Shouted { seq }).await,
                Kind::Poison if is_garbled => self.publisher.publish_as(id.clone(), &garbled).await,
                _ => self.publisher.publish_as(id.clone(), &noted).await,
            };
            match published {
                Ok(_) => return self.ledger.write(Record::Confirmed { id: number, at: now() }),
                Err(error) if error.kind() == ErrorKind::Unroutable && kind == Kind::Nobody => {
                    return self.ledger.write(Record::Unroutable { id: number, at: now() });
                }
                Err(error) => {
                    if error.kind() == ErrorKind::Unroutable {
                        self.ledger.write(Record::Unroutable { id: number, at: now() });
                    }
                    sleep(Duration::from_millis(200)).await;
                }
            }
        }
    }
}

/// An id as the ledger writes it.
pub(super) fn number(id: &EventId) -> u128 {
    let text: String = id.to_string().chars().filter(char::is_ascii_hexdigit).collect();
    u128::from_str_radix(&text, 16).expect("an id that this program made is a UUID")
}
