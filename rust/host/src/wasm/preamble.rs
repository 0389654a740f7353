//! Distinguishes a WebAssembly module from files that are mistaken for one.

use crate::types::load_error::LoadError;

/// `\0asm`, and the version that core modules have.
const MODULE: &[u8] = b"\0asm\x01\0\0\0";
/// The same first four bytes with the component layer set.
const COMPONENT: &[u8] = b"\0asm\x0d\0\x01\0";

/// Checks the first bytes.
///
/// # Errors
/// [`LoadError::NotWasm`] with what the bytes look like instead.
pub(crate) fn check(bytes: &[u8]) -> Result<(), LoadError> {
    if bytes.starts_with(MODULE) {
        return Ok(());
    }
    Err(LoadError::NotWasm { looks_like: looks_like(bytes) })
}

fn looks_like(bytes: &[u8]) -> &'static str {
    let text = bytes.trim_ascii_start();
    let begins = |prefix: &str| {
        text.get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix.as_bytes()))
    };
    if bytes.is_empty() {
        "the file is empty"
    } else if bytes.starts_with(COMPONENT) {
        "it is a component (WASI 0.2); build a core module for wasm32-wasip1"
    } else if bytes.starts_with(b"\0asm") {
        "it is WebAssembly of another version, or cut off"
    } else if begins("(module") || begins("(component") || begins(";;") || begins("(;") {
        "it is WebAssembly text; translate it with wat2wasm"
    } else if begins("<!doctype") || begins("<html") || begins("<?xml") {
        "it is an HTML or XML page, perhaps the error page of a download"
    } else if bytes.starts_with(b"\x1f\x8b") {
        "it is compressed with gzip; unpack it first"
    } else if bytes.starts_with(b"\x28\xb5\x2f\xfd") {
        "it is compressed with zstd; unpack it first"
    } else if bytes.starts_with(b"PK\x03\x04") {
        "it is a zip archive; unpack it first"
    } else if bytes.starts_with(b"\x7fELF") {
        "it is a native ELF program; build for the target wasm32-wasip1"
    } else if bytes.starts_with(b"version https://git-lfs") {
        "it is a Git LFS pointer; run `git lfs pull`"
    } else {
        "it does not begin with the bytes 00 61 73 6d"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(bytes: &[u8]) -> &'static str {
        match check(bytes) {
            Err(LoadError::NotWasm { looks_like }) => looks_like,
            other => panic!("expected NotWasm, got {other:?}"),
        }
    }

    #[test]
    fn a_module_passes() {
        assert_eq!(check(&wat::parse_str("(module)").unwrap()), Ok(()));
    }

    #[test]
    fn an_empty_file_is_named() {
        assert_eq!(refused(b""), "the file is empty");
    }

    #[test]
    fn text_is_named() {
        assert!(refused(b"  \n(module (func))").contains("text"));
    }

    #[test]
    fn html_is_named_in_any_case() {
        assert!(refused(b"<!DOCTYPE html><html>").contains("HTML"));
    }

    #[test]
    fn a_component_is_named() {
        assert!(refused(&wat::parse_str("(component)").unwrap()).contains("component"));
    }

    #[test]
    fn gzip_is_named() {
        assert!(refused(b"\x1f\x8b\x08\0").contains("gzip"));
    }

    #[test]
    fn elf_is_named() {
        assert!(refused(b"\x7fELF\x02\x01").contains("ELF"));
    }

    #[test]
    fn a_cut_off_header_is_named() {
        assert!(refused(b"\0asm\x01").contains("cut off"));
    }
}
