//! What is kept until somebody decides: dead letters, and messages that no queue was bound for.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;

use super::Memory;
use super::inspect::DeadLetter;
use super::state::{Locked, Shared, State};
use crate::error::{Error, ErrorKind, Result};
use crate::message::{EventId, Message};
use crate::transport::{Keep, Kept, Letter, LetterFailure, Place, Receipt, Token};

/// Things in the order in which they came, each with a number that stays.
#[derive(Debug)]
pub(super) struct Shelf<T> {
    things: BTreeMap<u64, T>,
    last: u64,
}

impl<T> Default for Shelf<T> {
    fn default() -> Self {
        Self { things: BTreeMap::new(), last: 0 }
    }
}

impl<T> Shelf<T> {
    pub(super) fn push(&mut self, thing: T) {
        self.last += 1;
        self.things.insert(self.last, thing);
    }

    pub(super) fn drop_oldest(&mut self) {
        self.things.pop_first();
    }

    pub(super) fn len(&self) -> usize {
        self.things.len()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &T> {
        self.things.values()
    }

    fn next(&self, after: u64, end: u64) -> Option<(u64, &T)> {
        let next = self.things.range(after + 1..).next().filter(|(number, _)| **number <= end);
        next.map(|(number, thing)| (*number, thing))
    }

    fn has(&self, number: u64) -> bool {
        self.things.contains_key(&number)
    }

    fn remove(&mut self, number: u64) {
        self.things.remove(&number);
    }
}

#[async_trait]
impl Keep for Memory {
    async fn open(&self, place: &Place) -> Result<Option<Box<dyn Kept>>> {
        let state = self.shared.state();
        state.check_open()?;
        let (whose, count, end) = match place {
            Place::DeadLettersOf(queue) => {
                let Some(locked) = state.queue(queue).map(Arc::clone) else { return Ok(None) };
                let taken = locked.queue();
                let (count, last) = (taken.dead().len(), taken.dead().last);
                drop(taken);
                (Whose::Queue(locked, queue.clone()), count, last)
            }
            Place::Unrouted => (Whose::Nobody, state.unrouted.len(), state.unrouted.last),
            // no queue is ever gone, and a journal would end with its process
            Place::Orphaned | Place::Journal => return Ok(None),
        };
        drop(state);
        let shared = Arc::clone(&self.shared);
        Ok(Some(Box::new(Walk { shared, whose, count: count as u64, at: 0, end })))
    }
}

enum Whose {
    Queue(Arc<Locked>, String),
    Nobody,
}

struct Walk {
    shared: Arc<Shared>,
    whose: Whose,
    count: u64,
    at: u64,
    end: u64,
}

#[async_trait]
impl Kept for Walk {
    fn count(&self) -> u64 {
        self.count
    }

    async fn next(&mut self) -> Result<Option<Letter>> {
        let state = self.shared.state();
        state.check_open()?;
        let next = match &self.whose {
            Whose::Queue(locked, queue) => {
                let taken = locked.queue();
                taken.dead().next(self.at, self.end).map(|(number, dead)| (number, letter(number, queue, dead)))
            }
            Whose::Nobody => {
                let parked = state.unrouted.next(self.at, self.end);
                parked.map(|(number, message)| {
                    (number, Letter::new(token(number), Message::clone(message), None, None, ()))
                })
            }
        };
        Ok(next.map(|(number, letter)| {
            self.at = number;
            letter
        }))
    }

    async fn send_back(&mut self, letter: &Letter) -> Result<Receipt> {
        let mut state = self.shared.state();
        state.check_open()?;
        let number = letter.token.tag;
        let mut message = letter.message.clone();
        message.id.get_or_insert_with(EventId::new);
        let is_here = match &self.whose {
            Whose::Queue(locked, _) => locked.queue().dead().has(number),
            Whose::Nobody => state.unrouted.has(number),
        };
        if !is_here {
            return Err(Error::new(ErrorKind::NotFound, "the letter is gone: somebody else has removed it"));
        }
        Ok(Receipt::ready(match &self.whose {
            Whose::Queue(locked, _) => {
                locked.queue().push(Arc::new(message));
                Ok(())
            }
            Whose::Nobody => publish(&mut state, message)?,
        }))
    }

    async fn remove(&mut self, letter: Token) -> Result<()> {
        let mut state = self.shared.state();
        match &self.whose {
            Whose::Queue(locked, _) => locked.queue().dead_mut().remove(letter.tag),
            Whose::Nobody => state.unrouted.remove(letter.tag),
        }
        Ok(())
    }

    fn leave(&mut self, _letter: Token) {}

    async fn close(&mut self) -> Result<()> {
        Ok(())
    }
}

/// To those who are bound now; it is not parked again.
fn publish(state: &mut State, message: Message) -> Result<Result> {
    if state.is_routable(&message.routing_key) {
        return state.publish(&Arc::new(message));
    }
    let text = format!("still no queue is bound for the routing key `{}`", message.routing_key);
    Ok(Err(Error::new(ErrorKind::Unroutable, text)))
}

fn letter(number: u64, queue: &str, DeadLetter { message, failure }: &DeadLetter) -> Letter {
    let failure = LetterFailure {
        reason: failure.reason.to_string(),
        detail: failure.detail.clone(),
        handler: failure.handler.clone(),
        attempt: Some(failure.attempt),
        first_failed_at: None,
        last_failed_at: Some(failure.failed_at),
        exchange: None,
    };
    Letter::new(token(number), message.clone(), Some(queue.to_owned()), Some(failure), ())
}

fn token(number: u64) -> Token {
    Token { generation: 0, tag: number }
}
