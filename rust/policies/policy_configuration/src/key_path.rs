//! The path of keys to a position in a JSON text.
//!
//! serde reports the line and column of an error. Finding the keys from that position takes a tenth of the code that
//! a wrapper around every deserializer takes.

/// An object or list that is open at the position.
enum Open {
    /// The last key, and whether its colon was read.
    Object(String, bool),
    /// The index of the current item.
    List(usize),
}

/// The byte offset of a line, counted from 1, and a column, counted from 0.
pub(crate) fn offset(json: &[u8], line: usize, column: usize) -> usize {
    let breaks = json.iter().enumerate().filter(|(_, byte)| **byte == b'\n');
    let start = match line.checked_sub(2) {
        Some(earlier) => breaks.map(|(index, _)| index + 1).nth(earlier).unwrap_or(0),
        None => 0,
    };
    (start + column).min(json.len())
}

/// The keys and indexes that lead to the byte offset `end` of `json`, such as `rules[1].from`.
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

/// The string up to its closing quote, and the rest after the quote.
fn string(rest: &[u8]) -> (String, &[u8]) {
    let mut is_escaped = false;
    let end = rest.iter().position(|&byte| {
        let is_end = byte == b'"' && !is_escaped;
        is_escaped = byte == b'\\' && !is_escaped;
        is_end
    });
    let (text, after) = rest.split_at(end.unwrap_or(rest.len()));
    let quoted = [b"\"", text, b"\""].concat();
    let key =
        std::str::from_utf8(&quoted).ok().and_then(|quoted| serde_json::from_str(quoted).ok());
    (key.unwrap_or_default(), after.get(1..).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_keys_to_every_position_are_found() {
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
