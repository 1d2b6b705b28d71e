//! The values of ordinary JSON, as serde asks for them.

use serde::de::value::BorrowedStrDeserializer;
use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};

use super::{Odd, Plain, Result, Text};

macro_rules! each {
    ($visitor:ident, $($method:ident($($argument:ident: $type:ty),*) => |$plain:ident| $read:expr;)*) => { $(
        #[inline]
        fn $method<V: Visitor<'de>>(self, $($argument: $type,)* $visitor: V) -> Result<V::Value> {
            self.judged(|$plain| $read)
        }
    )* };
}

impl<'de> Deserializer<'de> for &mut Plain<'de> {
    type Error = Odd;

    each! { visitor,
        deserialize_any() => |plain| plain.any(visitor);
        deserialize_ignored_any() => |plain| plain.any(visitor);
        deserialize_bool() => |plain| plain.bool(visitor);
        deserialize_i8() => |plain| plain.number(visitor, false);
        deserialize_i16() => |plain| plain.number(visitor, false);
        deserialize_i32() => |plain| plain.number(visitor, false);
        deserialize_i64() => |plain| plain.number(visitor, false);
        deserialize_u8() => |plain| plain.number(visitor, false);
        deserialize_u16() => |plain| plain.number(visitor, false);
        deserialize_u32() => |plain| plain.number(visitor, false);
        deserialize_u64() => |plain| plain.number(visitor, false);
        deserialize_f32() => |plain| plain.number(visitor, false);
        deserialize_f64() => |plain| plain.number(visitor, false);
        deserialize_char() => |plain| plain.string(visitor);
        deserialize_str() => |plain| plain.string(visitor);
        deserialize_string() => |plain| plain.string(visitor);
        deserialize_identifier() => |plain| plain.string(visitor);
        deserialize_unit() => |plain| plain.null(visitor);
        deserialize_unit_struct(_name: &'static str) => |plain| plain.null(visitor);
        deserialize_seq() => |plain| plain.seq(visitor);
        deserialize_tuple(_length: usize) => |plain| plain.seq(visitor);
        deserialize_tuple_struct(_name: &'static str, _length: usize) => |plain| plain.seq(visitor);
        deserialize_map() => |plain| plain.map(visitor, false);
        // the outermost struct is an object
        deserialize_struct(_name: &'static str, _fields: &'static [&'static str]) => |plain| {
            if plain.peek()? == b'[' && plain.depth > 0 { plain.seq(visitor) } else { plain.map(visitor, true) }
        };
        deserialize_option() => |plain| {
            if plain.peek()? != b'n' {
                return visitor.visit_some(plain);
            }
            plain.literal(b"null")?;
            visitor.visit_none()
        };
        // raw values and numbers of any precision have names that only `serde_json` knows
        deserialize_newtype_struct(name: &'static str) => |plain| {
            if name.starts_with('$') {
                plain.elsewhere(|json| json.deserialize_newtype_struct(name, visitor))
            } else {
                visitor.visit_newtype_struct(plain)
            }
        };
        deserialize_enum(name: &'static str, variants: &'static [&'static str]) => |plain| {
            if plain.peek()? != b'"' {
                return plain.elsewhere(|json| json.deserialize_enum(name, variants, visitor));
            }
            let Text::Plain(variant) = plain.text()? else { return Err(Odd) };
            let variant = str::from_utf8(variant).map_err(|_| Odd)?;
            BorrowedStrDeserializer::new(variant).deserialize_enum(name, variants, visitor)
        };
        deserialize_i128() => |plain| plain.elsewhere(|json| json.deserialize_i128(visitor));
        deserialize_u128() => |plain| plain.elsewhere(|json| json.deserialize_u128(visitor));
        deserialize_bytes() => |plain| plain.elsewhere(|json| json.deserialize_bytes(visitor));
        deserialize_byte_buf() => |plain| plain.elsewhere(|json| json.deserialize_byte_buf(visitor));
    }
}

/// The members of an array or an object.
pub(super) struct Members<'a, 'de> {
    plain: &'a mut Plain<'de>,
    is_struct: bool,
    is_first: bool,
}

impl<'a, 'de> Members<'a, 'de> {
    #[inline]
    pub(super) fn of(plain: &'a mut Plain<'de>, is_struct: bool) -> Self {
        Self { plain, is_struct, is_first: true }
    }

    /// Whether another one comes before the end.
    #[inline]
    fn has_next(&mut self, end: u8) -> Result<bool> {
        let byte = self.plain.peek()?;
        if byte == end {
            return Ok(false);
        }
        if std::mem::take(&mut self.is_first) {
            return Ok(true);
        }
        if byte != b',' {
            return Err(Odd);
        }
        self.plain.at += 1;
        // nothing may come after a last comma
        if self.plain.peek()? == end { Err(Odd) } else { Ok(true) }
    }
}

impl<'de> SeqAccess<'de> for Members<'_, 'de> {
    type Error = Odd;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>> {
        if self.has_next(b']')? { seed.deserialize(&mut *self.plain).map(Some) } else { Ok(None) }
    }
}

impl<'de> MapAccess<'de> for Members<'_, 'de> {
    type Error = Odd;

    #[inline]
    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>> {
        if self.has_next(b'}')? {
            seed.deserialize(Key { plain: &mut *self.plain, is_field: self.is_struct }).map(Some)
        } else {
            Ok(None)
        }
    }

    #[inline]
    fn next_value_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<T::Value> {
        self.plain.expect(b':')?;
        seed.deserialize(&mut *self.plain)
    }
}

/// The name of a member: a text. Numbers and others in quotes are rare.
struct Key<'a, 'de> {
    plain: &'a mut Plain<'de>,
    is_field: bool,
}

macro_rules! refuse {
    ($($method:ident($($argument:ident: $type:ty),*))*) => { $(
        #[cold]
        fn $method<V: Visitor<'de>>(self, $($argument: $type,)* _visitor: V) -> Result<V::Value> {
            self.plain.judged(|_| Err(Odd))
        }
    )* };
}

impl<'de> Deserializer<'de> for Key<'_, 'de> {
    type Error = Odd;

    #[inline]
    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        self.plain.judged(|plain| plain.string(visitor))
    }

    #[inline]
    fn deserialize_identifier<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        let is_field = self.is_field;
        self.plain.judged(|plain| if is_field { plain.field(visitor) } else { plain.string(visitor) })
    }

    serde::forward_to_deserialize_any! { char str string ignored_any }

    refuse! {
        deserialize_bool()
        deserialize_i8()
        deserialize_i16()
        deserialize_i32()
        deserialize_i64()
        deserialize_i128()
        deserialize_u8()
        deserialize_u16()
        deserialize_u32()
        deserialize_u64()
        deserialize_u128()
        deserialize_f32()
        deserialize_f64()
        deserialize_bytes()
        deserialize_byte_buf()
        deserialize_option()
        deserialize_unit()
        deserialize_unit_struct(_name: &'static str)
        deserialize_newtype_struct(_name: &'static str)
        deserialize_seq()
        deserialize_tuple(_length: usize)
        deserialize_tuple_struct(_name: &'static str, _length: usize)
        deserialize_map()
        deserialize_struct(_name: &'static str, _fields: &'static [&'static str])
        deserialize_enum(_name: &'static str, _variants: &'static [&'static str])
    }
}
