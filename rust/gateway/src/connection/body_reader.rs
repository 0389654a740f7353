//! Message bodies on their way in (RFC 9112 §6, §7): length, chunked, or until the connection ends.

use std::ops::Range;

use wasmgate_host::HeaderMap;

use crate::http::fields::{is_field_value, is_token};

/// Bytes of one chunk-size line, with its extensions, which are read and forgotten.
const SIZE_LINE: usize = 1024;
/// Bytes of all trailer fields.
const TRAILERS: usize = 8 << 10;

/// How far a body has been read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BodyReader {
    /// Nothing is left of it.
    Done,
    Length(u64),
    Chunked(Chunked),
    /// Of a response without length: its end is the connection's.
    UntilClose,
    /// The body of a refused request: whatever comes of it is not parsed.
    Unread,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Chunked {
    Size,
    Data(u64),
    DataEnd,
    Trailers,
}

/// What comes next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Piece {
    /// Body bytes, and whether they are known to be the last.
    Data(Range<usize>, bool),
    /// The end; behind a chunked body the lines of its trailers, with their ends.
    End(Range<usize>),
    /// More input is needed.
    More,
    /// The framing is broken.
    Bad,
}

impl BodyReader {
    /// A body of `length` bytes.
    pub(crate) fn of_length(length: u64) -> Self {
        if length == 0 { Self::Done } else { Self::Length(length) }
    }

    pub(crate) fn chunked() -> Self {
        Self::Chunked(Chunked::Size)
    }

    /// Takes the next piece of `input` from `at` on, and moves `at` behind it.
    pub(crate) fn next(&mut self, input: &[u8], at: &mut usize) -> Piece {
        match self {
            Self::Done | Self::Unread => Piece::End(*at..*at),
            Self::Length(left) => {
                let Some(range) = take(input, at, left) else { return Piece::More };
                let last = *left == 0;
                if last {
                    *self = Self::Done;
                }
                Piece::Data(range, last)
            }
            Self::UntilClose => {
                let range = *at..input.len();
                *at = input.len();
                if range.is_empty() { Piece::More } else { Piece::Data(range, false) }
            }
            Self::Chunked(state) => {
                let piece = state.next(input, at);
                if matches!(piece, Piece::End(_)) {
                    *self = Self::Done;
                }
                piece
            }
        }
    }
}

/// The fields in the lines of trailers; none if they are malformed.
pub(crate) fn trailer_fields(lines: &[u8]) -> Option<HeaderMap> {
    let mut map = HeaderMap::new();
    for line in lines.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
        let line = line.strip_suffix(b"\r")?;
        let colon = line.iter().position(|byte| *byte == b':')?;
        map.push(&line[..colon], line[colon + 1..].trim_ascii());
    }
    Some(map)
}

fn take(input: &[u8], at: &mut usize, left: &mut u64) -> Option<Range<usize>> {
    let there = input.len() - *at;
    if there == 0 {
        return None;
    }
    let length = usize::try_from(*left).map_or(there, |left| left.min(there));
    let range = *at..*at + length;
    *at += length;
    *left -= length as u64;
    Some(range)
}

impl Chunked {
    fn next(&mut self, input: &[u8], at: &mut usize) -> Piece {
        loop {
            match self {
                Self::Size => {
                    let line = match line(input, *at, SIZE_LINE) {
                        Ok(Some(line)) => line,
                        Ok(None) => return Piece::More,
                        Err(()) => return Piece::Bad,
                    };
                    let Some(size) = chunk_size(&input[line.clone()]) else { return Piece::Bad };
                    *at = line.end + 2;
                    *self = if size == 0 { Self::Trailers } else { Self::Data(size) };
                }
                Self::Data(left) => {
                    let Some(range) = take(input, at, left) else { return Piece::More };
                    if *left == 0 {
                        *self = Self::DataEnd;
                    }
                    return Piece::Data(range, false);
                }
                Self::DataEnd => match &input[*at..] {
                    [b'\r', b'\n', ..] => {
                        *at += 2;
                        *self = Self::Size;
                    }
                    [] | [b'\r'] => return Piece::More,
                    _ => return Piece::Bad,
                },
                Self::Trailers => return trailers(input, at),
            }
        }
    }
}

fn trailers(input: &[u8], at: &mut usize) -> Piece {
    let start = *at;
    let mut next = start;
    loop {
        match line(input, next, TRAILERS - (next - start).min(TRAILERS)) {
            Ok(Some(line)) if line.is_empty() => {
                *at = line.end + 2;
                return Piece::End(start..next);
            }
            Ok(Some(line)) if is_field(&input[line.clone()]) => next = line.end + 2,
            Ok(None) => return Piece::More,
            Ok(Some(_)) | Err(()) => return Piece::Bad,
        }
    }
}

pub(super) fn is_field(line: &[u8]) -> bool {
    let mut parts = line.splitn(2, |byte| *byte == b':');
    let (name, value) = (parts.next().unwrap_or_default(), parts.next());
    is_token(name) && value.is_some_and(is_field_value)
}

/// The line from `at` on, without its CR LF; none if it has not come yet. A bare CR or LF, or more
/// than `most` bytes, are an error.
fn line(input: &[u8], at: usize, most: usize) -> Result<Option<Range<usize>>, ()> {
    let rest = &input[at..];
    match memchr::memchr2(b'\r', b'\n', rest) {
        Some(end) if end > most => Err(()),
        Some(end) => match rest.get(end..) {
            Some([b'\r', b'\n', ..]) => Ok(Some(at..at + end)),
            Some([b'\r']) => Ok(None),
            _ => Err(()),
        },
        None if rest.len() > most => Err(()),
        None => Ok(None),
    }
}

/// `1*HEXDIG`, then extensions: nothing before, no sign, no space. RFC 9112 §7.1.1 would have spaces
/// before an extension taken out; no client sends them, and other readers refuse them.
fn chunk_size(line: &[u8]) -> Option<u64> {
    let digits = line.iter().position(|byte| !byte.is_ascii_hexdigit()).unwrap_or(line.len());
    if digits == 0 || digits > 16 || !are_extensions(&line[digits..]) {
        return None;
    }
    u64::from_str_radix(std::str::from_utf8(&line[..digits]).ok()?, 16).ok()
}

/// `*( ";" token [ "=" ( token / quoted-string ) ] )`
fn are_extensions(mut text: &[u8]) -> bool {
    while let Some(rest) = text.strip_prefix(b";") {
        let (name, rest) = word(rest);
        if name.is_empty() {
            return false;
        }
        text = match rest.strip_prefix(b"=") {
            None => rest,
            Some(value) if value.starts_with(b"\"") => match quoted(&value[1..]) {
                Some(rest) => rest,
                None => return false,
            },
            Some(value) => match word(value) {
                (b"", _) => return false,
                (_, rest) => rest,
            },
        };
    }
    text.is_empty()
}

/// The token at the start, and what follows.
fn word(text: &[u8]) -> (&[u8], &[u8]) {
    let end = text.iter().position(|byte| !is_token(&[*byte])).unwrap_or(text.len());
    text.split_at(end)
}

/// What follows the quoted string whose first quote has been read; none if it does not end.
fn quoted(text: &[u8]) -> Option<&[u8]> {
    let mut at = 0;
    loop {
        match text.get(at..)? {
            [b'"', rest @ ..] => return Some(rest),
            [b'\\', byte, ..] if !byte.is_ascii_control() || *byte == b'\t' => at += 2,
            [byte, ..] if *byte != b'\\' && (!byte.is_ascii_control() || *byte == b'\t') => at += 1,
            _ => return None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The body in `input`, fed byte by byte or at once; what is left behind it.
    fn read(mut reader: BodyReader, input: &[u8], step: usize) -> Option<(Vec<u8>, usize)> {
        let (mut body, mut at, mut end) = (Vec::new(), 0, 0);
        while end < input.len() {
            end = (end + step).min(input.len());
            loop {
                match reader.next(&input[..end], &mut at) {
                    Piece::Data(range, _) => body.extend_from_slice(&input[range]),
                    Piece::End(_) => return Some((body, input.len() - at)),
                    Piece::More => break,
                    Piece::Bad => return None,
                }
            }
        }
        None
    }

    #[test]
    fn any_split_gives_the_same_body() {
        let input = b"5;a=b\r\nhello\r\n1;x\r\n!\r\n0\r\nx-sum: 1\r\n\r\nnext";
        for step in 1..=input.len() {
            let body = read(BodyReader::chunked(), input, step);
            assert_eq!(body.map(|(body, _)| body), Some(b"hello!".to_vec()), "{step}");
        }
        assert_eq!(read(BodyReader::chunked(), input, input.len()).map(|(_, left)| left), Some(4));
        for step in 1..=6 {
            let body = read(BodyReader::of_length(5), b"hello!", step);
            assert_eq!(body.map(|(body, _)| body), Some(b"hello".to_vec()));
        }
    }

    #[test]
    fn extensions_are_read_and_forgotten() {
        for (text, expected) in [
            ("", true),
            (";a", true),
            (";a=b;c=\"d;\\\" e\"", true),
            (";", false),
            (";a=", false),
            (";a =b", false),
            (";a=b;", false),
            (";a=b ", false),
            (";a/b", false),
            (";a=\"b", false),
            (";a=\"b\"c", false),
            ("x", false),
        ] {
            assert_eq!(are_extensions(text.as_bytes()), expected, "{text:?}");
        }
    }

    #[test]
    fn bad_chunks_are_refused() {
        for input in [
            "x\r\n",
            "+5\r\nhello\r\n",
            "-1\r\n",
            "0x5\r\nhello",
            " 5\r\nhello",
            "5 x\r\nhello",
            "5 ;x\r\nhello",
            "5\nhello",
            "5\r\nhelloX",
            "5\r\nhello\n",
            "11111111111111111\r\n",
            "\r\n",
            ";a\r\n",
            "5;a\x01\r\n",
            "5\rx",
            "0\r\nx: a\n\r\n",
            "0\r\n x: a\r\n\r\n",
            "0\r\nx\r\n\r\n",
            "ffffffffffffffffff\r\n",
        ] {
            let (mut reader, mut at) = (BodyReader::chunked(), 0);
            let bad = loop {
                match reader.next(input.as_bytes(), &mut at) {
                    Piece::Bad => break true,
                    Piece::Data(..) => {}
                    Piece::End(_) | Piece::More => break false,
                }
            };
            assert!(bad, "{input:?}");
        }
    }

    #[test]
    fn trailers_and_size_lines_are_bounded() {
        let long = format!("0\r\nx: {}", "a".repeat(TRAILERS));
        let (mut reader, mut at) = (BodyReader::chunked(), 0);
        assert_eq!(reader.next(long.as_bytes(), &mut at), Piece::Bad);
        let (mut reader, mut at) = (BodyReader::chunked(), 0);
        assert_eq!(reader.next(&[b'0'; SIZE_LINE + 1], &mut at), Piece::Bad);
    }
}
