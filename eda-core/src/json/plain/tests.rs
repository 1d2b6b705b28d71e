//! Whatever is accepted here, `serde_json` accepts with the same value.

use std::collections::BTreeMap;
use std::fmt::Debug;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::decode;

#[derive(Debug, Deserialize)]
#[expect(dead_code, reason = "they are compared as they show themselves")]
struct Placed {
    order_id: u64,
    change: i32,
    price: f64,
    note: Option<String>,
    kind: Kind,
    lines: Vec<Line>,
    #[serde(default)]
    labels: BTreeMap<String, Value>,
}

#[derive(Debug, Deserialize)]
#[expect(dead_code, reason = "they are compared as they show themselves")]
enum Kind {
    Plain,
    Of(u8),
    Both { a: i8, b: char },
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
#[expect(dead_code, reason = "they are compared as they show themselves")]
enum Line {
    Number(u64),
    Text(String),
    Full { sku: String, count: u16 },
}

#[derive(Debug, Deserialize)]
#[expect(dead_code, reason = "they are compared as they show themselves")]
struct Open {
    order_id: u64,
    #[serde(flatten)]
    rest: BTreeMap<String, Value>,
}

const TEXTS: [&str; 6] = [
    r#"{"order_id":4711,"change":-3,"price":12.5,"note":"für Zoë","kind":"Plain","lines":[1,"two",{"sku":"a","count":3}]}"#,
    r#" { "kind" : {"Of": 7}, "order_id" : 18446744073709551615 ,"change":0, "price": 1e3, "lines":[], "more":[null,-0,true] } "#,
    r#"{"order_id":1,"change":1,"price":2,"note":"a \"b\" \u00e9\ud83d\ude00\n","kind":{"Both":{"a":-1,"b":"x"}},"lines":[2],"labels":{"x":[1.5,{}]}}"#,
    r#"{"order_id":1,"change":2147483648,"price":-1,"note":null,"kind":"Plain","lines":[[]]}"#,
    r#"[1,2,"three",[false]]"#,
    "\"text\"",
];

/// What is put into texts.
const PIECES: [&str; 20] = [
    "{",
    "}",
    "[",
    "]",
    ",",
    ":",
    "\"",
    "\\",
    "0",
    "-",
    "9",
    "e",
    ".",
    " ",
    "null",
    "true",
    "é",
    "\u{1}",
    "\"kind\":",
    "12345678901234567890",
];

/// Whether it was accepted.
fn check<T: DeserializeOwned + Debug>(body: &[u8]) -> bool {
    let Some(plain) = decode::<T>(body) else { return false };
    match serde_json::from_slice::<T>(body) {
        Ok(value) => assert_eq!(format!("{plain:?}"), format!("{value:?}"), "{}", String::from_utf8_lossy(body)),
        Err(error) => panic!("accepted {plain:?} of {}, where {error}", String::from_utf8_lossy(body)),
    }
    true
}

#[test]
fn ordinary_bodies_are_read() {
    for text in &TEXTS[..3] {
        assert!(check::<Placed>(text.as_bytes()), "{text}");
        assert!(check::<Open>(text.as_bytes()), "{text}");
    }
    for text in TEXTS {
        assert!(check::<Value>(text.as_bytes()), "{text}");
    }
}

#[test]
fn what_is_out_of_the_ordinary_is_left_alone() {
    let deep = format!("{}{}", "[".repeat(100), "]".repeat(100));
    for body in [b"{\"order_id\":1,\"\xff\":2}".as_slice(), b"[\"\xff\"]", b"\xef\xbb\xbf[]", deep.as_bytes(), b""] {
        assert!(decode::<Value>(body).is_none(), "{}", String::from_utf8_lossy(body));
    }
    assert!(decode::<Open>(b"{\"order_id\":1,\"\xff\":2}").is_none());
    // a struct is an object, though serde would take its values in their order
    assert!(decode::<Open>(b"[1]").is_none());
}

/// As `SplitMix64` does it.
fn next(seed: &mut u64) -> usize {
    *seed = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mixed = (*seed ^ (*seed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    usize::try_from((mixed ^ (mixed >> 27)) >> 33).unwrap_or_default()
}

#[test]
fn changed_bodies_are_read_as_serde_json_reads_them() {
    let (mut seed, mut accepted) = (7, 0);
    for _ in 0..5_000 {
        let mut body = TEXTS[next(&mut seed) % TEXTS.len()].as_bytes().to_vec();
        for _ in 0..=next(&mut seed) % 3 {
            let (from, to) = (next(&mut seed) % body.len(), next(&mut seed) % body.len());
            match next(&mut seed) % 4 {
                0 => drop(body.remove(from)),
                1 => drop(body.splice(from..from, PIECES[next(&mut seed) % PIECES.len()].bytes())),
                2 => body.swap(from, to),
                _ => body[from] = u8::try_from(next(&mut seed) % 256).unwrap_or_default(),
            }
        }
        accepted +=
            u32::from(check::<Placed>(&body)) + u32::from(check::<Open>(&body)) + u32::from(check::<Value>(&body));
    }
    assert!(accepted > 500, "{accepted} are too few to say anything");
}
