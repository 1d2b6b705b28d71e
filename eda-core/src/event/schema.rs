//! The JSON Schema of an event that has one.

use std::marker::PhantomData;

/// What [`Event::schema`](super::Event::schema) gives: a JSON Schema of draft 7 as a JSON text, where it is known.
pub type Schema = Option<String>;

/// Gives the schema of a type that is `JsonSchema` of schemars, and none of any other, beside [`NoSchema`]: `schema` of
/// this type goes before the trait's, where it holds. For what `#[derive(Event)]` writes.
///
/// ```
/// use eda_core::event::{NoSchema as _, SchemaOf};
///
/// struct OrderCreated;
/// assert_eq!(SchemaOf::<OrderCreated>::schema(), None);
/// ```
#[derive(Debug)]
pub struct SchemaOf<T>(PhantomData<T>);

/// No schema; see [`SchemaOf`].
pub trait NoSchema {
    /// None.
    fn schema() -> Schema {
        None
    }
}

impl<T> NoSchema for SchemaOf<T> {}

#[cfg(feature = "schemas")]
impl<T: schemars::JsonSchema> SchemaOf<T> {
    /// The schema of the type, for what it is read from.
    pub fn schema() -> Schema {
        let schema = schemars::generate::SchemaSettings::draft07().into_generator().into_root_schema_for::<T>();
        serde_json::to_string(&schema).ok()
    }
}
