//! A broker that is slow to confirm: what it confirms within a while it confirms together, in the order of publishing.
//!
//! All that is legal (AMQP 0-9-1 §4.2.3 of frames; the order of confirms is the broker's affair), and it brings every
//! return of that while before every confirm.

use std::future::pending;
use std::mem::take;
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

const WHILE: Duration = Duration::from_millis(250);
/// Type, channel, size; the payload; the end.
const HEAD: usize = 7;
const TAIL: usize = 1;
const METHOD: u8 = 1;
const HEADER: u8 = 2;
const BODY: u8 = 3;
const BASIC: [u8; 2] = [0, 60];
const RETURN: [u8; 2] = [0, 50];
const DELIVER: [u8; 2] = [0, 60];
const ACK: [u8; 2] = [0, 80];

/// Of one connection, from its first byte on.
#[derive(Debug, Default)]
pub(super) struct Gatherer {
    /// The beginning of a frame.
    rest: Vec<u8>,
    confirms: Vec<Confirm>,
    until: Option<Instant>,
    /// Of the message whose frames are passing: whether its header is to come, and how many bytes.
    header_is_due: bool,
    body_is_due: u64,
}

#[derive(Debug)]
struct Confirm {
    delivery_tag: u64,
    frame: Vec<u8>,
}

impl Gatherer {
    /// What is to travel on of what has come.
    pub(super) fn take(&mut self, bytes: &[u8]) -> Vec<u8> {
        self.rest.extend_from_slice(bytes);
        let came = take(&mut self.rest);
        let mut left = &came[..];
        let mut passes = Vec::with_capacity(left.len());
        while let Some((frame, behind)) = split(left) {
            left = behind;
            if let Some(confirm) = confirm(frame) {
                self.until.get_or_insert_with(|| Instant::now() + WHILE);
                self.confirms.push(confirm);
            } else {
                self.follow(frame);
                passes.extend_from_slice(frame);
            }
        }
        self.rest = left.to_vec();
        passes.append(&mut self.release());
        passes
    }

    /// Whether it holds nothing back.
    pub(super) fn is_idle(&self) -> bool {
        self.rest.is_empty() && self.confirms.is_empty()
    }

    /// Until confirms have been held for long enough.
    pub(super) async fn is_due(&self) {
        match self.until {
            Some(until) if !self.is_within_a_message() => sleep_until(until).await,
            _ => pending().await,
        }
    }

    /// The confirms, where their time has come and no message's frames are parted by them.
    pub(super) fn release(&mut self) -> Vec<u8> {
        if self.is_within_a_message() || self.until.is_none_or(|until| Instant::now() < until) {
            return Vec::new();
        }
        self.until = None;
        self.confirms.sort_by_key(|confirm| confirm.delivery_tag);
        self.confirms.drain(..).flat_map(|confirm| confirm.frame).collect()
    }

    fn follow(&mut self, frame: &[u8]) {
        match frame[0] {
            METHOD => self.header_is_due = is_basic(frame, RETURN) || is_basic(frame, DELIVER),
            HEADER => {
                self.header_is_due = false;
                // after the class and the weight
                self.body_is_due = number(&frame[HEAD + 4..HEAD + 12]);
            }
            BODY => self.body_is_due = self.body_is_due.saturating_sub((frame.len() - HEAD - TAIL) as u64),
            _ => {}
        }
    }

    fn is_within_a_message(&self) -> bool {
        self.header_is_due || self.body_is_due > 0
    }
}

/// The first frame, and what is behind it.
fn split(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let size = usize::try_from(number(bytes.get(3..HEAD)?)).ok()?;
    bytes.split_at_checked(HEAD + size + TAIL)
}

fn confirm(frame: &[u8]) -> Option<Confirm> {
    let delivery_tag = number(frame.get(HEAD + 4..HEAD + 12)?);
    is_basic(frame, ACK).then(|| Confirm { delivery_tag, frame: frame.to_vec() })
}

fn is_basic(frame: &[u8], method: [u8; 2]) -> bool {
    frame[0] == METHOD && frame[HEAD..].starts_with(&BASIC) && frame[HEAD + 2..].starts_with(&method)
}

fn number(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0, |number, byte| number << 8 | u64::from(*byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(kind: u8, payload: &[u8]) -> Vec<u8> {
        let size = u32::try_from(payload.len()).unwrap().to_be_bytes();
        [&[kind, 0, 1][..], &size, payload, &[0xce]].concat()
    }

    fn ack(delivery_tag: u8) -> Vec<u8> {
        frame(METHOD, &[0, 60, 0, 80, 0, 0, 0, 0, 0, 0, 0, delivery_tag, 0])
    }

    fn returned() -> [Vec<u8>; 3] {
        let header = frame(HEADER, &[0, 60, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0]);
        [frame(METHOD, &[0, 60, 0, 50, 1, 56, 0, 0, 0]), header, frame(BODY, b"{}")]
    }

    #[tokio::test(start_paused = true)]
    async fn returns_pass_and_confirms_follow_in_order() {
        let mut gatherer = Gatherer::default();
        let [method, header, body] = returned();
        let came = [&ack(2)[..], &method, &header, &body, &ack(4), &ack(1)].concat();
        let mut passed = Vec::new();
        for byte in came {
            passed.append(&mut gatherer.take(&[byte]));
        }
        assert_eq!(passed, [&method[..], &header, &body].concat());
        assert!(!gatherer.is_idle());
        gatherer.is_due().await;
        assert_eq!(gatherer.release(), [ack(1), ack(2), ack(4)].concat());
        assert!(gatherer.is_idle());
    }

    #[tokio::test(start_paused = true)]
    async fn confirms_part_no_message() {
        let mut gatherer = Gatherer::default();
        let [method, header, body] = returned();
        assert!(gatherer.take(&ack(1)).is_empty());
        for part in [method, header] {
            tokio::time::advance(2 * WHILE).await;
            assert_eq!(gatherer.take(&part), part);
        }
        assert_eq!(gatherer.take(&body), [body, ack(1)].concat());
    }
}
