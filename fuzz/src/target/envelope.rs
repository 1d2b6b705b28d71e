//! CloudEvents of strangers, in structured and in binary mode.

use eda_core::transport::limits;
use eda_core::{HeaderValue, Message, envelope as cloud_events};

use super::texts;

/// An event in structured mode unfolds into a message or is refused, whatever it is; what a message says of itself is read
/// back as it was written.
///
/// # Panics
/// Where that does not hold.
pub fn envelope(input: &[u8]) {
    let mut message = Message::new("a.key", input.to_vec());
    message.content_type = Some(cloud_events::STRUCTURED.into());
    if cloud_events::unfold(&mut message).is_ok() {
        assert!(message.headers.len() <= limits::HEADER_COUNT_LIMIT);
        assert!(message.body.len() <= input.len());
        assert_is_read_back(&message);
    }
    let mut message = Message::new("a.key", "");
    for pair in texts(input).chunks_exact(2) {
        let value = HeaderValue::Text(pair[1].clone().into_owned());
        for prefix in ["", "cloudEvents_", "cloudEvents:", "ce-", "ce_"] {
            cloud_events::absorb(&mut message, &format!("{prefix}{}", pair[0]), &value);
        }
        assert!(pair[0].contains(cloud_events::media_type(&pair[0])));
    }
    assert_is_read_back(&message);
    assert!(!message.id_or_dash().contains(char::is_control));
}

fn assert_is_read_back(message: &Message) {
    let mut back = Message::new("a.key", "");
    for (name, value) in cloud_events::attributes(message) {
        let header = format!("cloudEvents_{name}");
        assert!(cloud_events::absorb(&mut back, &header, &HeaderValue::Text(value.into_owned())), "{header}");
    }
    let [written, read] = [message, &back].map(|message| cloud_events::attributes(message).collect::<Vec<_>>());
    assert_eq!(written, read);
}
