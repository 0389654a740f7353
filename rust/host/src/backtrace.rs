//! Where a guest crashed, by the names of its functions: those of its name section, which the
//! cached artifact keeps.

use wasmer::RuntimeError;

/// As Envoy shows them (proxy-wasm-cpp-host, `limits.h`).
const FRAMES: usize = 20;
/// Letters of a name.
const NAME: usize = 200;

/// The innermost frames; none when the module names no function, because bare numbers help nobody.
pub(crate) fn backtrace(trap: &RuntimeError) -> Vec<String> {
    let frames = trap.trace();
    if frames.iter().all(|frame| frame.function_name().is_none()) {
        return Vec::new();
    }
    let mut lines: Vec<_> = frames
        .iter()
        .take(FRAMES)
        .map(|frame| line(frame.function_name(), frame.func_index()))
        .collect();
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
        assert!(backtrace(&RuntimeError::new("host")).is_empty());
    }
}
