//! Serialized maps: any bytes are a map or none; a map becomes the same bytes and the same map again.

use wasmgate_host::HeaderMap;
use wasmgate_host::fuzzing::{decode_map, encode_map};

use super::Target;

#[derive(Default)]
pub struct Maps {
    inputs: u64,
    maps: u64,
}

impl Target for Maps {
    fn name(&self) -> &'static str {
        "map"
    }

    fn take(&mut self, input: &[u8]) {
        self.inputs += 1;
        let Some(map) = decode_map(input) else { return };
        self.maps += 1;
        let (bytes, told) = encode_map(&map);
        assert_eq!(bytes.len(), told, "the length that is told is not that of the map");
        let again = decode_map(&bytes);
        assert!(
            again.as_ref().is_some_and(|again| equal(again, &map)),
            "what was decoded is another map after it was encoded"
        );
        assert!(map.byte_len() <= input.len(), "the map has more bytes than its source");
    }

    fn seen(&self) -> String {
        format!(", {} of {} were maps", self.maps, self.inputs)
    }
}

fn equal(one: &HeaderMap, other: &HeaderMap) -> bool {
    one.len() == other.len() && one.iter().eq(other.iter())
}
