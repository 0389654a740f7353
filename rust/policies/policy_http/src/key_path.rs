//! Where in a JSON text a place is, as a path of keys.
//!
//! serde knows the line and the column of a mistake. This finds the keys above it, in a tenth of the code
//! that wrapping every deserializer takes.

/// A container that is open at some place of the text.
enum Open {
    /// With the key that was read last, and whether its value comes next.
    Object(String, bool),
    /// With the index of the item.
    List(usize),
}

/// How many bytes come before a line and column of `json`, which count from 1 and from 0.
pub(crate) fn offset(json: &[u8], line: usize, column: usize) -> usize {
    let breaks = json.iter().enumerate().filter(|(_, byte)| **byte == b'\n');
    let start = match line.checked_sub(2) {
        Some(earlier) => breaks.map(|(index, _)| index + 1).nth(earlier).unwrap_or(0),
        None => 0,
    };
    (start + column).min(json.len())
}

/// The keys and indexes above the place behind the first `end` bytes of `json`: `rules[1].from`.
pub(crate) fn key_path(json: &[u8], end: usize) -> String {
    let mut open: Vec<Open> = Vec::new();
    let mut rest = &json[..end];
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        match (byte, open.last_mut()) {
            (b'{', _) => open.push(Open::Object(String::new(), false)),
            (b'[', _) => open.push(Open::List(0)),
            (b'}' | b']', _) => drop(open.pop()),
            (b',', Some(Open::List(index))) => *index += 1,
            (b',', Some(object)) => *object = Open::Object(String::new(), false),
            (b':', Some(Open::Object(_, has_key))) => *has_key = true,
            (b'"', last) => {
                let (text, after) = string(rest);
                rest = after;
                if let Some(Open::Object(key, false)) = last {
                    *key = text;
                }
            }
            _ => {}
        }
    }
    open.iter().fold(String::new(), |path, level| match level {
        Open::List(index) => format!("{path}[{index}]"),
        Open::Object(key, _) if key.is_empty() => path,
        Open::Object(key, _) if path.is_empty() => key.clone(),
        Open::Object(key, _) => format!("{path}.{key}"),
    })
}

/// The text up to the quote that ends it, and what comes behind the quote.
fn string(rest: &[u8]) -> (String, &[u8]) {
    let mut is_escaped = false;
    let end = rest.iter().position(|&byte| {
        let is_end = byte == b'"' && !is_escaped;
        is_escaped = byte == b'\\' && !is_escaped;
        is_end
    });
    let (text, after) = rest.split_at(end.unwrap_or(rest.len()));
    let quoted = [b"\"", text, b"\""].concat();
    (serde_json::from_slice(&quoted).unwrap_or_default(), after.get(1..).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_keys_above_every_place_are_found() {
        let json = br#"{"a": {"b\"}": [1, {"c": "],{"}]}, "d": true}"#;
        for (before, expected) in [
            ("{\"a\"", "a"),
            (r#"{"a": {"b\"}": "#, "a.b\"}"),
            (r#"{"a": {"b\"}": [1"#, "a.b\"}[0]"),
            (r#"{"a": {"b\"}": [1, {"c": "],{""#, "a.b\"}[1].c"),
            (r#"{"a": {"b\"}": [1, {"c": "],{"}"#, "a.b\"}[1]"),
            (r#"{"a": {"b\"}": [1, {"c": "],{"}]}"#, "a"),
            (r#"{"a": {"b\"}": [1, {"c": "],{"}]}, "d": true"#, "d"),
            (r#"{"a": {"b\"}": [1, {"c": "],{"}]}, "d": true}"#, ""),
        ] {
            assert!(json.starts_with(before.as_bytes()), "{before}");
            assert_eq!(key_path(json, before.len()), expected, "{before}");
        }
    }

    #[test]
    fn lines_and_columns_are_counted_as_serde_counts_them() {
        let json = b"{\n\n \"a\": x}";
        let error = serde_json::from_slice::<serde_json::Value>(json).unwrap_err();
        assert_eq!((error.line(), error.column()), (3, 7));
        assert_eq!(offset(json, 3, 7), 10);
    }
}
