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
    last: Option<ConsumerState>,
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
        Self { states, reconnects: counter!(list::RECONNECTS, labels), last: None }
    }

    fn tell(&mut self, status: &ConsumerStatus) {
        for (state, gauge) in &self.states {
            gauge.set(u8::from(*state == status.state));
        }
        if self.last == Some(ConsumerState::Connecting) && status.is_ready() {
            self.reconnects.increment(1);
        }
        self.last = Some(status.state);
    }
}
