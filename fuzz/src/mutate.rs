//! A new input, made of two known ones.

use fastrand::Rng;

/// What means something to what is fuzzed.
const WORDS: [&str; 48] = [
    "\x1e",
    "amqp://",
    "amqps://",
    "@",
    ":",
    "/",
    "?",
    "&",
    "=",
    ",",
    "[",
    "]",
    "[::1]",
    "%",
    "%2F",
    "%00",
    "%ff",
    "localhost",
    "heartbeat=",
    "prefetch=",
    "unrouted=",
    "connect_timeout=",
    "forever",
    "65535",
    "-1",
    "18446744073709551616",
    "0.1e999",
    "{",
    "}",
    "\"",
    "\\u0000",
    "\"data\":",
    "\"data_base64\":",
    "\"specversion\":\"1.0\"",
    "\"id\":",
    "\"type\":",
    "\"time\":",
    "2026-11-23T08:54:00Z",
    "+02:00",
    "cloudEvents_",
    "ce-",
    "x-",
    ".",
    "*",
    "#",
    "\r\n",
    "\0",
    "é€",
];
/// How long an input may grow.
const LENGTH: usize = 4096;

/// Changes `input` in one to eight places, with parts of `other`.
pub(crate) fn mutate(rng: &mut Rng, input: &[u8], other: &[u8]) -> Vec<u8> {
    let mut bytes = input.to_vec();
    for _ in 0..rng.usize(1..=8) {
        change(rng, &mut bytes, other);
    }
    bytes.truncate(LENGTH);
    bytes
}

fn change(rng: &mut Rng, bytes: &mut Vec<u8>, other: &[u8]) {
    let at = rng.usize(..=bytes.len());
    match rng.u8(..8) {
        0 => insert(bytes, at, WORDS[rng.usize(..WORDS.len())].as_bytes()),
        1 => insert(bytes, at, &[rng.u8(..)]),
        2 if at < bytes.len() => bytes[at] ^= 1 << rng.u8(..8),
        3 if at < bytes.len() => bytes[at] = rng.u8(..),
        4 => {
            let end = (at + rng.usize(..16)).min(bytes.len());
            bytes.drain(at..end);
        }
        5 => {
            let end = (at + rng.usize(..64)).min(bytes.len());
            let part = bytes[at..end].repeat(rng.usize(1..8));
            insert(bytes, at, &part);
        }
        6 => {
            let begin = rng.usize(..=other.len());
            let end = (begin + rng.usize(..64)).min(other.len());
            insert(bytes, at, &other[begin..end]);
        }
        _ => {
            bytes.truncate(at);
            bytes.extend_from_slice(&other[rng.usize(..=other.len())..]);
        }
    }
}

fn insert(bytes: &mut Vec<u8>, at: usize, part: &[u8]) {
    bytes.splice(at..at, part.iter().copied());
}
