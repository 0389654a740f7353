//! Content-Length in a chain of policies: kept while it is correct, otherwise corrected or removed.

use wasmgate_host::{Body, Head, HeaderMap, Progress};

use crate::http::framing::BodyFraming;
use crate::http::framing::parse_length;

/// What the fields of a head say about the length of the body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Declared {
    Absent,
    Length(u64),
    /// More than one length, or none that is a number: a policy's doing.
    Nonsense,
}

pub(crate) fn declared(map: &HeaderMap) -> Declared {
    let mut values = map.get_all(b"content-length");
    match (values.next(), values.next()) {
        (None, _) => Declared::Absent,
        (Some(value), None) => parse_length(value).map_or(Declared::Nonsense, Declared::Length),
        _ => Declared::Nonsense,
    }
}

/// Bytes that are forwarded in this step; `chunk` is the length of the bytes that were passed in.
pub(crate) fn going_on(progress: &Progress, chunk: usize) -> u64 {
    let length = match &progress.body {
        Body::Nothing => 0,
        Body::Same => chunk,
        Body::Bytes(bytes) => bytes.len(),
    };
    length as u64
}

/// True if the head is forwarded together with its whole body.
fn is_whole(progress: &Progress) -> bool {
    progress.end && progress.trailers.is_none()
}

/// How a request's body is delimited, when its head is forwarded with the first `length` bytes of it.
/// `said`: the client announced a body, even if an empty one.
///
/// A body that a policy has buffered may have changed, so the announced length is dropped.
pub(crate) fn request_framing(
    progress: &Progress,
    length: u64,
    declared: Declared,
    said: bool,
) -> BodyFraming {
    match declared {
        _ if is_whole(progress) && length == 0 && !said => BodyFraming::Empty,
        _ if is_whole(progress) => BodyFraming::Length(length),
        // Trailers need chunks.
        _ if progress.trailers.is_some() => BodyFraming::Chunked,
        Declared::Length(declared) if !matches!(progress.body, Body::Bytes(_)) => {
            BodyFraming::Length(declared)
        }
        _ => BodyFraming::Chunked,
    }
}

/// What becomes of a response's Content-Length.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum LengthField {
    #[default]
    Kept,
    Set(u64),
    Dropped,
}

/// The same for a response. `no_content`: it is a 204, which has no length, or a 304, which needs none
/// (RFC 9110 §15.4.5) and that some ASGI servers cannot send with one; `no_body`: it answers HEAD, so
/// that its length is that of another body (RFC 9110 §8.6).
pub(crate) fn response_length(
    progress: &Progress,
    length: u64,
    declared: Declared,
    no_content: bool,
    no_body: bool,
) -> LengthField {
    let rewritten = matches!(progress.body, Body::Bytes(_));
    let whole = is_whole(progress) && (rewritten || !no_body);
    match declared {
        Declared::Absent if no_content => LengthField::Kept,
        _ if no_content => LengthField::Dropped,
        Declared::Length(declared) if whole && declared == length => LengthField::Kept,
        Declared::Absent if progress.head == Head::Unchanged => LengthField::Kept,
        _ if whole => LengthField::Set(length),
        Declared::Absent => LengthField::Kept,
        Declared::Length(_) if !rewritten && (no_body || progress.trailers.is_none()) => {
            LengthField::Kept
        }
        Declared::Length(_) | Declared::Nonsense => LengthField::Dropped,
    }
}

/// Counts a body against its Content-Length.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Count {
    expected: Option<u64>,
    sent: u64,
}

impl Count {
    /// A body of `expected` bytes; none if it does not say.
    pub fn of(expected: Option<u64>) -> Self {
        Self { expected, sent: 0 }
    }

    /// Counts forwarded bytes; false if they are too many, or too few and the last ones.
    pub fn add(&mut self, length: u64, end: bool) -> bool {
        self.sent += length;
        match self.expected {
            Some(expected) if end => self.sent == expected,
            Some(expected) => self.sent <= expected,
            None => true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn progress(head: Head, body: &str, end: bool) -> Progress {
        let body = match body {
            "" => Body::Nothing,
            "same" => Body::Same,
            bytes => Body::Bytes(bytes.into()),
        };
        Progress { head, body, end, trailers: None }
    }

    #[test]
    fn a_request_keeps_its_length_while_it_is_true() {
        let five = Declared::Length(5);
        for (body, end, declared, said, expected) in [
            ("", true, Declared::Absent, false, BodyFraming::Empty),
            ("", true, Declared::Length(0), true, BodyFraming::Length(0)),
            ("", false, five, true, BodyFraming::Length(5)),
            ("same", false, five, true, BodyFraming::Length(5)),
            ("abc", true, five, true, BodyFraming::Length(3)),
            ("abc", true, Declared::Absent, false, BodyFraming::Length(3)),
            ("abc", false, five, true, BodyFraming::Chunked),
            ("", false, Declared::Absent, true, BodyFraming::Chunked),
            ("", false, Declared::Nonsense, true, BodyFraming::Chunked),
        ] {
            let progress = progress(Head::Unchanged, body, end);
            let length = going_on(&progress, 5);
            assert_eq!(
                expected,
                request_framing(&progress, length, declared, said),
                "{body} {end}"
            );
        }
    }

    #[test]
    fn a_response_keeps_its_length_while_it_is_true() {
        let five = Declared::Length(5);
        for (head, body, end, declared, status, no_body, expected) in [
            (Head::Unchanged, "", false, five, 200, false, LengthField::Kept),
            (Head::Changed, "", false, five, 200, false, LengthField::Kept),
            (Head::Changed, "same", true, five, 200, false, LengthField::Kept),
            (Head::Changed, "abc", true, five, 200, false, LengthField::Set(3)),
            (Head::Changed, "abc", true, Declared::Absent, 401, false, LengthField::Set(3)),
            (Head::Changed, "abc", true, Declared::Absent, 401, true, LengthField::Set(3)),
            (Head::Changed, "abc", false, five, 200, false, LengthField::Dropped),
            (Head::Changed, "", false, Declared::Nonsense, 200, false, LengthField::Dropped),
            (Head::Unchanged, "", true, Declared::Absent, 200, false, LengthField::Kept),
            (Head::Unchanged, "", true, five, 200, true, LengthField::Kept),
            (Head::Unchanged, "", true, five, 204, false, LengthField::Dropped),
            (Head::Changed, "", true, Declared::Absent, 204, false, LengthField::Kept),
            (Head::Changed, "", true, Declared::Absent, 200, false, LengthField::Set(0)),
        ] {
            let progress = progress(head, body, end);
            let length = going_on(&progress, 5);
            let decided = response_length(&progress, length, declared, status == 204, no_body);
            assert_eq!(expected, decided, "{head:?} {body:?} {end} {declared:?} {status}");
        }
    }

    #[test]
    fn trailers_that_go_on_with_the_head_need_chunks() {
        let five = Declared::Length(5);
        let mut progress = progress(Head::Unchanged, "same", true);
        progress.trailers = Some(HeaderMap::new());
        assert_eq!(BodyFraming::Chunked, request_framing(&progress, 5, five, true));
        assert_eq!(LengthField::Dropped, response_length(&progress, 5, five, false, false));
    }

    #[test]
    fn only_one_number_is_a_length() {
        let map = |values: &[&str]| -> HeaderMap {
            values.iter().map(|v| (b"content-length".as_slice(), v.as_bytes())).collect()
        };
        assert_eq!(Declared::Absent, declared(&map(&[])));
        assert_eq!(Declared::Length(5), declared(&map(&["5"])));
        assert_eq!(Declared::Nonsense, declared(&map(&["5", "5"])));
        assert_eq!(Declared::Nonsense, declared(&map(&["x"])));
    }

    #[test]
    fn a_body_must_be_as_long_as_it_said() {
        let mut count = Count::of(Some(5));
        assert_eq!(
            [true, true, false],
            [count.add(3, false), count.add(2, true), count.add(1, false)]
        );
        assert!(!Count::of(Some(5)).add(4, true));
        assert!(Count::default().add(9, true));
    }
}
