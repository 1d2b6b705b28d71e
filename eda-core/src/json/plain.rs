//! JSON as it nearly always comes, read in one pass; what is out of the ordinary is left to `serde_json`.
//!
//! It accepts no more than `serde_json` does and gives the same values, so whoever is refused here asks there, and hears from
//! there what is wrong. Tokens with a difficulty of their own, such as floats and escapes, are handed over one by one.

mod values;

use std::fmt;

use serde::de::{Deserialize, DeserializeOwned, Deserializer, IgnoredAny, Visitor};

use self::values::Members;

/// Deeper ones are rare.
const DEPTH: u32 = 64;

const IS_OF_NAME: [bool; 256] = {
    let mut are = [false; 256];
    let mut byte = b' ';
    while byte <= b'~' {
        are[byte as usize] = !matches!(byte, b'"' | b'\\');
        byte += 1;
    }
    are
};

/// The value, where all of the body is of the ordinary kind.
pub(super) fn decode<T: DeserializeOwned>(body: &[u8]) -> Option<T> {
    let mut plain = Plain { body, at: 0, depth: 0, is_odd: false };
    let value = T::deserialize(&mut plain).ok()?;
    let is_whole = plain.peek().is_err();
    // what was refused within must not be taken for read
    (is_whole && !plain.is_odd).then_some(value)
}

/// Not of the ordinary kind, or wrong.
#[derive(Debug)]
struct Odd;

type Result<T> = std::result::Result<T, Odd>;

struct Plain<'de> {
    body: &'de [u8],
    at: usize,
    depth: u32,
    is_odd: bool,
}

enum Text<'de> {
    Plain(&'de [u8]),
    Escaped(String),
}

impl<'de> Plain<'de> {
    /// The first byte of what comes next.
    #[inline]
    fn peek(&mut self) -> Result<u8> {
        match self.body.get(self.at) {
            Some(byte) if *byte > b' ' => Ok(*byte),
            _ => self.peek_over_space(),
        }
    }

    fn peek_over_space(&mut self) -> Result<u8> {
        while let Some(b' ' | b'\n' | b'\r' | b'\t') = self.body.get(self.at) {
            self.at += 1;
        }
        self.body.get(self.at).copied().ok_or(Odd)
    }

    #[inline]
    fn rest(&self) -> &'de [u8] {
        self.body.get(self.at..).unwrap_or_default()
    }

    /// So many bytes, which are there.
    #[inline]
    fn take(&mut self, count: usize) -> Result<&'de [u8]> {
        let taken = self.rest().get(..count).ok_or(Odd)?;
        self.at += count;
        Ok(taken)
    }

    #[inline]
    fn expect(&mut self, byte: u8) -> Result<()> {
        if self.peek()? != byte {
            return Err(Odd);
        }
        self.at += 1;
        Ok(())
    }

    #[inline]
    fn literal(&mut self, word: &[u8]) -> Result<()> {
        self.peek()?;
        if !self.rest().starts_with(word) {
            return Err(Odd);
        }
        self.at += word.len();
        Ok(())
    }

    #[inline]
    fn text(&mut self) -> Result<Text<'de>> {
        self.expect(b'"')?;
        let text = self.take(plain_length(self.rest()))?;
        match self.body.get(self.at) {
            Some(b'"') => {
                self.at += 1;
                Ok(Text::Plain(text))
            }
            Some(b'\\') => self.escaped(text.len()),
            _ => Err(Odd),
        }
    }

    /// A text of which so much was read.
    #[cold]
    fn escaped(&mut self, read: usize) -> Result<Text<'de>> {
        // back to its first quote
        self.at -= read + 1;
        let mut is_escaped = false;
        let length = self.rest().iter().skip(1).position(|byte| {
            let is_end = *byte == b'"' && !is_escaped;
            is_escaped = *byte == b'\\' && !is_escaped;
            is_end
        });
        let token = self.take(length.ok_or(Odd)? + 2)?;
        serde_json::from_slice(token).map(Text::Escaped).map_err(|_| Odd)
    }

    #[inline]
    fn string<V: Visitor<'de>>(&mut self, visitor: V) -> Result<V::Value> {
        match self.text()? {
            Text::Plain(text) => visitor.visit_borrowed_str(str::from_utf8(text).map_err(|_| Odd)?),
            Text::Escaped(text) => visitor.visit_string(text),
        }
    }

    /// The name of a struct's field: short, and of letters that need no look at what UTF-8 says.
    #[inline]
    fn field<V: Visitor<'de>>(&mut self, visitor: V) -> Result<V::Value> {
        let Some((b'"', rest)) = self.rest().split_first() else { return Err(Odd) };
        let length = rest.iter().take_while(|byte| IS_OF_NAME[usize::from(**byte)]).count();
        let Some((name, [b'"', ..])) = rest.split_at_checked(length) else { return self.string(visitor) };
        self.at += length + 2;
        visitor.visit_borrowed_bytes(name)
    }

    #[inline]
    fn bool<V: Visitor<'de>>(&mut self, visitor: V) -> Result<V::Value> {
        if self.peek()? == b't' {
            self.literal(b"true")?;
            return visitor.visit_bool(true);
        }
        self.literal(b"false")?;
        visitor.visit_bool(false)
    }

    fn null<V: Visitor<'de>>(&mut self, visitor: V) -> Result<V::Value> {
        self.literal(b"null")?;
        visitor.visit_unit()
    }

    /// `is_any` where the visitor takes what comes: `serde_json` may hand it more than a float.
    #[inline]
    fn number<V: Visitor<'de>>(&mut self, visitor: V, is_any: bool) -> Result<V::Value> {
        let is_negative = self.peek()? == b'-';
        let (value, length) = digits(self.body.get(self.at + usize::from(is_negative)..).unwrap_or_default());
        let Some(value) = value.filter(|value| *value > 0 || (length == 1 && !is_negative)) else {
            return self.odd_number(visitor, is_any);
        };
        self.at += length + usize::from(is_negative);
        if is_negative { visitor.visit_i64(-value) } else { visitor.visit_u64(value.unsigned_abs()) }
    }

    #[cold]
    fn odd_number<V: Visitor<'de>>(&mut self, visitor: V, is_any: bool) -> Result<V::Value> {
        let is_part = |byte: &u8| matches!(byte, b'0'..=b'9' | b'.' | b'e' | b'E' | b'+' | b'-');
        let length = self.rest().iter().take_while(|byte| is_part(byte)).count();
        let token = self.take(length)?;
        hand_over(token, |json| if is_any { json.deserialize_any(visitor) } else { json.deserialize_f64(visitor) })
    }

    fn seq<V: Visitor<'de>>(&mut self, visitor: V) -> Result<V::Value> {
        self.enter(b'[')?;
        let value = visitor.visit_seq(Members::of(self, false))?;
        self.leave(b']')?;
        Ok(value)
    }

    #[inline]
    fn map<V: Visitor<'de>>(&mut self, visitor: V, is_struct: bool) -> Result<V::Value> {
        self.enter(b'{')?;
        let value = visitor.visit_map(Members::of(self, is_struct))?;
        self.leave(b'}')?;
        Ok(value)
    }

    fn enter(&mut self, byte: u8) -> Result<()> {
        self.depth += 1;
        if self.depth > DEPTH { Err(Odd) } else { self.expect(byte) }
    }

    fn leave(&mut self, byte: u8) -> Result<()> {
        self.depth -= 1;
        self.expect(byte)
    }

    fn any<V: Visitor<'de>>(&mut self, visitor: V) -> Result<V::Value> {
        match self.peek()? {
            b'"' => self.string(visitor),
            b'{' => self.map(visitor, false),
            b'[' => self.seq(visitor),
            b't' | b'f' => self.bool(visitor),
            b'n' => self.null(visitor),
            _ => self.number(visitor, true),
        }
    }

    /// The whole value is for `serde_json` to read.
    #[cold]
    fn elsewhere<T>(
        &mut self,
        read: impl FnOnce(&mut serde_json::Deserializer<serde_json::de::SliceRead<'de>>) -> serde_json::Result<T>,
    ) -> Result<T> {
        let from = self.at;
        IgnoredAny::deserialize(&mut *self)?;
        let token = self.body.get(from..self.at).ok_or(Odd)?;
        hand_over(token, read)
    }

    /// Remembers what was refused, for a visitor may take no notice.
    #[inline]
    fn judged<T>(&mut self, read: impl FnOnce(&mut Self) -> Result<T>) -> Result<T> {
        let value = read(self);
        self.is_odd |= value.is_err();
        value
    }
}

fn hand_over<'de, T>(
    token: &'de [u8],
    read: impl FnOnce(&mut serde_json::Deserializer<serde_json::de::SliceRead<'de>>) -> serde_json::Result<T>,
) -> Result<T> {
    let mut json = serde_json::Deserializer::from_slice(token);
    let value = read(&mut json).map_err(|_| Odd)?;
    json.end().map_err(|_| Odd)?;
    Ok(value)
}

/// The digits at the beginning as a number, where it is small enough for every type, and how many they are.
#[inline]
fn digits(bytes: &[u8]) -> (Option<i64>, usize) {
    let (mut value, mut length) = (0_i64, 0);
    for byte in bytes {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            break;
        }
        value = value.wrapping_mul(10).wrapping_add(i64::from(digit));
        length += 1;
    }
    let begins_with_zero = length > 1 && bytes[0] == b'0';
    let goes_on = matches!(bytes.get(length), Some(b'.' | b'e' | b'E'));
    ((1..=18).contains(&length).then_some(value).filter(|_| !begins_with_zero && !goes_on), length)
}

/// How many bytes come before the first that ends a text, begins an escape, or has no place in one.
#[inline]
fn plain_length(bytes: &[u8]) -> usize {
    const ONES: u64 = u64::from_le_bytes([1; 8]);
    const HIGH: u64 = ONES << 7;
    // bytes that are zero have their highest bit set, and maybe some after the first of them
    let zeros = |word: u64| word.wrapping_sub(ONES) & !word;
    let mut length = 0;
    while let Some(word) = bytes.get(length..).and_then(<[u8]>::first_chunk) {
        let word = u64::from_le_bytes(*word);
        let controls = word.wrapping_sub(ONES * 0x20) & !word;
        let found = (zeros(word ^ (ONES * 0x22)) | zeros(word ^ (ONES * 0x5c)) | controls) & HIGH;
        if found != 0 {
            return length + found.trailing_zeros() as usize / 8;
        }
        length += 8;
    }
    let is_end = |byte: &u8| matches!(byte, 0..=0x1f | b'"' | b'\\');
    length + bytes[length..].iter().position(is_end).unwrap_or(bytes.len() - length)
}

impl serde::de::Error for Odd {
    fn custom<T: fmt::Display>(_text: T) -> Self {
        Self
    }
}

impl std::error::Error for Odd {}

impl fmt::Display for Odd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not of the ordinary kind")
    }
}

#[cfg(test)]
mod tests;
