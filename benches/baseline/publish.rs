//! Publishing: a window of a thousand, in bursts.

use std::collections::VecDeque;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};
use std::time::Instant;

use eda_bench::meter::{Meter, Sample};
use lapin::options::{BasicPublishOptions, ConfirmSelectOptions};
use lapin::{BasicProperties, Channel, Confirmation};

use super::message::{Clock, Template, body};
use super::{ORDER_PLACED, Outcome, connect};

/// How many messages may be unconfirmed.
pub(super) const WINDOW: usize = 1_000;
/// How many places are free before it publishes again.
const BURST: usize = 250;

/// As the framework names it.
pub(super) const EXCHANGE: &str = "eda.events";

/// A message under way.
pub(super) type Flying<'a> = Pin<Box<dyn Future<Output = lapin::Result<Confirmation>> + Send + 'a>>;

/// A message that the client has.
pub(super) enum Begun<'a> {
    Flying(Flying<'a>),
    /// The broker was quicker than this thread.
    Heard(Box<lapin::Result<Confirmation>>),
}

/// Publishes so many events, of these kinds in turn.
pub(super) async fn window(url: &str, events: u64, names: &[&str]) -> Outcome<Sample> {
    let channel = open(url).await?;
    let templates: Vec<Template> = names.iter().map(|name| Template::of_first(name)).collect();
    tokio::spawn(async move {
        let (mut clock, mut flying) = (Clock::default(), VecDeque::<Begun<'_>>::with_capacity(WINDOW));
        // as the framework's, the first one waits for the channel
        confirmed(Begun::Flying(publish(&channel, &templates[0], templates[0].first(&mut clock), body(0)?))).await?;
        let meter = Meter::start();
        for (number, template) in (1..events).zip(templates.iter().cycle().skip(1)) {
            if flying.len() == WINDOW {
                for word in flying.drain(..BURST) {
                    confirmed(word).await?;
                }
            }
            flying.push_back(begun(publish(&channel, template, template.first(&mut clock), body(number)?)));
        }
        for word in flying {
            confirmed(word).await?;
        }
        Ok(meter.stop(events - 1))
    })
    .await?
}

/// One after the other.
pub(super) async fn one_by_one(url: &str, events: u64) -> Outcome<Sample> {
    let channel = open(url).await?;
    let template = Template::of_first(ORDER_PLACED);
    tokio::spawn(async move {
        let mut clock = Clock::default();
        confirmed(Begun::Flying(publish(&channel, &template, template.first(&mut clock), body(0)?))).await?;
        let mut latencies = Vec::new();
        let meter = Meter::start();
        for number in 1..events {
            let from = Instant::now();
            confirmed(Begun::Flying(publish(&channel, &template, template.first(&mut clock), body(number)?))).await?;
            latencies.push(from.elapsed());
        }
        Ok(meter.stop(events - 1).with_latencies(latencies))
    })
    .await?
}

/// A channel with confirms.
pub(super) async fn open(url: &str) -> Outcome<Channel> {
    let channel = connect(url).await?;
    channel.confirm_select(ConfirmSelectOptions::default()).await?;
    Ok(channel)
}

/// Persistent and mandatory.
pub(super) fn publish<'a>(
    channel: &'a Channel,
    template: &Template,
    properties: BasicProperties,
    body: Vec<u8>,
) -> Flying<'a> {
    let name = template.name.clone();
    Box::pin(async move {
        let options = BasicPublishOptions { mandatory: true, ..BasicPublishOptions::default() };
        channel.basic_publish(EXCHANGE.into(), name, options, &body, properties).await?.await
    })
}

/// Hands it to the client now, and wakes nobody when it is written.
pub(super) fn begun(mut flying: Flying<'_>) -> Begun<'_> {
    match flying.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(word) => Begun::Heard(Box::new(word)),
        Poll::Pending => Begun::Flying(flying),
    }
}

/// The broker has it.
pub(super) async fn confirmed(begun: Begun<'_>) -> Outcome<()> {
    let word = match begun {
        Begun::Heard(word) => *word,
        Begun::Flying(flying) => flying.await,
    };
    match word? {
        Confirmation::Ack(None) => Ok(()),
        other => Err(format!("not confirmed: {other:?}").into()),
    }
}
