//! Both programs put the same bytes on the wire, or their figures could not be compared.

use lapin::message::BasicGetMessage;
use lapin::types::{AMQPValue, ShortString};

/// What of a message must be the same: everything but the values of its id, its time and what follows from them.
pub(super) fn shape(message: &BasicGetMessage) -> Vec<String> {
    let properties = &message.delivery.properties;
    let text = |text: &Option<ShortString>| text.as_ref().map(|text| text.as_str().to_owned());
    let length = |text: &Option<ShortString>| text.as_ref().map(|text| text.as_str().len());
    let mut lines = vec![
        format!("exchange {} with key {}", message.delivery.exchange, message.delivery.routing_key),
        format!("a body of {} bytes", message.delivery.data.len()),
        format!(
            "content_type {:?}, encoding {:?}",
            text(properties.content_type()),
            text(properties.content_encoding())
        ),
        format!("type {:?}, app_id {:?}", text(properties.kind()), text(properties.app_id())),
        format!("delivery_mode {:?}, priority {:?}", properties.delivery_mode(), properties.priority()),
        format!("reply_to {:?}, expiration {:?}", text(properties.reply_to()), text(properties.expiration())),
        format!("a message_id of {:?} bytes", length(properties.message_id())),
        format!("a correlation_id of {:?} bytes", length(properties.correlation_id())),
        format!("a timestamp: {}", properties.timestamp().is_some()),
    ];
    for (name, value) in properties.headers().iter().flatten() {
        lines.push(match value {
            AMQPValue::LongString(text) => format!("header {name}: text of {} bytes", text.as_bytes().len()),
            other => format!("header {name}: {other:?}"),
        });
    }
    lines
}

/// # Errors
/// What differs.
pub(super) fn compare(ours: &[String], theirs: &[String]) -> Result<(), String> {
    let only = |of: &[String], not: &[String]| -> Vec<String> {
        of.iter().filter(|line| !not.contains(line)).cloned().collect()
    };
    let (only_ours, only_theirs) = (only(ours, theirs), only(theirs, ours));
    if only_ours.is_empty() && only_theirs.is_empty() {
        return Ok(());
    }
    let (ours, theirs) = (only_ours.join("; "), only_theirs.join("; "));
    Err(format!("the programs differ on the wire: the framework sends {ours}; the baseline {theirs}"))
}

#[cfg(test)]
mod tests {
    use super::compare;

    #[test]
    fn a_difference_is_said_from_both_sides() {
        let lines = |words: &[&str]| words.iter().map(ToString::to_string).collect::<Vec<_>>();
        assert_eq!(compare(&lines(&["a", "b"]), &lines(&["b", "a"])), Ok(()));
        let error = compare(&lines(&["a", "b"]), &lines(&["b", "c"])).expect_err("they differ");
        assert!(error.ends_with("the framework sends a; the baseline c"), "{error}");
    }
}
