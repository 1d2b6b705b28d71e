//! Collects mistakes, so that one compilation shows all of them.

use std::cell::{Cell, RefCell};
use std::fmt::Display;
use std::thread;

use quote::ToTokens;
use syn::{Error, Result};

/// The mistakes found so far. Whoever made it has to look into it: in tests, dropping it unread is a panic.
pub(crate) struct Diagnostics {
    errors: RefCell<Vec<Error>>,
    is_read: Cell<bool>,
}

impl Diagnostics {
    pub(crate) fn new() -> Self {
        Self { errors: RefCell::default(), is_read: Cell::new(false) }
    }

    /// A mistake, underlined from the first to the last of `tokens`.
    pub(crate) fn error(&self, tokens: impl ToTokens, message: impl Display) {
        self.push(Error::new_spanned(tokens, message));
    }

    pub(crate) fn push(&self, error: Error) {
        self.errors.borrow_mut().push(error);
    }

    /// The value, or nothing after the mistake was written down.
    pub(crate) fn keep<T>(&self, result: Result<T>) -> Option<T> {
        result.map_err(|error| self.push(error)).ok()
    }

    /// Whether there is a mistake already, of which another may be a mere consequence.
    pub(crate) fn found_any(&self) -> bool {
        !self.errors.borrow().is_empty()
    }

    /// All mistakes as one error, if there are any.
    pub(crate) fn finish(self) -> Result<()> {
        self.is_read.set(true);
        let joined = self.errors.take().into_iter().reduce(|mut all, error| {
            all.combine(error);
            all
        });
        joined.map_or(Ok(()), Err)
    }
}

impl Drop for Diagnostics {
    fn drop(&mut self) {
        debug_assert!(self.is_read.get() || thread::panicking(), "mistakes were collected and never read");
    }
}
