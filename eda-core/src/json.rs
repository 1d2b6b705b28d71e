//! Events as plain JSON: the body is the struct, with no envelope around it.

use bytes::Bytes;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::event::{CodecError, Decoded, Encoded};

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
        serde_json::to_vec(self).map(Bytes::from).map_err(CodecError::new)
    }

    fn from_json(body: &[u8]) -> Decoded<Self> {
        serde_json::from_slice(body).map_err(CodecError::new)
    }
}

/// Writes an event as JSON.
///
/// # Errors
/// Where JSON can't express the value, such as a map whose keys are no strings.
pub fn encode<T: Json>(event: &T) -> Encoded {
    event.to_json()
}

/// Reads an event from JSON. Fields that the struct does not have are ignored, so a producer may add some.
///
/// # Errors
/// Where the body is no JSON or of another shape; the message names the field, the line and the column.
pub fn decode<T: Json>(body: &[u8]) -> Decoded<T> {
    T::from_json(body)
}
