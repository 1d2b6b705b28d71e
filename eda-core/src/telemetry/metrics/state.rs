//! The state of a subscription as numbers: from the transport's own status, as health reads it.

use metrics::{Counter, Gauge, Label, SharedString, counter, gauge};
use tokio::sync::watch;

use super::list;
use crate::transport::{ConsumerState, ConsumerStatus};

/// Tells every change of the status as long as `life` goes on, and that it has ended.
pub(crate) async fn watch<T>(
    service: &str,
    queue: &str,
    mut status: watch::Receiver<ConsumerStatus>,
    life: impl Future<Output = T>,
) -> T {
    let mut told = Told::new(service, queue);
    let follow = async {
        loop {
            told.tell(&status.borrow_and_update().clone());
            if status.changed().await.is_err() {
                std::future::pending::<()>().await;
            }
        }
    };
    let ended = tokio::select! {
        biased;
        () = follow => unreachable!("it follows until it is dropped"),
        ended = life => ended,
    };
    told.tell(&ConsumerStatus::now(ConsumerState::Stopped, ""));
    ended
}

struct Told {
    states: [(ConsumerState, Gauge); ConsumerState::ALL.len()],
    reconnects: Counter,
    /// Whether it has consumed, and does no more.
    is_lost: bool,
    has_consumed: bool,
}

impl Told {
    fn new(service: &str, queue: &str) -> Self {
        let shared = |text: &str| SharedString::from_owned(text.to_owned());
        let labels = vec![Label::new("service", shared(service)), Label::new("queue", shared(queue))];
        let states = ConsumerState::ALL.map(|state| {
            let mut labels = labels.clone();
            labels.push(Label::from_static_parts("state", state.as_str()));
            (state, gauge!(list::STATE, labels))
        });
        Self { states, reconnects: counter!(list::RECONNECTS, labels), is_lost: false, has_consumed: false }
    }

    fn tell(&mut self, status: &ConsumerStatus) {
        for (state, gauge) in &self.states {
            gauge.set(u8::from(*state == status.state));
        }
        self.is_lost |= self.has_consumed && status.state == ConsumerState::Connecting;
        if status.is_ready() {
            self.has_consumed = true;
            if std::mem::take(&mut self.is_lost) {
                self.reconnects.increment(1);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use metrics_util::debugging::{DebugValue, DebuggingRecorder};

    use super::*;
    use crate::transport::ConsumerState::{Blocked, Connecting, Consuming, Quarantined};

    #[test]
    fn a_reconnect_is_one_also_where_the_broker_is_blocked_then() {
        let recorder = DebuggingRecorder::new();
        let snapshotter = recorder.snapshotter();
        let _guard = metrics::set_default_local_recorder(&recorder);
        let mut told = Told::new("billing", "billing.charge");
        let mut counted = Vec::new();
        for state in
            [Connecting, Consuming, Blocked, Consuming, Connecting, Blocked, Consuming, Connecting, Quarantined]
        {
            told.tell(&ConsumerStatus::now(state, ""));
            let all = snapshotter.snapshot().into_vec().into_iter();
            let reconnects = all.filter(|(key, ..)| key.key().name() == list::RECONNECTS).map(|(.., value)| value);
            // each look begins anew
            counted.extend(reconnects.map(|value| value == DebugValue::Counter(1)));
        }
        assert_eq!(counted, [false, false, false, false, false, false, true, false, true]);
    }
}
