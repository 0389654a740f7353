//! As much of the protobuf wire format as the messages here need
//! (<https://protobuf.dev/programming-guides/encoding/>).

const VARINT: u64 = 0;
const FIXED_64: u64 = 1;
const LENGTH_DELIMITED: u64 = 2;
const FIXED_32: u64 = 5;

const MALFORMED: &str = "the arguments are no protobuf message";

/// Calls `take` with the number and bytes of each length-delimited field; others are skipped.
///
/// # Errors
/// A text for the guest when the bytes do not parse.
pub(super) fn read<'a>(
    mut bytes: &'a [u8],
    mut take: impl FnMut(u64, &'a [u8]),
) -> Result<(), &'static str> {
    while !bytes.is_empty() {
        let tag = varint(&mut bytes)?;
        match tag & 7 {
            VARINT => drop(varint(&mut bytes)?),
            FIXED_64 => drop(split(&mut bytes, 8)?),
            LENGTH_DELIMITED => {
                let length = varint(&mut bytes)?;
                take(tag >> 3, split(&mut bytes, usize::try_from(length).unwrap_or(usize::MAX))?);
            }
            FIXED_32 => drop(split(&mut bytes, 4)?),
            _ => return Err(MALFORMED),
        }
    }
    Ok(())
}

fn split<'a>(bytes: &mut &'a [u8], length: usize) -> Result<&'a [u8], &'static str> {
    let (value, rest) = bytes.split_at_checked(length).ok_or(MALFORMED)?;
    *bytes = rest;
    Ok(value)
}

fn varint(bytes: &mut &[u8]) -> Result<u64, &'static str> {
    let mut value = 0;
    for shift in (0..64).step_by(7) {
        let (&byte, rest) = bytes.split_first().ok_or(MALFORMED)?;
        *bytes = rest;
        value |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Ok(value);
        }
    }
    Err(MALFORMED)
}

/// Appends a field that is true; a false one is left out, as proto3 does.
pub(super) fn write_true(field: u8, out: &mut Vec<u8>) {
    out.extend([field << 3, 1]);
}

/// Appends a field of text shorter than 128 bytes.
pub(super) fn write_short_text(field: u8, text: &str, out: &mut Vec<u8>) {
    let text = &text.as_bytes()[..text.len().min(0x7f)];
    out.push(field << 3 | 2);
    out.extend(u8::try_from(text.len()));
    out.extend(text);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(bytes: &[u8]) -> Result<Vec<(u64, &[u8])>, &'static str> {
        let mut fields = Vec::new();
        read(bytes, |number, value| fields.push((number, value)))?;
        Ok(fields)
    }

    #[test]
    fn length_delimited_fields_are_read_in_order() {
        assert_eq!(fields(b"\x0a\x02hi\x12\x00"), Ok(vec![(1, &b"hi"[..]), (2, &b""[..])]));
    }

    #[test]
    fn fields_of_other_types_are_skipped() {
        let bytes = b"\x28\x96\x01\x31\0\0\0\0\0\0\0\0\x3d\0\0\0\0\x0a\x01x";
        assert_eq!(fields(bytes), Ok(vec![(1, &b"x"[..])]));
    }

    #[test]
    fn a_length_beyond_the_end_is_malformed() {
        assert_eq!(fields(b"\x0a\x05hi"), Err(MALFORMED));
    }

    #[test]
    fn an_endless_varint_is_malformed() {
        assert_eq!(fields(&[0xff; 20]), Err(MALFORMED));
    }

    #[test]
    fn groups_are_malformed() {
        assert_eq!(fields(b"\x0b\x0c"), Err(MALFORMED));
    }

    #[test]
    fn a_text_is_written_with_its_length() {
        let mut out = Vec::new();
        write_short_text(2, "no", &mut out);
        assert_eq!(out, b"\x12\x02no");
    }
}
