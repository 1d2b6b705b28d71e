//! A JSON Schema becomes a part of the document.

use serde_json::Value;

/// The schema at its place, `#/components/schemas/{id}`: what refers to its own root refers there. Nothing where the text is no
/// JSON, which an event's own code could give.
pub(super) fn at(schema: &str, id: &str) -> Option<Value> {
    let mut schema: Value = serde_json::from_str(schema).ok()?;
    if let Some(root) = schema.as_object_mut() {
        root.remove("$schema");
    }
    moved(&mut schema, &format!("#/components/schemas/{id}"));
    Some(schema)
}

fn moved(schema: &mut Value, root: &str) {
    match schema {
        Value::Object(fields) => {
            for (name, value) in fields {
                let inner = value.as_str().filter(|_| name == "$ref").and_then(|path| path.strip_prefix('#'));
                match inner.map(|inner| format!("{root}{inner}")) {
                    Some(path) => *value = path.into(),
                    None => moved(value, root),
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| moved(item, root)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::at;

    #[test]
    fn references_point_to_the_new_place() {
        let tree = r##"{"$schema": "x", "properties": {"left": {"$ref": "#"}, "line": {"$ref": "#/definitions/Line"},
            "$ref": {"type": "string"}}, "definitions": {"Line": {"type": "object"}}}"##;
        let expected = json!({
            "properties": {
                "left": { "$ref": "#/components/schemas/a.v1" },
                "line": { "$ref": "#/components/schemas/a.v1/definitions/Line" },
                "$ref": { "type": "string" },
            },
            "definitions": { "Line": { "type": "object" } },
        });
        assert_eq!(at(tree, "a.v1"), Some(expected));
        assert_eq!(at("no json", "a.v1"), None);
    }
}
