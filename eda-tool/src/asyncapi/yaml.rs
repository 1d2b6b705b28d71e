//! JSON values as YAML. Texts are written in JSON's quotes, which YAML understands, so that nothing is taken for a number, a
//! date or a truth value; only keys that can't be anything else stand without.

use serde_json::Value;

pub(super) fn write(value: &Value) -> String {
    let mut text = String::new();
    block(value, 0, &mut text);
    text
}

/// A value that begins on a line of its own.
fn block(value: &Value, depth: usize, text: &mut String) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                indent(depth, text);
                text.push_str(&key(name));
                text.push(':');
                behind(value, depth, text);
            }
        }
        Value::Array(items) => {
            for item in items {
                indent(depth, text);
                text.push('-');
                behind(item, depth, text);
            }
        }
        scalar => {
            indent(depth, text);
            text.push_str(&scalar.to_string());
            text.push('\n');
        }
    }
}

/// A value behind a key or a dash: on the same line where it is a scalar or empty.
fn behind(value: &Value, depth: usize, text: &mut String) {
    let holds_more = match value {
        Value::Object(fields) => !fields.is_empty(),
        Value::Array(items) => !items.is_empty(),
        _ => false,
    };
    if holds_more {
        text.push('\n');
        block(value, depth + 1, text);
    } else {
        text.push(' ');
        text.push_str(&value.to_string());
        text.push('\n');
    }
}

fn indent(depth: usize, text: &mut String) {
    text.push_str(&"  ".repeat(depth));
}

fn key(name: &str) -> String {
    const WORDS: [&str; 9] = ["true", "false", "null", "yes", "no", "on", "off", "y", "n"];
    let plain = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '.' | '_' | '-');
    let begins = name.trim_start_matches('$').starts_with(|letter: char| letter.is_ascii_alphabetic());
    let is_plain = begins && name.trim_start_matches('$').chars().all(plain);
    if is_plain && !WORDS.contains(&name.to_ascii_lowercase().as_str()) {
        return name.to_owned();
    }
    Value::from(name).to_string()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::write;

    #[test]
    fn texts_stay_texts() {
        let value = json!({
            "asyncapi": "3.1.0", "on": [], "list": ["no", 1, { "a": "x: y" }, ["b"]], "12": { "$ref": "#/a" }, "": null
        });
        let expected = "\"\": null\n\"12\":\n  $ref: \"#/a\"\nasyncapi: \"3.1.0\"\nlist:\n  - \"no\"\n  - 1\n  -\n    a: \"x: \
                        y\"\n  -\n    - \"b\"\n\"on\": []\n";
        assert_eq!(write(&value), expected);
    }
}
