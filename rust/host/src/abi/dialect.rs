//! The versions of the proxy-wasm ABI that a guest may speak.

use crate::types::load_error::LoadError;

const MARKER: &str = "proxy_abi_version_";

/// A version of the ABI; a module names its own with an export.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Dialect {
    V0_1_0,
    V0_2_0,
    V0_2_1,
    /// Higress's: 0.2.1, and hostcalls of its own (higress-group/proxy-wasm-cpp-host).
    V0_2_100,
}

impl Dialect {
    const ALL: [Self; 4] = [Self::V0_1_0, Self::V0_2_0, Self::V0_2_1, Self::V0_2_100];

    /// The version as in documents, like `0.2.1`.
    pub(crate) const fn version(self) -> &'static str {
        match self {
            Self::V0_1_0 => "0.1.0",
            Self::V0_2_0 => "0.2.0",
            Self::V0_2_1 => "0.2.1",
            Self::V0_2_100 => "0.2.100",
        }
    }

    /// Whether the body waits, too, without a callback, when a headers callback returns 1,
    /// as in Envoy's `StopAllIteration`. Higress's guests mean `StopIteration`: the headers wait,
    /// the body callback runs, and its answer decides for both.
    pub(crate) const fn stops_all_on_headers(self) -> bool {
        !matches!(self, Self::V0_2_100)
    }

    fn of_export(name: &str) -> Option<Self> {
        let version = name.strip_prefix(MARKER)?.replace('_', ".");
        Self::ALL.into_iter().find(|dialect| dialect.version() == version)
    }

    /// The newest known version among a module's exports.
    ///
    /// # Errors
    /// [`LoadError::NoAbi`] without any, [`LoadError::UnknownAbi`] with unknown ones only.
    pub(crate) fn of_exports<'a>(
        exports: impl Iterator<Item = &'a str>,
    ) -> Result<Self, LoadError> {
        let markers: Vec<&str> = exports.filter(|name| name.starts_with(MARKER)).collect();
        if markers.is_empty() {
            return Err(LoadError::NoAbi);
        }
        markers.iter().filter_map(|name| Self::of_export(name)).max().ok_or_else(|| {
            LoadError::UnknownAbi { found: markers.iter().map(|&name| name.to_owned()).collect() }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(exports: &[&str]) -> Result<Dialect, LoadError> {
        Dialect::of_exports(exports.iter().copied())
    }

    #[test]
    fn each_marker_names_its_dialect() {
        let found = Dialect::ALL
            .map(|dialect| of(&[&format!("{MARKER}{}", dialect.version().replace('.', "_"))]));
        assert_eq!(found, Dialect::ALL.map(Ok));
    }

    #[test]
    fn the_newest_of_several_wins() {
        let found = of(&["proxy_abi_version_0_2_1", "proxy_abi_version_0_1_0"]);
        assert_eq!(found, Ok(Dialect::V0_2_1));
    }

    #[test]
    fn a_module_without_marker_is_refused() {
        assert_eq!(of(&["memory", "_start"]), Err(LoadError::NoAbi));
    }

    #[test]
    fn higress_is_newer_than_what_it_extends() {
        let found = of(&["proxy_abi_version_0_2_100", "proxy_abi_version_0_2_1"]);
        assert_eq!(found, Ok(Dialect::V0_2_100));
    }

    #[test]
    fn an_unknown_version_is_named() {
        let name = "proxy_abi_version_0_3_0";
        assert_eq!(of(&[name]), Err(LoadError::UnknownAbi { found: vec![name.to_owned()] }));
    }
}
