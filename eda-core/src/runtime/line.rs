//! The line in which deliveries wait for a worker.
//!
//! A burst wakes few workers, for where handlers wait for nothing, as many as there are threads can take all of it in
//! turn. It works since whoever arrives, would leave something behind, and knows of nobody on the way wakes others and
//! lets them go first: while deliveries wait and workers are idle, somebody who was woken is on the way, and is not behind
//! a handler that keeps its thread.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use crate::transport::Delivery;

/// How many are woken at once. The first of two goes to where another thread finds it: tokio keeps the last one for its own.
const WAKES: usize = 2;

#[derive(Default)]
pub(super) struct Line(Mutex<State>);

#[derive(Default)]
struct State {
    waiting: VecDeque<Delivery>,
    /// Seats of workers that wait, the last one to come is the first one to be woken: its memory is warm.
    idle: Vec<usize>,
    /// By seat.
    wakers: Vec<Option<Waker>>,
    /// How many were woken and have not arrived.
    on_the_way: usize,
    is_closed: bool,
}

/// A worker's place in the line.
pub(super) struct Seat {
    number: usize,
    is_idle: bool,
    has_left: bool,
}

impl Seat {
    /// The worker lets others run.
    pub(super) fn leave(&mut self) {
        self.has_left = true;
    }

    /// Whether others may have run on the worker's thread since this was asked before.
    pub(super) fn has_left(&mut self) -> bool {
        std::mem::take(&mut self.has_left)
    }
}

impl Line {
    pub(super) fn seat(&self) -> Seat {
        let wakers = &mut self.state().wakers;
        wakers.push(None);
        Seat { number: wakers.len() - 1, is_idle: false, has_left: false }
    }

    /// Puts deliveries at the end; `batch` is empty afterwards.
    pub(super) fn push(&self, batch: &mut Vec<Delivery>) {
        let mut state = self.state();
        state.waiting.extend(batch.drain(..));
        let woken = state.call_workers();
        drop(state);
        wake(woken);
    }

    /// The next delivery, as soon as there is one; `None` when the line was closed.
    pub(super) async fn next(&self, seat: &mut Seat) -> Option<Delivery> {
        poll_fn(|context| self.poll_next(seat, context)).await
    }

    fn poll_next(&self, seat: &mut Seat, context: &Context<'_>) -> Poll<Option<Delivery>> {
        let mut state = self.state();
        let has_arrived = seat.is_idle && state.rise(seat);
        if state.is_closed {
            return Poll::Ready(None);
        }
        if has_arrived && state.needs_others() {
            state.let_others_go_first(seat);
            let woken = state.call_workers();
            drop(state);
            wake(woken);
            // the last one is out of the others' reach, so no handler may keep this thread now; who yields is within reach
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        let Some(delivery) = state.waiting.pop_front() else {
            state.sit(seat, context.waker());
            return Poll::Pending;
        };
        Poll::Ready(Some(delivery))
    }

    /// Gives back what waits; nobody gets any more.
    pub(super) fn close(&self) {
        let mut state = self.state();
        state.is_closed = true;
        let waiting = std::mem::take(&mut state.waiting);
        let woken: Vec<_> = state.wakers.iter_mut().filter_map(Option::take).collect();
        drop(state);
        drop(waiting);
        woken.into_iter().for_each(Waker::wake);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Whether the worker was woken to take something, and not by what else it waits for.
    fn rise(&mut self, seat: &mut Seat) -> bool {
        seat.is_idle = false;
        if let Some(index) = self.idle.iter().rposition(|idle| *idle == seat.number) {
            self.idle.remove(index);
            return false;
        }
        self.on_the_way = self.on_the_way.saturating_sub(1);
        true
    }

    fn sit(&mut self, seat: &mut Seat, waker: &Waker) {
        (seat.is_idle, seat.has_left) = (true, true);
        self.idle.push(seat.number);
        let place = &mut self.wakers[seat.number];
        if place.as_ref().is_none_or(|known| !known.will_wake(waker)) {
            *place = Some(waker.clone());
        }
    }

    /// Whether a worker that has just arrived would leave something behind that nobody is on the way to.
    fn needs_others(&self) -> bool {
        self.on_the_way == 0 && self.waiting.len() > 1 && !self.idle.is_empty()
    }

    /// The worker is on the way again.
    fn let_others_go_first(&mut self, seat: &mut Seat) {
        (seat.is_idle, seat.has_left) = (true, true);
        self.on_the_way += 1;
    }

    fn call_workers(&mut self) -> [Option<Waker>; WAKES] {
        let mut wanted = self.waiting.len().saturating_sub(self.on_the_way).min(WAKES);
        std::array::from_fn(|_| {
            wanted = wanted.checked_sub(1)?;
            let number = self.idle.pop()?;
            self.on_the_way += 1;
            self.wakers[number].clone()
        })
    }
}

fn wake(woken: [Option<Waker>; WAKES]) {
    woken.into_iter().flatten().for_each(Waker::wake);
}
