//! Events, a broker in memory, and what was recorded.

use std::time::Duration;

use eda_core::transport::memory::Memory;
use eda_core::{Broker, Event, event, json};
use metrics_util::MetricKind;
use metrics_util::debugging::{DebugValue, DebuggingRecorder, Snapshotter};
use serde::{Deserialize, Serialize};

macro_rules! event {
    ($name:ident, $wire:literal) => {
        #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
        pub(crate) struct $name {
            pub(crate) order_id: u64,
        }

        impl Event for $name {
            const NAME: &'static str = $wire;

            fn encode(&self) -> event::Encoded {
                json::encode(self)
            }

            fn decode(body: &[u8]) -> event::Decoded<Self> {
                json::decode(body)
            }
        }
    };
}

event!(OrderCreated, "order.created");
event!(OrderPaid, "order.paid");

/// Everything that the test's thread records until the guard is dropped.
pub(crate) struct Recorded(Snapshotter, Vec<(MetricKind, String, DebugValue)>);

pub(crate) fn record() -> (Recorded, metrics::LocalRecorderGuard<'static>) {
    let recorder: &'static DebuggingRecorder = Box::leak(Box::new(DebuggingRecorder::new()));
    (Recorded(recorder.snapshotter(), Vec::new()), metrics::set_default_local_recorder(recorder))
}

impl Recorded {
    /// Looks anew. Counters and histograms begin anew, too.
    pub(crate) fn look(&mut self) {
        let series = self.0.snapshot().into_vec().into_iter().map(|(key, _, _, value)| {
            let labels: Vec<_> = key.key().labels().map(|label| format!("{}={}", label.key(), label.value())).collect();
            (key.kind(), format!("{}{{{}}}", key.key().name(), labels.join(",")), value)
        });
        self.1 = series.collect();
    }

    /// The sum of all counters of this name that have all of these labels.
    pub(crate) fn counter(&self, name: &str, labels: &[&str]) -> u64 {
        let counts = self.matching(name, labels).map(|(_, value)| match value {
            DebugValue::Counter(count) => *count,
            other => panic!("{name} is no counter: {other:?}"),
        });
        counts.sum()
    }

    /// The gauge of this name that has all of these labels.
    pub(crate) fn gauge(&self, name: &str, labels: &[&str]) -> f64 {
        match self.matching(name, labels).collect::<Vec<_>>()[..] {
            [(_, DebugValue::Gauge(value))] => value.into_inner(),
            ref other => panic!("expected one gauge {name}: {other:?}"),
        }
    }

    /// What was recorded in histograms of this name that have all of these labels, in seconds.
    pub(crate) fn histogram(&self, name: &str, labels: &[&str]) -> Vec<f64> {
        let values = self.matching(name, labels).flat_map(|(_, value)| match value {
            DebugValue::Histogram(values) => values.iter().map(|value| value.into_inner()),
            other => panic!("{name} is no histogram: {other:?}"),
        });
        values.collect()
    }

    /// Every series, as `name{label=value,…}`.
    pub(crate) fn series(&self) -> impl Iterator<Item = &str> {
        self.1.iter().map(|(_, series, _)| series.as_str())
    }

    fn matching<'a>(&'a self, name: &'a str, labels: &'a [&str]) -> impl Iterator<Item = (&'a str, &'a DebugValue)> {
        let all = self.1.iter().map(|(_, series, value)| (series.as_str(), value));
        all.filter(move |(series, _)| {
            let (known, has) = series.trim_end_matches('}').split_once('{').expect("a name and labels");
            known == name && labels.iter().all(|label| has.split(',').any(|one| one == *label))
        })
    }
}

pub(crate) async fn broker() -> (Memory, Broker) {
    let memory = Memory::new();
    let broker = Broker::new(memory.clone()).await.expect("memory always connects");
    (memory, broker)
}

/// Waits in virtual time until a condition holds; the clock is paused, so no real time passes.
pub(crate) async fn until(condition: impl Fn() -> bool) {
    let waiting = async {
        while !condition() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(24 * 3600), waiting).await.expect("the condition comes to hold");
}
