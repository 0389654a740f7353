//! Where a guest crashed, by the names of its functions: those of its name section, which the
//! cached artifact keeps, or those that it ships apart.

use wasmer::{FrameInfo, RuntimeError};

/// As Envoy shows them (proxy-wasm-cpp-host, `limits.h`).
const FRAMES: usize = 20;
/// Letters of a name.
const NAME: usize = 200;

/// The innermost frames; none when no function has a name, because bare numbers say nothing.
/// `apart` knows the names that the module itself does not have.
pub(crate) fn backtrace<'a>(
    trap: &'a RuntimeError,
    apart: impl Fn(u32) -> Option<&'a str>,
) -> Vec<String> {
    let frames = trap.trace();
    let name = |frame: &'a FrameInfo| frame.function_name().or_else(|| apart(frame.func_index()));
    let shown: Vec<_> = frames.iter().take(FRAMES).map(|it| (name(it), it.func_index())).collect();
    if shown.iter().all(|(name, _)| name.is_none()) {
        return Vec::new();
    }
    let mut lines: Vec<_> = shown.into_iter().map(|(name, index)| line(name, index)).collect();
    if frames.len() > FRAMES {
        lines.push(format!("and {} more", frames.len() - FRAMES));
    }
    lines
}

fn line(name: Option<&str>, index: u32) -> String {
    // Rust's names become readable, without the hash; others stay as they are.
    name.map_or_else(
        || format!("function {index}"),
        |name| {
            let name = format!("{:#}", rustc_demangle::demangle(name));
            name.chars().filter(|letter| !letter.is_control()).take(NAME).collect()
        },
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_rust_are_readable() {
        let mangled = "_ZN6policy5rules5check17h0123456789abcdefE";
        assert_eq!(line(Some(mangled), 7), "policy::rules::check");
    }

    #[test]
    fn other_names_stay_and_unnamed_functions_have_their_number() {
        assert_eq!(line(Some("_ZN4absl3FooEv_x"), 7), "_ZN4absl3FooEv_x");
        assert_eq!(line(None, 7), "function 7");
        assert_eq!(line(Some("a\nb"), 7), "ab");
    }

    #[test]
    fn a_trap_without_a_guest_has_no_frames() {
        assert!(backtrace(&RuntimeError::new("host"), |_| Some("guest")).is_empty());
    }
}
