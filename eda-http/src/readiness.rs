//! Whether an app is ready, as a document: consumers are counted, not connections.

use eda_core::Health;
use serde::Serialize;

/// Whether the broker has confirmed every consumer, and what each subscription is doing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Readiness {
    /// Whether every consumer is confirmed.
    pub ready: bool,
    /// How many of them.
    pub consumers: Consumers,
    /// One for each queue.
    pub subscriptions: Vec<SubscriptionReadiness>,
}

/// How many consumers there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Consumers {
    /// Those that the broker has confirmed, and to which deliveries flow.
    pub confirmed: usize,
    /// Those that the app needs.
    pub expected: usize,
}

/// What a subscription is doing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SubscriptionReadiness {
    /// The service.
    pub service: String,
    /// The queue.
    pub queue: String,
    /// `starting` before the app runs; then `connecting`, `consuming`, `blocked`, `quarantined`, `draining` or `stopped`.
    pub state: String,
    /// Since when, as RFC 3339; `null` before the app runs.
    pub since: Option<String>,
    /// Why, for a person; empty where there is nothing to say.
    pub why: String,
}

impl Readiness {
    /// `expected` is service and queue of each subscription: what is told before the app runs.
    pub(crate) fn of<'a>(health: Option<&Health>, expected: impl Iterator<Item = (&'a str, &'a str)>) -> Self {
        let Some(health) = health else {
            let subscriptions: Vec<_> = expected.map(starting).collect();
            let consumers = Consumers { confirmed: 0, expected: subscriptions.len() };
            return Self { ready: false, consumers, subscriptions };
        };
        let subscriptions = health.subscriptions.iter().map(|subscription| SubscriptionReadiness {
            service: subscription.service.clone(),
            queue: subscription.queue.clone(),
            state: subscription.status.state.to_string(),
            since: Some(humantime::format_rfc3339_millis(subscription.status.since).to_string()),
            why: subscription.status.why.clone(),
        });
        let confirmed = health.subscriptions.iter().filter(|subscription| subscription.status.is_ready()).count();
        let consumers = Consumers { confirmed, expected: health.subscriptions.len() };
        Self { ready: health.is_ready(), consumers, subscriptions: subscriptions.collect() }
    }
}

fn starting((service, queue): (&str, &str)) -> SubscriptionReadiness {
    SubscriptionReadiness {
        service: service.to_owned(),
        queue: queue.to_owned(),
        state: "starting".to_owned(),
        since: None,
        why: "the app has not started yet".to_owned(),
    }
}
