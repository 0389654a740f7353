//! The digests that identify a module.

use std::fmt::Write;

use aws_lc_rs::digest;

/// SHA-256, which users see. It is computed once and kept with the machine code.
pub(crate) type Digest = [u8; 32];

/// BLAKE3 of the `.wasm` bytes: as hard to forge as SHA-256, and several times faster. It is computed at
/// every load, and never shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ModuleId(blake3::Hash);

impl ModuleId {
    pub(crate) fn of(bytes: &[u8]) -> Self {
        Self(blake3::hash(bytes))
    }

    pub(crate) fn hex(self) -> String {
        hex(self.0.as_bytes())
    }
}

/// SHA-256.
pub(crate) fn digest(bytes: &[u8]) -> Digest {
    let mut digest = Digest::default();
    digest.copy_from_slice(digest::digest(&digest::SHA256, bytes).as_ref());
    digest
}

/// SHA-256 in hex.
pub(crate) fn digest_hex(bytes: &[u8]) -> String {
    hex(&digest(bytes))
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(2 * bytes.len()), |mut hex, byte| {
        // Writing to a string cannot fail.
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}
