//! What is wrong with a response that cannot be read, in words for the log.

use std::borrow::Cow;

use crate::connection::body_reader::{BodyReader, is_field};
use crate::connection::head::BadHead;
use crate::http::fields::Excerpt;

/// What is wrong with a head of a response that cannot be read.
pub(super) fn of_head(bad: BadHead, head: &[u8]) -> String {
    let what = match bad {
        BadHead::Lines => "a line of the head does not end with CR LF, or is folded",
        BadHead::Syntax | BadHead::Version => "the head is malformed",
        BadHead::Fields => return "the head has too many fields".into(),
    };
    let mut lines = head.split_inclusive(|byte| *byte == b'\n').enumerate();
    let odd = lines.find(|(number, line)| match line.strip_suffix(b"\r\n") {
        Some(line) => line.contains(&b'\r') || *number > 0 && !line.is_empty() && !is_field(line),
        None => true,
    });
    format!("{what}: {}", Excerpt(odd.map_or(head, |(_, line)| line)))
}

/// What is missing of a response that ended: of its head, while `body` is not known.
pub(super) fn of_end(body: Option<&BodyReader>, head: &[u8]) -> Cow<'static, str> {
    match body {
        None if head.is_empty() => "it closed the connection without an answer".into(),
        None => format!("it closed the connection within the head: {}", Excerpt(head)).into(),
        Some(BodyReader::Length(left)) => {
            format!("it closed the connection {left} bytes before the end of the body").into()
        }
        Some(_) => "it closed the connection before the last chunk of the body".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_that_is_wrong_is_shown() {
        for (bad, head, expected) in [
            (BadHead::Lines, "HTTP/1.1 200 OK\nx: y\n\n", r#"folded: "HTTP/1.1 200 OK\n""#),
            (BadHead::Lines, "HTTP/1.1 200 OK\r\nx: y\n", r#"folded: "x: y\n""#),
            (BadHead::Syntax, "HTTP/1.1 200 OK\r\na: b\r\nx y\r\n\r\n", r#"malformed: "x y\r\n""#),
        ] {
            let said = of_head(bad, head.as_bytes());
            assert!(said.ends_with(expected), "{said}");
        }
    }

    #[test]
    fn an_end_says_what_is_missing() {
        for (body, head, expected) in [
            (None, "", "it closed the connection without an answer"),
            (None, "HTT", "it closed the connection within the head: \"HTT\""),
            (
                Some(BodyReader::Length(3)),
                "",
                "it closed the connection 3 bytes before the end of the body",
            ),
        ] {
            assert_eq!(expected, of_end(body.as_ref(), head.as_bytes()));
        }
    }
}
