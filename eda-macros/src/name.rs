//! Which texts are names, patterns and keys: the same rules as the runtime's, told with the reason.

/// Names stay below what every broker takes as a routing key.
pub(crate) const MAX_BYTES: usize = 200;

/// Whether a text can be the name of an event or a handler. The error says what to write.
pub(crate) fn check(name: &str) -> Result<(), String> {
    let odd = name.chars().find(|c| !matches!(c, 'a'..='z' | '0'..='9' | '.' | '_' | '-'));
    match odd {
        Some('*' | '#') => {
            Err("a name stands for one event, without wildcards: a handler of `AnyEvent` with `pattern` takes many"
                .to_owned())
        }
        Some(c) if c.is_ascii_uppercase() => {
            Err(format!("names are lower-case: write `{}`", name.to_ascii_lowercase()))
        }
        Some(c) => Err(format!("`{c}` can't be in a name: write `a-z`, `0-9`, `_` and `-`, with `.` between segments")),
        None => segments("a name", name),
    }
}

/// Whether a text is empty, too long, or has nothing between two dots. `what` it is begins the message.
pub(crate) fn segments(what: &str, text: &str) -> Result<(), String> {
    if text.is_empty() {
        return Err(format!("{what} can't be empty: write what happened, such as `order.created`"));
    }
    if text.len() > MAX_BYTES {
        return Err(format!("{what} has at most {MAX_BYTES} bytes, and this one has {}", text.len()));
    }
    if text.split('.').any(str::is_empty) {
        let dense: Vec<_> = text.split('.').filter(|segment| !segment.is_empty()).collect();
        let instead = if dense.is_empty() { "order.created".to_owned() } else { dense.join(".") };
        return Err(format!("a segment between dots is empty: write `{instead}`"));
    }
    Ok(())
}

/// Whether a text is a pattern of routing keys: `*` stands for one segment, `#` for any number.
pub(crate) fn check_pattern(pattern: &str) -> Result<(), String> {
    segments("a pattern", pattern)?;
    let is_odd = |segment: &&str| segment.len() > 1 && segment.contains(['*', '#']);
    match pattern.split('.').find(is_odd) {
        Some(segment) => Err(format!("`*` and `#` stand for whole segments: `{segment}` would match nothing")),
        None if pattern.contains(|c: char| c.is_whitespace() || c.is_control()) => {
            Err("a pattern has no white space".to_owned())
        }
        None => Ok(()),
    }
}
