//! As much of the protobuf wire format as the messages here need
//! (<https://protobuf.dev/programming-guides/encoding/>).

const VARINT: u64 = 0;
const FIXED_64: u64 = 1;
const LENGTH_DELIMITED: u64 = 2;
const FIXED_32: u64 = 5;

const MALFORMED: &str = "the arguments are not a protobuf message";

/// The value of a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Field<'a> {
    /// Bytes, a text or a message.
    Bytes(&'a [u8]),
    /// A number, a flag or a name of an enumeration.
    Number(u64),
}

/// Calls `take` with the number and value of each field that has a length or is a varint; others are
/// skipped.
///
/// # Errors
/// A text for the guest when the bytes do not parse.
pub(crate) fn read<'a>(
    mut bytes: &'a [u8],
    mut take: impl FnMut(u64, Field<'a>),
) -> Result<(), &'static str> {
    while !bytes.is_empty() {
        let tag = varint(&mut bytes)?;
        match tag & 7 {
            VARINT => take(tag >> 3, Field::Number(varint(&mut bytes)?)),
            FIXED_64 => drop(split(&mut bytes, 8)?),
            LENGTH_DELIMITED => {
                let length = varint(&mut bytes)?;
                let length = usize::try_from(length).unwrap_or(usize::MAX);
                take(tag >> 3, Field::Bytes(split(&mut bytes, length)?));
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

/// Fields 1 to `N` that are bytes; what is absent is empty, and the last of several counts, as in
/// proto3.
///
/// # Errors
/// As [`read`].
pub(crate) fn bytes_of<const N: usize>(bytes: &[u8]) -> Result<[&[u8]; N], &'static str> {
    let mut fields = [&[][..]; N];
    read(bytes, |number, value| {
        let slot = usize::try_from(number).ok().and_then(|number| number.checked_sub(1));
        if let (Some(field), Field::Bytes(value)) =
            (slot.and_then(|slot| fields.get_mut(slot)), value)
        {
            *field = value;
        }
    })?;
    Ok(fields)
}

/// Appends a field that is true; a false one is left out, as proto3 does.
pub(crate) fn write_true(field: u8, out: &mut Vec<u8>) {
    out.extend([field << 3, 1]);
}

/// Appends a field of bytes or text.
pub(crate) fn write_bytes(field: u8, bytes: &[u8], out: &mut Vec<u8>) {
    out.push(field << 3 | 2);
    let mut length = bytes.len();
    while length > 0x7f {
        out.push(0x80 | low(length));
        length >>= 7;
    }
    out.push(low(length));
    out.extend(bytes);
}

#[allow(clippy::cast_possible_truncation, reason = "of a varint, the lowest seven bits")]
fn low(length: usize) -> u8 {
    (length & 0x7f) as u8
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(bytes: &[u8]) -> Result<Vec<(u64, Field<'_>)>, &'static str> {
        let mut fields = Vec::new();
        read(bytes, |number, value| fields.push((number, value)))?;
        Ok(fields)
    }

    #[test]
    fn length_delimited_fields_are_read_in_order() {
        let expected = vec![(1, Field::Bytes(b"hi")), (2, Field::Bytes(b""))];
        assert_eq!(fields(b"\x0a\x02hi\x12\x00"), Ok(expected));
    }

    #[test]
    fn numbers_are_read_and_fields_of_fixed_length_skipped() {
        let bytes = b"\x28\x96\x01\x31\0\0\0\0\0\0\0\0\x3d\0\0\0\0\x0a\x01x";
        let expected = vec![(5, Field::Number(150)), (1, Field::Bytes(b"x"))];
        assert_eq!(fields(bytes), Ok(expected));
        assert_eq!(bytes_of(bytes), Ok([&b"x"[..], &b""[..]]));
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
    fn bytes_are_written_with_their_length() {
        let mut out = Vec::new();
        write_bytes(2, b"no", &mut out);
        assert_eq!(out, b"\x12\x02no");
        let mut long = Vec::new();
        write_bytes(1, &[7; 300], &mut long);
        assert_eq!(bytes_of(&long), Ok([&[7; 300][..]]));
    }
}
