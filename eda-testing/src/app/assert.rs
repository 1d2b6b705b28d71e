//! What a test asks about what happened, and what it is told where that is not as expected.

use eda_core::transport::Reason;
use eda_core::{Event, Message};

use super::TestApp;
use super::record::{Delivered, Published, Settled, body, decode, lines};

impl TestApp {
    /// The events of a type that the app has published and the broker has confirmed, in order. What the test itself
    /// published is not among them.
    ///
    /// # Panics
    /// Where a body can't be read as `E`.
    #[track_caller]
    pub fn published<E: Event>(&self) -> Vec<E> {
        self.published_messages().iter().filter(|message| is_a::<E>(message)).map(decode).collect()
    }

    /// Everything that the app has published and the broker has confirmed, in order, as messages: for what stands beside
    /// the event, such as its correlation id.
    pub fn published_messages(&self) -> Vec<Message> {
        let published = self.log.published().into_iter();
        published.filter(Published::is_of_app).map(|published| Message::clone(&published.message)).collect()
    }

    /// Every delivery to a queue, in the order of arrival: each attempt is one. A handler's queue is
    /// `{service}.{handler}`, unless it names another.
    ///
    /// # Panics
    /// Where the app has no such queue.
    #[track_caller]
    pub fn deliveries(&self, queue: &str) -> Vec<Delivered> {
        self.check_queue(queue);
        self.log.delivered().into_iter().filter(|delivered| delivered.queue == queue).collect()
    }

    /// The deliveries to a queue that failed and were retried, in the order of arrival.
    ///
    /// # Panics
    /// Where the app has no such queue.
    #[track_caller]
    pub fn retries(&self, queue: &str) -> Vec<Delivered> {
        self.deliveries(queue).into_iter().filter(Delivered::is_retried).collect()
    }

    /// The deliveries to a queue that are kept as dead letters, in the order of arrival.
    ///
    /// # Panics
    /// Where the app has no such queue.
    #[track_caller]
    pub fn dead_letters(&self, queue: &str) -> Vec<Delivered> {
        self.deliveries(queue).into_iter().filter(Delivered::is_dead_lettered).collect()
    }

    /// All that happened since the start, a line each: what was published and by whom, and how each delivery was settled.
    pub fn history(&self) -> String {
        let history = self.log.history();
        if history.is_empty() { "nothing has happened".to_owned() } else { format!("what has happened:{history}") }
    }

    /// Asserts that the app has published this event. Bodies are compared, so the event needs no `PartialEq`.
    ///
    /// # Panics
    /// Where it has not, with what it has published instead.
    #[track_caller]
    pub fn assert_published<E: Event>(&self, event: &E) {
        let wanted = match event.encode() {
            Ok(wanted) => wanted,
            Err(error) => panic!("the expected `{}` can't be written as its body: {error}", E::NAME),
        };
        let messages = self.published_messages();
        let found: Vec<_> = messages.iter().filter(|message| is_a::<E>(message)).collect();
        if found.iter().any(|message| is_same_body(&message.body, &wanted)) {
            return;
        }
        let mut text = format!("expected this `{}` to be published:\n  {}", E::NAME, body(&wanted));
        text.push_str(match found.len() {
            0 => "\nnone was published",
            1 => "\nfound another one:",
            _ => "\nfound others:",
        });
        text += &lines(found.iter().map(|message| body(&message.body)));
        self.fail(&text);
    }

    /// Asserts that the app has published no event of a type.
    ///
    /// # Panics
    /// Where it has, with what.
    #[track_caller]
    pub fn assert_not_published<E: Event>(&self) {
        let mut found = self.published_messages();
        found.retain(is_a::<E>);
        if !found.is_empty() {
            let mut text = format!("expected no `{}` to be published, found {}:", E::NAME, found.len());
            text += &lines(found.iter().map(|message| body(&message.body)));
            self.fail(&text);
        }
    }

    /// Asserts that every delivery was acked: nothing was retried, is a dead letter, or is still in a handler.
    ///
    /// # Panics
    /// Where one was not, with how it was settled instead.
    #[track_caller]
    pub fn assert_all_acked(&self) {
        let mut others = self.log.delivered();
        others.retain(|delivered| delivered.settled != Some(Settled::Acked));
        if !others.is_empty() {
            let mut text = "expected every delivery to be acked, found:".to_owned();
            text += &lines(&others);
            self.fail(&text);
        }
    }

    /// Asserts how many deliveries to a queue were retried.
    ///
    /// # Panics
    /// Where it is another number, and where the app has no such queue.
    #[track_caller]
    pub fn assert_retried(&self, queue: &str, times: usize) {
        let found = self.retries(queue).len();
        if found != times {
            self.fail(&format!("expected {times} retries of `{queue}`, found {found}"));
        }
    }

    /// Asserts that a queue has exactly one dead letter, and that it is kept for this reason. Gives it.
    ///
    /// # Panics
    /// Where it has none, several, or one for another reason, and where the app has no such queue.
    #[track_caller]
    pub fn assert_dead_letter(&self, queue: &str, reason: Reason) -> Delivered {
        let mut found = self.dead_letters(queue);
        if let [one] = &*found
            && one.failure().is_some_and(|failure| failure.reason == reason)
        {
            return found.remove(0);
        }
        let mut text = format!("expected one dead letter of `{queue}`, for the reason `{reason}`, found ");
        text.push_str(if found.is_empty() { "none" } else { "others:" });
        text += &lines(&found);
        self.fail(&text)
    }

    #[track_caller]
    pub(super) fn check_queue(&self, queue: &str) {
        if !self.log.queues().any(|known| known == queue) {
            let known: Vec<_> = self.log.queues().collect();
            panic!("the app has no queue `{queue}`: expected one of `{}`", known.join("`, `"));
        }
    }

    #[track_caller]
    fn fail(&self, text: &str) -> ! {
        panic!("{text}\n{}", self.history())
    }
}

fn is_a<E: Event>(message: &Message) -> bool {
    message.name.as_deref() == Some(E::NAME)
}

/// JSON means the same in any order of its fields.
fn is_same_body(one: &[u8], other: &[u8]) -> bool {
    let json = |body| serde_json::from_slice::<serde_json::Value>(body).ok();
    one == other || json(one).is_some_and(|one| Some(one) == json(other))
}
