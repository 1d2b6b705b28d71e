//! Events as plain JSON: the body is the struct, with no envelope around it.

use std::cell::Cell;

use bytes::Bytes;
use serde::Serialize;
use serde::de::{DeserializeOwned, Deserializer, Visitor};

use crate::event::{CodecError, Decoded, Encoded};

/// How much of the memory for bodies is kept on each thread.
const SCRATCH_LIMIT: usize = 8 * 1024;

thread_local! {
    /// Where bodies are written, to be taken when their length is known: so each takes one piece of memory, of its size.
    static SCRATCH: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
}

/// What `#[derive(Event)]` needs: both of serde's derives, in one name, so that there is one error where they are missing.
#[diagnostic::on_unimplemented(
    message = "`{Self}` can't be written as JSON and read back",
    label = "derive Serialize and Deserialize: `#[derive(Serialize, Deserialize, Event)]`"
)]
pub trait Json: Sized {
    /// As [`encode`].
    ///
    /// # Errors
    /// As [`encode`].
    fn to_json(&self) -> Encoded;

    /// As [`decode`].
    ///
    /// # Errors
    /// As [`decode`].
    fn from_json(body: &[u8]) -> Decoded<Self>;
}

#[diagnostic::do_not_recommend]
impl<T: Serialize + DeserializeOwned> Json for T {
    fn to_json(&self) -> Encoded {
        let mut scratch = SCRATCH.take();
        scratch.clear();
        let encoded = match serde_json::to_writer(&mut scratch, self) {
            Ok(()) if scratch.len() <= SCRATCH_LIMIT => Ok(Bytes::copy_from_slice(&scratch)),
            // too much to copy
            Ok(()) => return Ok(Bytes::from(scratch)),
            Err(error) => Err(CodecError::new(error)),
        };
        SCRATCH.set(scratch);
        encoded
    }

    fn from_json(body: &[u8]) -> Decoded<Self> {
        // looked at once as a whole, text is read faster than bytes, each string of which is looked at
        let Ok(text) = std::str::from_utf8(body) else { return carefully(body) };
        let mut json = serde_json::Deserializer::from_str(text);
        match T::deserialize(ByName(&mut json)) {
            Ok(event) => json.end().map(|()| event).map_err(CodecError::new),
            Err(error) => Err(carefully::<T>(body).err().unwrap_or_else(|| CodecError::new(error))),
        }
    }
}

/// With an error that tells the path to what is wrong. To know the path costs time, so it is looked for only when something is
/// wrong.
fn carefully<T: DeserializeOwned>(body: &[u8]) -> Decoded<T> {
    let mut json = serde_json::Deserializer::from_slice(body);
    match serde_path_to_error::deserialize::<_, T>(ByName(&mut json)) {
        Ok(event) => json.end().map(|()| event).map_err(CodecError::new),
        Err(placed) if placed.path().iter().next().is_some() => Err(CodecError::new(placed)),
        // the whole body is no place
        Err(placed) => Err(CodecError::new(placed.into_inner())),
    }
}

/// Writes an event as JSON.
///
/// # Errors
/// Where JSON can't express the value, such as a map whose keys are no strings.
pub fn encode<T: Json>(event: &T) -> Encoded {
    event.to_json()
}

/// Reads an event from JSON. Fields that the struct does not have are ignored, so a producer may add some. A struct with
/// named fields is an object: an array of values in their order, which serde would take, is refused.
///
/// # Errors
/// Where the body is no JSON or of another shape; the message names the path, such as `lines[2].price`, what was found, what was
/// expected, the line and the column.
pub fn decode<T: Json>(body: &[u8]) -> Decoded<T> {
    T::from_json(body)
}

/// JSON whose outermost struct is an object.
struct ByName<'a, R>(&'a mut serde_json::Deserializer<R>);

macro_rules! forward {
    ($($method:ident($($argument:ident: $type:ty),*))*) => { $(
        fn $method<V: Visitor<'de>>(self, $($argument: $type,)* visitor: V) -> Result<V::Value, Self::Error> {
            self.0.$method($($argument,)* visitor)
        }
    )* };
}

impl<'de, R: serde_json::de::Read<'de>> Deserializer<'de> for ByName<'_, R> {
    type Error = serde_json::Error;

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Self::Error> {
        self.0.deserialize_map(visitor)
    }

    forward! {
        deserialize_any()
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
        deserialize_char()
        deserialize_str()
        deserialize_string()
        deserialize_bytes()
        deserialize_byte_buf()
        deserialize_option()
        deserialize_unit()
        deserialize_unit_struct(name: &'static str)
        deserialize_newtype_struct(name: &'static str)
        deserialize_seq()
        deserialize_tuple(length: usize)
        deserialize_tuple_struct(name: &'static str, length: usize)
        deserialize_map()
        deserialize_enum(name: &'static str, variants: &'static [&'static str])
        deserialize_identifier()
        deserialize_ignored_any()
    }
}
