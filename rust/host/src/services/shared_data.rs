//! Key-value data shared by the instances of one policy (proxy-wasm/spec, "Shared Key-Value Store").

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use crate::services::namespaces::Namespace;

/// What an entry takes beside its key and value; so it bounds their number too.
const ENTRY: usize = 96;

/// Values with their compare-and-swap numbers, for all threads of the process.
pub(crate) struct SharedData {
    table: Mutex<Table>,
    /// Bytes of keys and values.
    capacity: usize,
}

#[derive(Default)]
struct Table {
    entries: HashMap<Vec<u8>, Entry>,
    bytes: usize,
    last_cas: u32,
}

struct Entry {
    value: Vec<u8>,
    cas: u32,
}

/// Why a value was not stored.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum SharedDataError {
    /// Another value was stored since the number was read.
    CasMismatch,
    /// The policy's share is full.
    Full,
}

impl SharedData {
    /// Data of a space, as much as it may keep.
    pub(crate) fn of(space: &Namespace) -> Self {
        Self { table: Mutex::default(), capacity: space.quota().data }
    }

    /// Bytes that it keeps.
    pub(crate) fn bytes(&self) -> usize {
        self.table.lock().unwrap_or_else(PoisonError::into_inner).bytes
    }

    /// The value and its number, never 0.
    pub(crate) fn get(&self, key: &[u8]) -> Option<(Vec<u8>, u32)> {
        let table = self.table.lock().unwrap_or_else(PoisonError::into_inner);
        table.entries.get(key).map(|entry| (entry.value.clone(), entry.cas))
    }

    /// Stores `value`; `cas` 0 is unconditional, else it must be the number of the stored value,
    /// if there is one.
    pub(crate) fn set(&self, key: &[u8], value: Vec<u8>, cas: u32) -> Result<(), SharedDataError> {
        let mut table = self.table.lock().unwrap_or_else(PoisonError::into_inner);
        let table = &mut *table;
        // No entry has the largest number: a guest that names it creates an entry or fails.
        let next = if table.last_cas >= u32::MAX - 1 { 1 } else { table.last_cas + 1 };
        if let Some(entry) = table.entries.get_mut(key) {
            if cas != 0 && cas != entry.cas {
                return Err(SharedDataError::CasMismatch);
            }
            let bytes = table.bytes - entry.value.len() + value.len();
            if bytes > self.capacity {
                return Err(SharedDataError::Full);
            }
            table.bytes = bytes;
            *entry = Entry { value, cas: next };
        } else {
            // An entry that does not exist takes any version, as in Envoy: one that no entry can have
            // creates it, unless another thread was faster.
            let bytes = table.bytes + key.len() + value.len() + ENTRY;
            if bytes > self.capacity {
                return Err(SharedDataError::Full);
            }
            table.bytes = bytes;
            table.entries.insert(key.to_vec(), Entry { value, cas: next });
        }
        table.last_cas = next;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CAPACITY: usize = TENANT.quota().data;
    const TENANT: Namespace = Namespace::Tenant(1);

    fn empty() -> SharedData {
        SharedData::of(&TENANT)
    }

    #[test]
    fn a_stale_number_is_refused() {
        let data = empty();
        data.set(b"k", b"1".to_vec(), 0).unwrap();
        let (_, cas) = data.get(b"k").unwrap();
        data.set(b"k", b"2".to_vec(), cas).unwrap();
        assert_eq!(data.set(b"k", b"3".to_vec(), cas), Err(SharedDataError::CasMismatch));
        assert_eq!(data.get(b"k").unwrap().0, b"2");
    }

    #[test]
    fn an_absent_key_takes_any_number_and_the_largest_creates_it_once() {
        let data = empty();
        assert_eq!(data.set(b"k", vec![], 7), Ok(()));
        assert_eq!(data.set(b"new", b"1".to_vec(), u32::MAX), Ok(()));
        assert_eq!(data.set(b"new", b"2".to_vec(), u32::MAX), Err(SharedDataError::CasMismatch));
    }

    #[test]
    fn the_share_of_a_tenant_is_bounded() {
        let data = empty();
        assert_eq!(data.set(b"k", vec![0; CAPACITY], 0), Err(SharedDataError::Full));
        data.set(b"k", vec![0; CAPACITY - ENTRY - 1], 0).unwrap();
        assert_eq!(data.set(b"l", vec![], 0), Err(SharedDataError::Full));
        data.set(b"k", vec![], 0).unwrap();
        data.set(b"l", vec![], 0).unwrap();
    }
}
