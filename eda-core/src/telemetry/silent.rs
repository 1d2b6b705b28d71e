//! What stands in the place of metrics where they are not compiled in: nothing, under the same names.
#![expect(clippy::unused_self, reason = "what would be told of it is left out")]

use std::borrow::Cow;
use std::marker::PhantomData;
use std::sync::Arc;
use std::time::SystemTime;

use tokio::sync::watch;

use crate::error::Result;
use crate::transport::{ConsumerStatus, Reason};

pub(crate) struct InHand;

impl InHand {
    pub(crate) fn new(_queue: &str) -> Self {
        Self
    }
}

pub(crate) struct Handling;

impl Handling {
    pub(crate) fn new(_system: &'static str, _handler: &str, _event: &'static str, _in_hand: &Arc<InHand>) -> Self {
        Self
    }

    pub(crate) fn begin(&self) -> Handled<'_> {
        Handled(PhantomData)
    }

    pub(crate) fn blocked(&self) {}
}

pub(crate) struct Handled<'a>(PhantomData<&'a Handling>);

impl Handled<'_> {
    pub(crate) fn returned(&self, _failure: Option<Reason>) {}

    pub(crate) fn done(&mut self, _time: Option<SystemTime>) {}

    pub(crate) fn retried(&mut self, _reason: Reason) {}

    pub(crate) fn dead_lettered(&mut self, _reason: Reason) {}
}

pub(crate) struct Publishing;

impl Publishing {
    pub(crate) fn new(_system: &'static str) -> Self {
        Self
    }

    pub(crate) fn begin(&self, _name: Option<&Cow<'static, str>>) -> Published {
        Published
    }
}

pub(crate) struct Published;

impl Published {
    pub(crate) fn told<T>(&mut self, _word: &Result<T>) {}
}

pub(crate) async fn watch<T>(
    _service: &str,
    _queue: &str,
    _status: watch::Receiver<ConsumerStatus>,
    life: impl Future<Output = T>,
) -> T {
    life.await
}
