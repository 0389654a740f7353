//! The capability `read`: the files and folders that a policy may read, and their paths in the guest.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use cap_std::ambient_authority;
use cap_std::fs::Dir;

use crate::types::load_error::LoadError;

/// Folders and files that a policy may read, opened once. Cloning is cheap and shares.
///
/// A policy sees the entry `keys/` as the folder `/keys`. No path leads out of it: not by `..`, not
/// by an absolute path, not by a symlink (cap-std).
#[derive(Clone, Default)]
pub struct Folders {
    entries: Arc<[(String, PathBuf)]>,
    folders: Arc<[Folder]>,
}

/// A folder as the guest sees it.
pub(crate) struct Folder {
    /// An absolute path.
    pub(crate) name: String,
    content: Content,
}

enum Content {
    /// All of a folder.
    Whole(Arc<Dir>),
    /// Single files: the guest's name, the folder that has it and its name there.
    Files(Vec<(String, Arc<Dir>, PathBuf)>),
}

/// Where a path of the guest leads.
pub(crate) enum Found {
    /// To something in a folder of the system.
    In(Arc<Dir>, PathBuf),
    /// To a folder that has single files only.
    Itself,
    /// To nothing that the policy may see.
    Nowhere,
}

impl Folders {
    /// Opens the entries of `read`: paths in the guest, and paths of this system.
    ///
    /// # Errors
    /// [`LoadError::Read`] for what cannot be opened.
    pub fn open(entries: Vec<(String, PathBuf)>) -> Result<Self, LoadError> {
        let mut folders: Vec<Folder> = Vec::new();
        for (given, path) in &entries {
            let refused = |reason: String| LoadError::Read { path: path.clone(), reason };
            let name = seen_as(given);
            let failed = |error: std::io::Error| refused(error.to_string());
            if std::fs::metadata(path).map_err(failed)?.is_dir() {
                let content = Content::Whole(open(path).map_err(failed)?);
                folders.push(Folder { name, content });
                continue;
            }
            let file = path.file_name().ok_or_else(|| refused("it is not a file".to_owned()))?;
            let above = path.parent().filter(|above| !above.as_os_str().is_empty());
            let dir = open(above.unwrap_or(Path::new("."))).map_err(failed)?;
            dir.open(file).map_err(failed)?;
            let (at, name) = name.rsplit_once('/').unwrap_or(("", &name));
            add_file(&mut folders, at, (name.to_owned(), dir, file.into()));
        }
        Ok(Self { entries: entries.into(), folders: folders.into() })
    }

    pub(crate) fn get(&self, position: usize) -> Option<&Folder> {
        self.folders.get(position)
    }

    pub(crate) fn len(&self) -> usize {
        self.folders.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.folders.is_empty()
    }
}

fn open(path: &Path) -> std::io::Result<Arc<Dir>> {
    Dir::open_ambient_dir(path, ambient_authority()).map(Arc::new)
}

fn add_file(folders: &mut Vec<Folder>, at: &str, file: (String, Arc<Dir>, PathBuf)) {
    let at = if at.is_empty() { "/" } else { at };
    for folder in &mut *folders {
        if let Content::Files(files) = &mut folder.content
            && folder.name == at
        {
            files.push(file);
            return;
        }
    }
    folders.push(Folder { name: at.to_owned(), content: Content::Files(vec![file]) });
}

/// `keys/` and `./keys` are seen as `/keys`: the libraries of all guests find an absolute path,
/// independent of their current directory. There is nothing above the root: `../keys` is `/keys`.
fn seen_as(given: &str) -> String {
    let mut parts = Vec::new();
    for part in given.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    format!("/{}", parts.join("/"))
}

impl Folder {
    pub(crate) fn find(&self, path: &str) -> Found {
        match &self.content {
            Content::Whole(dir) => Found::In(Arc::clone(dir), path.into()),
            Content::Files(files) => {
                let name = path.trim_start_matches("./").trim_end_matches('/');
                match files.iter().find(|(file, _, _)| file == name) {
                    Some((_, dir, file)) => Found::In(Arc::clone(dir), file.clone()),
                    None if matches!(name, "" | ".") => Found::Itself,
                    None => Found::Nowhere,
                }
            }
        }
    }

    /// The folder of the system, if all of it is to be seen; else the names of the files.
    pub(crate) fn content(&self) -> Result<&Arc<Dir>, Vec<&str>> {
        match &self.content {
            Content::Whole(dir) => Ok(dir),
            Content::Files(files) => Err(files.iter().map(|(name, _, _)| &**name).collect()),
        }
    }
}

impl PartialEq for Folders {
    fn eq(&self, other: &Self) -> bool {
        self.entries == other.entries
    }
}

impl Eq for Folders {}

impl Hash for Folders {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.entries.hash(state);
    }
}

impl fmt::Debug for Folders {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.entries.iter().map(|(name, path)| (name, path))).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn opened(entries: &[(&str, PathBuf)]) -> Result<Folders, LoadError> {
        Folders::open(
            entries.iter().map(|(name, path)| ((*name).to_owned(), path.clone())).collect(),
        )
    }

    #[test]
    fn a_folder_is_seen_from_the_root() {
        let names = ["keys/", "./keys", "/keys//", "../keys", "a/../keys/."].map(seen_as);
        assert_eq!(names, ["/keys"; 5]);
        assert_eq!(seen_as("."), "/");
    }

    #[test]
    fn what_is_missing_is_named_with_a_way_out() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("none");
        let error = opened(&[("none", path.clone())]).unwrap_err().to_string();
        assert!(
            error.starts_with(&format!("{} of the capability `read`", path.display())),
            "{error}"
        );
    }

    #[test]
    fn files_of_one_folder_are_seen_together_and_nothing_beside_them() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["a", "b", "c"] {
            std::fs::write(folder.path().join(name), name).unwrap();
        }
        let entries = ["a", "b"].map(|name| (name, folder.path().join(name)));
        let folders = opened(&entries).unwrap();
        assert_eq!(folders.len(), 1);
        let seen = folders.get(0).unwrap();
        assert_eq!((&*seen.name, seen.content().unwrap_err()), ("/", vec!["a", "b"]));
        assert!(matches!(seen.find("./b"), Found::In(..)));
        assert!(matches!(seen.find("."), Found::Itself));
        assert!(matches!(seen.find("c"), Found::Nowhere));
        assert!(matches!(seen.find("../a"), Found::Nowhere));
    }
}
