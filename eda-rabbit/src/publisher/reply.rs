//! Where the outcome of a publish is waited for.

use eda_core::Result;
use tokio::sync::oneshot;

/// Who publishes waits here for the outcome.
pub(crate) struct Reply {
    word: oneshot::Sender<Result<()>>,
    /// Whether a message that nobody waits for any more is not sent: its caller does something else instead.
    can_be_taken_back: bool,
}

impl Reply {
    pub(crate) fn new(word: oneshot::Sender<Result<()>>, can_be_taken_back: bool) -> Self {
        Self { word, can_be_taken_back }
    }

    pub(crate) fn tell(self, outcome: Result<()>) {
        // a caller that has gone away does not want to know
        let _ = self.word.send(outcome);
    }

    pub(super) fn is_taken_back(&self) -> bool {
        self.can_be_taken_back && self.word.is_closed()
    }
}
