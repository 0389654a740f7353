//! Elements of DER (ITU-T X.690): a tag, the length, the content.

pub(crate) const INTEGER: u8 = 0x02;
pub(crate) const BIT_STRING: u8 = 0x03;
pub(crate) const OCTET_STRING: u8 = 0x04;
pub(crate) const OBJECT_IDENTIFIER: u8 = 0x06;
/// Tag of SEQUENCE.
pub const SEQUENCE: u8 = 0x30;

/// An element at the start of some bytes.
pub(crate) struct Element<'d> {
    pub(crate) content: &'d [u8],
    /// Tag, length and content.
    pub(crate) whole: &'d [u8],
    /// What follows.
    pub(crate) rest: &'d [u8],
}

/// The element at the start of `der`, if it has this tag. Its length may be longer than it need be, as in BER.
pub(crate) fn element(der: &[u8], tag: u8) -> Option<Element<'_>> {
    let (&[own, first], after) = der.split_first_chunk()?;
    let (len, after) = if first < 0x80 {
        (usize::from(first), after)
    } else {
        // The number of length bytes; a key has fewer than 2^24 bytes.
        let (digits, after) = after.split_at_checked(usize::from(first & 0x7f))?;
        let is_known = (1..=3).contains(&digits.len());
        let len = digits.iter().fold(0, |len, &digit| len << 8 | usize::from(digit));
        is_known.then_some((len, after))?
    };
    let (content, rest) = after.split_at_checked(len)?;
    let whole = &der[..der.len() - rest.len()];
    (own == tag).then_some(Element { content, whole, rest })
}

/// As [`element`], with the length in the one form that DER allows (§10.1).
pub(crate) fn canonical(der: &[u8], tag: u8) -> Option<Element<'_>> {
    let found = element(der, tag)?;
    let head = found.whole.len() - found.content.len();
    (head == header(tag, found.content.len()).len()).then_some(found)
}

/// The content of the one element that `der` is.
pub(crate) fn only(der: &[u8], tag: u8) -> Option<&[u8]> {
    canonical(der, tag).filter(|found| found.rest.is_empty()).map(|found| found.content)
}

/// The big-endian digits of an INTEGER's content; `None` if it is negative, or not in its shortest form (§8.3.2).
pub(crate) fn unsigned(content: &[u8]) -> Option<&[u8]> {
    match content {
        [0] => Some(content),
        [0, digits @ ..] => digits.first().is_some_and(|&first| first >= 0x80).then_some(digits),
        _ => content.first().is_some_and(|&first| first < 0x80).then_some(content),
    }
}

/// Tag, length and content.
#[must_use]
pub fn encoded(tag: u8, content: &[u8]) -> Vec<u8> {
    [header(tag, content.len()).as_slice(), content].concat()
}

/// An INTEGER that is not negative, from big-endian digits.
#[must_use]
pub fn encoded_unsigned(digits: &[u8]) -> Vec<u8> {
    let zeros = digits.iter().take_while(|&&digit| digit == 0).count();
    let digits = &digits[zeros..];
    // The first bit is the sign; zero is one byte.
    let sign: &[u8] = if digits.first().is_none_or(|&first| first >= 0x80) { &[0] } else { &[] };
    encoded(INTEGER, &[sign, digits].concat())
}

/// Tag and length.
fn header(tag: u8, len: usize) -> Vec<u8> {
    let digits = len.to_be_bytes();
    let zeros = digits.iter().take_while(|&&digit| digit == 0).count();
    match &digits[zeros..] {
        [] => vec![tag, 0],
        &[digit] if digit < 0x80 => vec![tag, digit],
        // A length has eight digits at most.
        long => [&[tag, 0x80 | long.len().to_le_bytes()[0]], long].concat(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_element_is_read_as_it_is_written() {
        for len in [0, 1, 0x7f, 0x80, 0xff, 0x100, 0xffff, 0x1_0000] {
            let content = vec![7; len];
            assert_eq!(only(&encoded(SEQUENCE, &content), SEQUENCE), Some(content.as_slice()));
        }
    }

    #[test]
    fn a_length_is_written_in_its_shortest_form() {
        let heads = [(0x7f, vec![0x30, 0x7f]), (0x80, vec![0x30, 0x81, 0x80])];
        for (len, head) in heads.into_iter().chain([(0x100, vec![0x30, 0x82, 1, 0])]) {
            assert!(encoded(SEQUENCE, &vec![7; len]).starts_with(&head), "{len}");
        }
    }

    #[test]
    fn a_longer_length_is_not_der() {
        for der in [&[0x30, 0x81, 1, 7][..], &[0x30, 0x82, 0, 1, 7], &[0x30, 0x80, 0, 0]] {
            assert!(canonical(der, SEQUENCE).is_none(), "{der:?}");
        }
    }

    #[test]
    fn an_element_that_is_cut_short_or_followed_by_bytes_is_not_the_only_one() {
        let whole = encoded(INTEGER, &[1; 200]);
        for end in 0..whole.len() {
            assert_eq!(only(&whole[..end], INTEGER), None, "{end}");
        }
        assert_eq!(only(&[whole.as_slice(), &[0]].concat(), INTEGER), None);
        assert_eq!(only(&whole, SEQUENCE), None);
    }

    #[test]
    fn an_unsigned_integer_is_read_as_it_is_written() {
        for digits in [&[0][..], &[1], &[0x7f, 0xff], &[0x80], &[0xff, 0]] {
            let encoded = encoded_unsigned(&[&[0, 0], digits].concat());
            assert_eq!(only(&encoded, INTEGER).and_then(unsigned), Some(digits));
        }
    }

    #[test]
    fn a_negative_integer_and_a_longer_one_are_refused() {
        for content in [&[][..], &[0x80], &[0xff, 1], &[0, 0], &[0, 1], &[0, 0x7f, 1]] {
            assert_eq!(unsigned(content), None, "{content:?}");
        }
    }
}
