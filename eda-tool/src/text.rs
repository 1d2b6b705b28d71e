//! What others have written, for a terminal: nothing of it may steer one.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::time::SystemTime;

use eda_core::envelope;
use serde_json::Value;
use serde_json::value::RawValue;

/// As it is, but for control characters, and for what turns the direction of text: those are escaped.
pub(crate) fn printable(text: &str) -> Cow<'_, str> {
    if !text.contains(steers) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len() + 16);
    for letter in text.chars() {
        if steers(letter) { shown.extend(letter.escape_default()) } else { shown.push(letter) }
    }
    Cow::Owned(shown)
}

/// One line of a text, and not much of it.
pub(crate) fn first_line(text: &str, most: usize) -> String {
    let line = text.lines().next().unwrap_or_default();
    let cut = line.chars().count() > most || line.len() < text.trim_end().len();
    let line: String = line.chars().take(most).collect();
    format!("{}{}", printable(&line), if cut { " …" } else { "" })
}

/// So many bytes of a text at most, in whole letters.
pub(crate) fn beginning(text: &str, most: usize) -> &str {
    let end = (0..=most.min(text.len())).rev().find(|end| text.is_char_boundary(*end));
    &text[..end.unwrap_or_default()]
}

/// JSON means the same when such letters are escaped, which stand within its texts only.
pub(crate) fn safe_json(json: String) -> String {
    let is_raw = |letter: char| steers(letter) && letter != '\n';
    if !json.contains(is_raw) {
        return json;
    }
    let mut safe = String::with_capacity(json.len() + 16);
    for letter in json.chars() {
        if is_raw(letter) {
            let mut units = [0; 2];
            for unit in letter.encode_utf16(&mut units) {
                // writing to a string can't fail
                let _ = write!(safe, "\\u{unit:04x}");
            }
        } else {
            safe.push(letter);
        }
    }
    safe
}

fn steers(letter: char) -> bool {
    (letter.is_control() && letter != '\t')
        || matches!(letter, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// A body for a person: lines stay lines.
pub(crate) fn body(body: &[u8]) -> String {
    match std::str::from_utf8(body) {
        Ok("") => "\n".to_owned(),
        Ok(text) => text.lines().flat_map(|line| [printable(line), "\n".into()]).collect(),
        Err(_) => format!("{}\n", body.escape_ascii()),
    }
}

/// A body within a document: JSON with all its figures and without blanks, other text as text, and else its bytes, escaped.
pub(crate) fn body_document(body: &[u8]) -> BodyDocument {
    match std::str::from_utf8(body) {
        Ok(text) => match serde_json::from_str::<&RawValue>(text).and_then(without_blanks) {
            Ok(json) => BodyDocument::Json(json),
            Err(_) => BodyDocument::Text(text.to_owned()),
        },
        Err(_) => BodyDocument::Bytes { bytes: body.escape_ascii().to_string() },
    }
}

/// JSON without what stands between its parts.
fn without_blanks(json: &RawValue) -> serde_json::Result<Box<RawValue>> {
    let (mut is_text, mut is_escaped) = (false, false);
    let is_kept = |letter: &char| {
        let is_end = *letter == '"' && !is_escaped;
        is_escaped = is_text && *letter == '\\' && !is_escaped;
        is_text ^= is_end;
        is_text || is_end || !matches!(letter, ' ' | '\t' | '\r' | '\n')
    };
    RawValue::from_string(json.get().chars().filter(is_kept).collect())
}

/// See [`body_document`].
#[derive(serde::Serialize)]
#[serde(untagged)]
pub(crate) enum BodyDocument {
    Json(Box<RawValue>),
    Text(String),
    Bytes { bytes: String },
}

/// RFC 3339 in UTC; a dash for a time that has no such text, as of a foreign producer that writes milliseconds for seconds.
pub(crate) fn time(time: SystemTime) -> String {
    let millis = envelope::write_time(time);
    millis.map_or_else(|| "-".to_owned(), |_| humantime::format_rfc3339_seconds(time).to_string())
}

/// As [`time`], or a dash.
pub(crate) fn time_or_dash(at: Option<SystemTime>) -> String {
    at.map_or_else(|| "-".to_owned(), time)
}

/// As [`time`], or null.
pub(crate) fn time_document(at: Option<SystemTime>) -> Value {
    at.and_then(envelope::write_time).into()
}

/// Columns under their titles, each as wide as it has to be.
pub(crate) fn table<const N: usize>(titles: [&str; N], rows: &[[String; N]]) -> Vec<String> {
    let width = |column: usize| {
        let cells = rows.iter().map(|row| row[column].chars().count());
        cells.chain([titles[column].len()]).max().unwrap_or_default()
    };
    let widths: Vec<_> = (0..N).map(width).collect();
    let line = |cells: [&str; N]| {
        let padded = cells.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}"));
        padded.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    let rows = rows.iter().map(|row| line(row.each_ref().map(String::as_str)));
    std::iter::once(line(titles)).chain(rows).collect()
}

/// `1 letter`, `2 letters`.
pub(crate) fn counted(count: u64, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}

/// What there is where nothing matches.
pub(crate) fn beside(count: u64, what: &str) -> String {
    match count {
        0 => ": there is nothing to look through".to_owned(),
        1 => format!(": there is {}", counted(count, what)),
        _ => format!(": there are {}", counted(count, what)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_steers_a_terminal_is_left() {
        let foreign = "red\u{1b}[31m\u{9b}2J\r\nnext\u{202e}";
        assert_eq!(printable(foreign), "red\\u{1b}[31m\\u{9b}2J\\r\\nnext\\u{202e}");
        assert_eq!(first_line(foreign, 100), "red\\u{1b}[31m\\u{9b}2J …");
        assert_eq!(first_line("short", 3), "sho …");
        assert_eq!(body(b"a\n\x1bb"), "a\n\\u{1b}b\n");
        assert_eq!(body(b"\xff\x1b"), "\\xff\\x1b\n");
    }

    #[test]
    fn json_keeps_its_meaning() {
        let text = "a\u{9b}b\u{202e}".to_owned();
        let json = safe_json(serde_json::to_string(&text).expect("it is text"));
        assert_eq!(json, r#""a\u009bb\u202e""#);
        assert_eq!(serde_json::from_str::<String>(&json).ok(), Some(text));
    }

    #[test]
    fn a_body_of_json_keeps_its_figures_and_loses_its_lines() {
        let shown = |body: &[u8]| serde_json::to_string(&body_document(body)).expect("it is a document");
        let json = shown(b"{\r\n\t\"n\" : 123456789012345678901,\r\n\t\"a\": \"b \\\\\", \"c\": \" \\\" \" }");
        assert_eq!(json, r#"{"n":123456789012345678901,"a":"b \\","c":" \" "}"#);
        assert!(serde_json::from_str::<Value>(&safe_json(json)).is_ok());
        for (body, expected) in [(&b"no \"json"[..], r#""no \"json""#), (b"", r#""""#), (b"1 2", r#""1 2""#)] {
            assert_eq!(shown(body), expected);
        }
    }

    #[test]
    fn a_text_is_cut_between_its_letters() {
        assert_eq!(["", "abc", "aäc", "äöü"].map(|text| beginning(text, 3)), ["", "abc", "aä", "ä"]);
    }

    #[test]
    fn columns_stand_below_each_other() {
        let lines = table(["A", "COUNT"], &[["order.created".to_owned(), "1".to_owned()]]);
        assert_eq!(lines, ["A              COUNT", "order.created  1"]);
    }

    #[test]
    fn a_time_without_a_text_is_a_dash() {
        let after = |seconds| SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(seconds);
        let milliseconds_for_seconds = after(1_800_000_000_000);
        let before = SystemTime::UNIX_EPOCH - std::time::Duration::from_secs(1);
        for odd in [milliseconds_for_seconds, before] {
            assert_eq!((time(odd).as_str(), time_document(Some(odd))), ("-", Value::Null));
        }
        assert_eq!(time(after(253_402_300_799)), "9999-12-31T23:59:59Z");
    }
}
