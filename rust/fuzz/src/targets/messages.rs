//! Protobuf messages, as foreign functions take them: any bytes are fields or an error.

use wasmgate_host::fuzzing::read_message;

use super::Target;

pub struct Messages;

impl Target for Messages {
    fn name(&self) -> &'static str {
        "messages"
    }

    fn take(&mut self, input: &[u8]) {
        let Some(fields) = read_message(input) else { return };
        let bytes: usize = fields.iter().filter_map(|(_, bytes)| *bytes).map(<[u8]>::len).sum();
        assert!(bytes <= input.len(), "the fields have more bytes than the message");
        assert!(fields.len() * 2 <= input.len(), "a field takes two bytes at least");
    }
}
