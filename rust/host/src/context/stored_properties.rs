//! Values that policies store with a stream: `proxy_set_property` and `set_envoy_filter_state`.

/// Maximum number of bytes of paths and values that the policies of one stream may store.
pub(crate) const CAPACITY: usize = 64 << 10;
/// Bytes that a property counts in addition to its own, which bounds the number of properties.
const OVERHEAD: usize = 64;

/// Why a value was not stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum StoreError {
    /// The properties of the stream would exceed [`CAPACITY`].
    Full,
    /// The property has a value and was declared read-only.
    ReadOnly,
}

/// Values by path. Envoy keeps them as filter state whose keys begin with `wasm.`.
#[derive(Default)]
pub(crate) struct StoredProperties {
    values: Vec<Entry>,
}

struct Entry {
    path: Vec<u8>,
    value: Vec<u8>,
    read_only: bool,
}

impl Entry {
    fn size(&self) -> usize {
        self.path.len() + self.value.len() + OVERHEAD
    }
}

impl StoredProperties {
    /// The number of properties, which is the cost of a look-up.
    pub(crate) fn len(&self) -> usize {
        self.values.len()
    }

    /// The value of this path.
    pub(crate) fn find(&self, path: &[u8]) -> Option<&[u8]> {
        self.values.iter().find(|known| known.path == path).map(|known| known.value.as_slice())
    }

    /// Stores a value, and replaces an existing one.
    pub(crate) fn store(
        &mut self,
        path: Vec<u8>,
        value: Vec<u8>,
        read_only: bool,
    ) -> Result<(), StoreError> {
        let known = self.values.iter().position(|known| known.path == path);
        if known.is_some_and(|at| self.values[at].read_only) {
            return Err(StoreError::ReadOnly);
        }
        let entry = Entry { path, value, read_only };
        let others = self.values.iter().enumerate().filter(|(at, _)| Some(*at) != known);
        let held: usize = others.map(|(_, entry)| entry.size()).sum();
        if held + entry.size() > CAPACITY {
            return Err(StoreError::Full);
        }
        match known {
            Some(at) => self.values[at] = entry,
            None => self.values.push(entry),
        }
        Ok(())
    }
}
