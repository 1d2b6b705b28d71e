//! Lines that wait for the broker: a bounded number of messages, each of many lines.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use crate::entry::Entry;

/// How large a message gets, and one line.
const MESSAGE: usize = 64 * 1024;
/// How many messages wait: 4 MiB.
const MESSAGES: usize = 64;

#[derive(Debug, Default)]
pub(crate) struct Waiting {
    state: Mutex<State>,
    /// There is something to send, or it has ended.
    changed: Notify,
    /// Something was sent.
    sent: Notify,
}

#[derive(Debug, Default)]
struct State {
    messages: VecDeque<Message>,
    /// How many lines of the message that is being sent.
    in_hand: Option<u64>,
    dropped: u64,
    /// How many dropped lines the journal itself tells of.
    told: u64,
    /// Nobody sends.
    is_refused: bool,
    has_ended: bool,
}

#[derive(Debug, Default)]
struct Message {
    text: Vec<u8>,
    lines: u64,
}

impl Waiting {
    /// Does not wait.
    pub(crate) fn push(&self, line: &[u8]) {
        let mut state = self.state();
        let fits = state.messages.back().is_some_and(|last| last.text.len() + line.len() <= MESSAGE);
        if state.is_refused || (!fits && state.messages.len() >= MESSAGES) {
            state.dropped += 1;
            return;
        }
        let is_first = state.messages.is_empty();
        if !fits {
            state.messages.push_back(Message::default());
        }
        if let Some(last) = state.messages.back_mut() {
            last.text.extend_from_slice(line);
            last.lines += 1;
        }
        drop(state);
        if is_first {
            self.changed.notify_one();
        }
    }

    pub(crate) fn lose(&self, lines: u64) {
        self.state().dropped += lines;
    }

    pub(crate) fn dropped(&self) -> u64 {
        self.state().dropped
    }

    /// Whether lines were dropped that the journal has not told of yet.
    pub(crate) fn is_dropping(&self) -> bool {
        let state = self.state();
        state.dropped > state.told
    }

    /// Waits until there is something to send; `false` when there will be nothing more.
    pub(crate) async fn some(&self) -> bool {
        loop {
            // made before the look, so that no change is missed
            let changed = self.changed.notified();
            {
                let state = self.state();
                if !state.messages.is_empty() {
                    return true;
                }
                if state.has_ended {
                    return false;
                }
            }
            changed.await;
        }
    }

    /// The oldest lines, and how many were dropped about here. They are in hand until they are
    /// [`written`](Self::written).
    pub(crate) fn take(&self) -> Option<Vec<u8>> {
        let mut state = self.state();
        let Message { mut text, lines } = state.messages.pop_front()?;
        state.in_hand = Some(lines);
        if state.dropped > state.told
            && let Ok(line) = Entry::dropped(state.dropped - state.told).to_line()
        {
            text.extend_from_slice(&line);
            state.told = state.dropped;
        }
        Some(text)
    }

    pub(crate) fn written(&self) {
        self.state().in_hand = None;
        self.sent.notify_waiters();
    }

    /// Waits until nothing waits and nothing is in hand.
    pub(crate) async fn until_written(&self) {
        loop {
            let mut sent = std::pin::pin!(self.sent.notified());
            sent.as_mut().enable();
            {
                let state = self.state();
                if state.messages.is_empty() && state.in_hand.is_none() {
                    return;
                }
            }
            sent.await;
        }
    }

    pub(crate) fn begin(&self) {
        self.state().is_refused = false;
    }

    /// Nobody sends what waits and what comes.
    pub(crate) fn refuse(&self) {
        let mut state = self.state();
        let waiting: u64 = state.messages.drain(..).map(|message| message.lines).sum();
        state.dropped += waiting + state.in_hand.take().unwrap_or(0);
        state.is_refused = true;
        drop(state);
        self.sent.notify_waiters();
    }

    pub(crate) fn end(&self) {
        self.state().has_ended = true;
        self.changed.notify_one();
    }

    pub(crate) fn has_ended(&self) -> bool {
        self.state().has_ended
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_fit_is_dropped_and_told_with_what_is_sent_next() {
        let waiting = Waiting::default();
        let line = [vec![b'x'; 1023], vec![b'\n']].concat();
        for _ in 0..MESSAGE / 1024 * MESSAGES + 10 {
            waiting.push(&line);
        }
        assert_eq!(waiting.dropped(), 10);
        let text = waiting.take().expect("much waits");
        let end = String::from_utf8_lossy(&text[MESSAGE..]).into_owned();
        assert!(end.contains(r#""outcome":"dropped""#) && end.contains(r#""count":10"#), "{end}");
        waiting.written();
        waiting.push(&line);
        assert_eq!(waiting.dropped(), 10, "there is room again");
        assert!(!waiting.is_dropping());
        let mut messages = 0;
        while let Some(text) = waiting.take() {
            assert!(text.len() <= MESSAGE, "nothing more is missing");
            messages += 1;
        }
        assert_eq!(messages, MESSAGES);
    }
}
