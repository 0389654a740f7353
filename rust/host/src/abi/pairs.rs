//! Serialized maps (proxy-wasm/spec, "Serialization").
//!
//! The specification's example is wrong; the bytes of `{a: 1, b: 22}` in real guests and hosts are
//! `02000000 01000000 01000000 01000000 02000000 61 00 31 00 62 00 3232 00`.

use crate::types::headers::HeaderMap;

/// The map as bytes: count, lengths, then names and values, each ended by a zero byte.
pub(crate) fn encode(map: &HeaderMap) -> Vec<u8> {
    let mut out = Vec::with_capacity(4 + map.len() * 10 + map.byte_len());
    out.extend_from_slice(&number(map.len()));
    for (name, value) in map.iter() {
        out.extend_from_slice(&number(name.len()));
        out.extend_from_slice(&number(value.len()));
    }
    for (name, value) in map.iter() {
        out.extend_from_slice(name);
        out.push(0);
        out.extend_from_slice(value);
        out.push(0);
    }
    out
}

/// Bytes of [`encode`]'s result without making it: `proxy_get_header_map_size`.
pub(crate) fn encoded_len(map: &HeaderMap) -> usize {
    4 + map.len() * 10 + map.byte_len()
}

fn number(length: usize) -> [u8; 4] {
    u32::try_from(length).unwrap_or(u32::MAX).to_le_bytes()
}

/// The map in `bytes`, `None` if they are malformed. Both empty forms are accepted: no bytes at
/// all and a single zero byte.
pub(crate) fn decode(bytes: &[u8]) -> Option<HeaderMap> {
    if bytes.is_empty() || bytes == [0] {
        return Some(HeaderMap::new());
    }
    let word = |at: usize| -> Option<usize> {
        let word = bytes.get(at..at.checked_add(4)?)?;
        usize::try_from(u32::from_le_bytes(word.try_into().ok()?)).ok()
    };
    let count = word(0)?;
    let mut at = count.checked_mul(8)?.checked_add(4)?;
    if at > bytes.len() {
        return None;
    }
    let mut map = HeaderMap::with_capacity(count, bytes.len() - at);
    for pair in 0..count {
        let name = terminated(bytes, &mut at, word(4 + pair * 8)?)?;
        let value = terminated(bytes, &mut at, word(8 + pair * 8)?)?;
        map.push(name, value);
    }
    (at == bytes.len()).then_some(map)
}

fn terminated<'a>(bytes: &'a [u8], at: &mut usize, length: usize) -> Option<&'a [u8]> {
    let end = at.checked_add(length)?;
    let text = bytes.get(*at..end)?;
    if *bytes.get(end)? != 0 {
        return None;
    }
    *at = end + 1;
    Some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SPEC: [u8; 29] = [
        2, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, b'a', 0, b'1', 0, b'b', 0,
        b'2', b'2', 0,
    ];

    fn map() -> HeaderMap {
        let fields: [(&[u8], &[u8]); 2] = [(b"a", b"1"), (b"b", b"22")];
        fields.into_iter().collect()
    }

    #[test]
    fn encodes_as_real_hosts_do() {
        assert_eq!(encode(&map()), SPEC);
        assert_eq!(encoded_len(&map()), SPEC.len());
    }

    #[test]
    fn decodes_what_it_encodes() {
        assert_eq!(encode(&decode(&SPEC).unwrap()), SPEC);
    }

    #[test]
    fn both_empty_forms_are_a_map() {
        assert!(decode(&[]).unwrap().is_empty());
        assert!(decode(&[0]).unwrap().is_empty());
        assert!(decode(&[0, 0, 0, 0]).unwrap().is_empty());
    }

    #[test]
    fn malformed_bytes_are_refused() {
        for cut in 1..SPEC.len() {
            assert!(decode(&SPEC[..cut]).is_none() || SPEC[..cut] == [0], "cut at {cut}");
        }
        let mut longer = SPEC.to_vec();
        longer.push(0);
        assert!(decode(&longer).is_none());
        assert!(decode(&[255; 4]).is_none());
        assert!(decode(&[255; 64]).is_none());
    }
}
