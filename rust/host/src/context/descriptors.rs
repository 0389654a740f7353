//! The files and folders that an instance has open.

use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::sync::Arc;

use cap_std::fs::Dir;

/// Maximum number of open files and folders of an instance.
const OPEN: usize = 64;
/// Maximum number of entries in a folder's listing.
const ENTRIES: usize = 65_536;
/// Maximum size in bytes of all listings of an instance.
const LISTED: usize = 4 << 20;

/// Open files and folders by descriptor number.
#[derive(Default)]
pub(crate) struct Descriptors {
    open: BTreeMap<u32, Descriptor>,
}

/// An open file or folder.
pub(crate) enum Descriptor {
    /// A folder of the capability `read`, by position.
    Folder(usize),
    Directory {
        dir: Arc<Dir>,
        /// The entries at the time when the listing began.
        entries: Arc<[Entry]>,
    },
    File(Arc<File>),
}

/// An entry of a folder's listing.
#[derive(Clone)]
pub(crate) struct Entry {
    pub(crate) name: String,
    /// `filetype` of WASI.
    pub(crate) kind: u8,
}

impl Descriptors {
    pub(crate) fn get(&mut self, number: u32) -> Option<&mut Descriptor> {
        self.open.get_mut(&number)
    }

    /// Adds a file or folder under the smallest free number from `first` on; `None`: too many are open.
    pub(crate) fn add(&mut self, first: u32, descriptor: Descriptor) -> Option<u32> {
        if self.open.len() >= OPEN {
            return None;
        }
        let number = (first..=u32::MAX).find(|number| !self.open.contains_key(number))?;
        self.open.insert(number, descriptor);
        Some(number)
    }

    /// Stores the listing of an open folder; false: the listings would exceed their limit.
    pub(crate) fn keep_listing(&mut self, number: u32, listing: &Arc<[Entry]>) -> bool {
        let others = self.open.iter().filter(|(other, _)| **other != number);
        let held: usize = others.map(|(_, descriptor)| descriptor.listed()).sum();
        if held + bytes(listing) > LISTED {
            return false;
        }
        if let Some(Descriptor::Directory { entries, .. }) = self.open.get_mut(&number) {
            *entries = Arc::clone(listing);
        }
        true
    }

    /// Closes a descriptor; returns whether it was open.
    pub(crate) fn close(&mut self, number: u32) -> bool {
        self.open.remove(&number).is_some()
    }
}

impl Descriptor {
    fn listed(&self) -> usize {
        match self {
            Self::Directory { entries, .. } => bytes(entries),
            Self::Folder(_) | Self::File(_) => 0,
        }
    }
}

fn bytes(listing: &[Entry]) -> usize {
    listing.iter().map(|entry| size_of::<Entry>() + entry.name.len()).sum()
}

/// The entries of a folder, by name. Names that are not UTF-8 are left out, because WASI requires UTF-8.
/// `charge` is called for each entry.
pub(crate) fn listing<E: From<io::Error>>(
    dir: &Dir,
    mut charge: impl FnMut() -> Result<(), E>,
) -> Result<Arc<[Entry]>, E> {
    let mut entries = Vec::new();
    for entry in dir.entries()?.take(ENTRIES) {
        charge()?;
        let entry = entry?;
        let kind = entry.file_type()?;
        let kind = match (kind.is_dir(), kind.is_file(), kind.is_symlink()) {
            (true, _, _) => 3,
            (_, true, _) => 4,
            (_, _, true) => 7,
            _ => 0,
        };
        if let Ok(name) = entry.file_name().into_string() {
            entries.push(Entry { name, kind });
        }
    }
    entries.sort_unstable_by(|a, b| a.name.cmp(&b.name));
    Ok(entries.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_listings_of_an_instance_are_bounded_together() {
        let folder = tempfile::tempdir().unwrap();
        let dir = Dir::open_ambient_dir(folder.path(), cap_std::ambient_authority()).unwrap();
        let dir = Arc::new(dir);
        let mut open = Descriptors::default();
        let mut add = || {
            let folder = Descriptor::Directory { dir: Arc::clone(&dir), entries: Arc::default() };
            open.add(3, folder).unwrap()
        };
        let numbers = [add(), add(), add()];
        let half: Arc<[Entry]> =
            (0..LISTED / 500).map(|_| Entry { name: "n".repeat(200), kind: 4 }).collect();
        let kept = numbers.map(|number| open.keep_listing(number, &half));
        assert_eq!(kept, [true, true, false]);
        assert!(open.keep_listing(numbers[0], &half));
        open.close(numbers[0]);
        assert!(open.keep_listing(numbers[2], &half));
    }
}
