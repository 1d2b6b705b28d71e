//! The properties that a message keeps when it is sent again, by us or, in the simulation, by the broker.

use eda_core::EventId;
use lapin::BasicProperties;
use lapin::types::FieldTable;

use super::PERSISTENT;
use super::value::short;

/// For a copy of ours: all but `expiration`, which would end the copy, and `user_id`, which the broker checks against who
/// publishes. A message that came without an id gets one, and keeps it from here on.
pub(super) fn for_a_copy(old: &BasicProperties, headers: FieldTable) -> BasicProperties {
    let id = old.message_id().clone().unwrap_or_else(|| short(&EventId::new().to_string()));
    of_the_author(old).with_delivery_mode(PERSISTENT).with_headers(headers).with_message_id(id)
}

/// What the author of the message wrote and no broker acts on, beside its id and its headers.
pub(crate) fn of_the_author(old: &BasicProperties) -> BasicProperties {
    let mut properties = BasicProperties::default();
    macro_rules! keep {
        ($($get:ident $with:ident)*) => { $(
            if let Some(value) = old.$get().clone() {
                properties = properties.$with(value);
            }
        )* };
    }
    keep! {
        kind with_type
        content_type with_content_type
        content_encoding with_content_encoding
        correlation_id with_correlation_id
        timestamp with_timestamp
        app_id with_app_id
        priority with_priority
        reply_to with_reply_to
        cluster_id with_cluster_id
    }
    properties
}
