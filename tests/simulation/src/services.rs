//! The services: one charges orders and tells of it, one ships what was paid, one writes everything down.

use std::sync::Arc;
use std::time::Duration;

use eda_core::{AnyEvent, App, Backoff, Failure, HandlerDef, Policy, Service};
use serde::Deserialize;

use crate::ledger::{Ledger, Place};
use crate::orders::{Fate, Order, PANIC, Paid};

pub(crate) const RETRIES: u32 = 6;

pub(crate) fn app(ledger: &Arc<Ledger>, prefetch: u16, concurrency: usize) -> App {
    let policy = Policy {
        retries: RETRIES,
        backoff: Backoff::millis(200, 10_000),
        concurrency,
        prefetch: Some(prefetch),
        ..Policy::default()
    };
    let charge = {
        let ledger = Arc::clone(ledger);
        move |order: Order| charge(Arc::clone(&ledger), order)
    };
    let ship = {
        let ledger = Arc::clone(ledger);
        move |paid: Paid| std::future::ready(ship(&ledger, &paid))
    };
    let record = {
        let ledger = Arc::clone(ledger);
        move |event: AnyEvent| {
            record(&ledger, &event);
            async {}
        }
    };
    let record = HandlerDef::from_fn("record", record).configure(|options| options.pattern("order.#"));
    App::new()
        .service(Service::new("billing").policy(policy.clone()).on("charge", charge))
        .service(Service::new("shipping").policy(policy.clone()).on("ship", ship))
        .service(Service::new("audit").policy(policy).register(record))
}

async fn charge(ledger: Arc<Ledger>, Order { order, check }: Order) -> Result<Option<Paid>, Failure> {
    let calls = ledger.received(Place::Charge, order, check);
    let plan = ledger.plan(order);
    if plan.takes > 0 {
        tokio::time::sleep(Duration::from_millis(plan.takes)).await;
    }
    match plan.fate {
        Fate::Fails(times) if calls < times => return Err(Failure::transient("not yet")),
        Fate::Panics if calls == 0 => panic!("{PANIC}"),
        Fate::Poison => return Err(Failure::transient("never")),
        Fate::Invalid => return Err(Failure::permanent("not at all")),
        _ => {}
    }
    ledger.effect(Place::Charge, order);
    Ok(plan.is_paid.then_some(Paid { order, check, parcels: 1 }))
}

fn ship(ledger: &Ledger, &Paid { order, check, .. }: &Paid) -> Result<(), Failure> {
    let calls = ledger.received(Place::Ship, order, check);
    if order.is_multiple_of(17) && calls == 0 {
        return Err(Failure::transient("no parcel yet"));
    }
    ledger.effect(Place::Ship, order);
    Ok(())
}

#[derive(Deserialize)]
struct Any {
    order: u64,
    check: u64,
}

fn record(ledger: &Ledger, event: &AnyEvent) {
    let place = if event.name() == "order.paid" { Place::RecordPaid } else { Place::RecordOrder };
    let any: Any = serde_json::from_slice(&event.message().body).unwrap_or(Any { order: u64::MAX, check: 0 });
    ledger.received(place, any.order, any.check);
    ledger.effect(place, any.order);
}
