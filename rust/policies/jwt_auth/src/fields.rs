//! The header map as the host serializes it (proxy-wasm/spec, "Serialization").
//!
//! It is read in place: the SDK makes two allocations for each field, and one or two fields are needed.

/// A header map, still serialized.
pub struct Fields<'m> {
    sizes: &'m [[u8; 8]],
    texts: &'m [u8],
}

impl<'m> Fields<'m> {
    /// Reads a map; `None` if `bytes` are not one complete map.
    #[must_use]
    pub fn read(bytes: &'m [u8]) -> Option<Self> {
        let (count, rest) = bytes.split_first_chunk::<4>()?;
        let count = usize::try_from(u32::from_le_bytes(*count)).ok()?;
        let (sizes, texts) = rest.split_at_checked(count.checked_mul(8)?)?;
        let fields = Self { sizes: sizes.as_chunks().0, texts };
        let mut sizes = fields.sizes.iter().map(|size| field_size(*size));
        let size = sizes.try_fold(0_usize, |sum, (name, value)| {
            sum.checked_add(name)?.checked_add(value)?.checked_add(2)
        });
        (size == Some(texts.len())).then_some(fields)
    }

    /// Names and values, in order.
    pub fn iter(&self) -> impl Iterator<Item = (&'m [u8], &'m [u8])> {
        let mut rest = self.texts;
        self.sizes.iter().map(move |size| {
            let (name_size, value_size) = field_size(*size);
            let (name, after) = rest.split_at(name_size);
            let (value, after) = after[1..].split_at(value_size);
            rest = &after[1..];
            (name, value)
        })
    }

    /// The values of a field, its name compared without case.
    pub fn values(&self, name: &str) -> impl Iterator<Item = &'m [u8]> {
        let is_it = move |own: &[u8]| own.eq_ignore_ascii_case(name.as_bytes());
        self.iter().filter(move |(own, _)| is_it(own)).map(|(_, value)| value)
    }
}

fn field_size(size: [u8; 8]) -> (usize, usize) {
    let size = u64::from_le_bytes(size);
    let [name, value] = [size, size >> 32].map(|size| size & 0xffff_ffff);
    (usize::try_from(name).unwrap_or(usize::MAX), usize::try_from(value).unwrap_or(usize::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAP: &[u8] = b"\x02\0\0\0\x01\0\0\0\x01\0\0\0\x01\0\0\0\x02\0\0\0a\x001\0b\x0022\0";

    #[test]
    fn fields_are_read_in_order() {
        let fields: Vec<_> = Fields::read(MAP).unwrap().iter().collect();
        assert_eq!(fields, [(&b"a"[..], &b"1"[..]), (b"b", b"22")]);
    }

    #[test]
    fn values_are_found_without_case() {
        let fields = Fields::read(MAP).unwrap();
        assert_eq!(fields.values("B").collect::<Vec<_>>(), [b"22"]);
        assert_eq!(fields.values("c").count(), 0);
    }

    #[test]
    fn a_map_that_is_cut_or_followed_by_bytes_is_refused() {
        for end in 0..MAP.len() {
            assert!(Fields::read(&MAP[..end]).is_none(), "{end}");
        }
        assert!(Fields::read(&[MAP, b"x"].concat()).is_none());
    }

    #[test]
    fn sizes_that_overflow_are_refused() {
        assert!(Fields::read(&[0xff; 64]).is_none());
    }

    #[test]
    fn an_empty_map_has_no_fields() {
        assert_eq!(Fields::read(&[0; 4]).unwrap().iter().count(), 0);
    }
}
