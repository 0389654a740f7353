//! The names of a module's functions in a separate file, which is read after a crash, never before.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use wasmer::sys::wasmparser::{KnownCustom, Name, Parser, Payload};

/// The section with the SHA-256 of the module that the names are of, in hex.
const MODULE: &str = "wasmgate.module";
/// Bytes of a file; more is not read.
const MOST: u64 = 16 << 20;

/// A file of custom sections: a name section (WebAssembly core specification, §7.4.1), and which
/// module it belongs to. A file that cannot be read, or is of another module, names nothing.
#[derive(Clone, Debug, Default)]
pub struct Symbols(Option<Arc<Apart>>);

#[derive(Debug)]
struct Apart {
    path: PathBuf,
    names: OnceLock<Names>,
}

type Names = HashMap<u32, String>;

impl Symbols {
    /// Those of a file.
    #[must_use]
    pub fn at(path: PathBuf) -> Self {
        Self(Some(Arc::new(Apart { path, names: OnceLock::new() })))
    }

    /// The name of a function of the module with this digest, as the compiler wrote it.
    pub(crate) fn name(&self, digest: &str, function: u32) -> Option<&str> {
        let apart = self.0.as_deref()?;
        let names = apart.names.get_or_init(|| read(&apart.path, digest).unwrap_or_default());
        names.get(&function).map(String::as_str)
    }
}

fn read(path: &Path, digest: &str) -> io::Result<Names> {
    let mut bytes = Vec::new();
    File::open(path)?.take(MOST).read_to_end(&mut bytes)?;
    names(&bytes, digest).ok_or_else(|| io::ErrorKind::InvalidData.into())
}

fn names(bytes: &[u8], digest: &str) -> Option<Names> {
    let mut names = Names::new();
    let mut belongs = false;
    for payload in Parser::new(0).parse_all(bytes) {
        let Payload::CustomSection(section) = payload.ok()? else { continue };
        if section.name() == MODULE {
            belongs = section.data() == digest.as_bytes();
        } else if let KnownCustom::Name(parts) = section.as_known() {
            for part in parts {
                let Name::Function(functions) = part.ok()? else { continue };
                for function in functions {
                    let function = function.ok()?;
                    names.insert(function.index, function.name.to_owned());
                }
            }
        }
    }
    belongs.then_some(names)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Function 1 is `check`, of the module "ab".
    const BYTES: &[u8] = b"\0asm\x01\0\0\0\
        \x00\x12\x0fwasmgate.moduleab\
        \x00\x0f\x04name\x01\x08\x01\x01\x05check";

    #[test]
    fn functions_of_the_module_have_names() {
        assert_eq!(names(BYTES, "ab"), Some(Names::from([(1, "check".to_owned())])));
    }

    #[test]
    fn another_module_has_none() {
        assert_eq!(names(BYTES, "cd"), None);
        assert_eq!(names(&BYTES[..8], "ab"), None);
    }

    #[test]
    fn a_broken_file_names_nothing() {
        for end in 9..BYTES.len() {
            assert_eq!(names(&BYTES[..end], "ab").unwrap_or_default(), Names::new(), "{end}");
        }
    }

    #[test]
    fn a_file_that_is_not_there_names_nothing() {
        assert_eq!(Symbols::at(PathBuf::from("no such file")).name("ab", 1), None);
        assert_eq!(Symbols::default().name("ab", 1), None);
    }
}
