//! Events as plain JSON: the body is the struct, with no envelope around it.

use bytes::Bytes;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::event::{CodecError, Decoded, Encoded};

/// What `#[derive(Event)]` needs: both of serde's derives.
#[diagnostic::on_unimplemented(
    message = "`{Self}` can't be written as JSON and read back",
    label = "derive Serialize and Deserialize here",
    note = "write `#[derive(Serialize, Deserialize, Event)]`"
)]
pub trait Json: Serialize + DeserializeOwned {}

#[diagnostic::do_not_recommend]
impl<T: Serialize + DeserializeOwned> Json for T {}

/// Writes an event as JSON.
///
/// # Errors
/// Where JSON can't express the value, such as a map whose keys are no strings.
pub fn encode<T: Serialize>(event: &T) -> Encoded {
    serde_json::to_vec(event).map(Bytes::from).map_err(CodecError::new)
}

/// Reads an event from JSON. Fields that the struct does not have are ignored, so a producer may add some.
///
/// # Errors
/// Where the body is no JSON or of another shape; the message names the field, the line and the column.
pub fn decode<T: DeserializeOwned>(body: &[u8]) -> Decoded<T> {
    serde_json::from_slice(body).map_err(CodecError::new)
}
