//! Which file of a crate imports which other one, read from its `use` lines and paths.

#![allow(clippy::unwrap_used, reason = "a file that cannot be read fails the test")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

/// Files of a crate by their module path (`["stream", "state"]`), and what each imports.
pub struct Imports {
    files: BTreeMap<Vec<String>, BTreeSet<Vec<String>>>,
}

impl Imports {
    /// Reads the files of a crate of this workspace, named by its folder.
    pub fn of(name: &str) -> Self {
        Self::read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(name).join("src"))
    }

    fn read(src: &Path) -> Self {
        let mut texts = BTreeMap::new();
        collect(src, &mut Vec::new(), &mut texts);
        let known: BTreeSet<Vec<String>> = texts.keys().cloned().collect();
        let owner = |path: &[String]| {
            (0..=path.len()).rev().map(|end| path[..end].to_vec()).find(|at| known.contains(at))
        };
        let files = texts.iter().map(|(module, text)| {
            let paths = paths(text).into_iter().filter_map(|path| absolute(module, &path));
            let imported = paths.filter_map(|path| owner(&path)).filter(|to| to != module);
            (module.clone(), imported.collect())
        });
        Self { files: files.collect() }
    }

    /// Imports from a folder into one that stands above it; `storeys` begins with the lowest.
    pub fn upward(&self, storeys: &[&str]) -> Vec<String> {
        // What stands beside the folders (the root of the crate) is above all of them.
        let storey = |module: &[String]| {
            let first = module.first().map_or("", String::as_str);
            storeys.iter().position(|known| *known == first).unwrap_or(storeys.len())
        };
        let all = self.files.iter().flat_map(|(from, to)| to.iter().map(move |to| (from, to)));
        let upward = all.filter(|(from, to)| storey(from) < storey(to));
        upward.map(|(from, to)| format!("{} -> {}", from.join("::"), to.join("::"))).collect()
    }

    /// Files that import each other in a ring. A file may use what its own parent has.
    pub fn rings(&self) -> Vec<String> {
        let files = self.files.keys();
        let rings = files.filter(|file| self.reachable(file).contains(*file));
        rings.map(|file| file.join("::")).collect()
    }

    fn reachable(&self, from: &[String]) -> BTreeSet<Vec<String>> {
        let (mut seen, mut waiting) = (BTreeSet::new(), vec![from.to_vec()]);
        while let Some(file) = waiting.pop() {
            let imported = self.files[&file].iter().filter(|to| !file.starts_with(to));
            waiting.extend(imported.filter(|to| seen.insert((*to).clone())).cloned());
        }
        seen
    }
}

fn collect(folder: &Path, module: &mut Vec<String>, texts: &mut BTreeMap<Vec<String>, String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        if path.is_dir() {
            module.push(name);
            collect(&path, module, texts);
            module.pop();
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = fs::read_to_string(&path).unwrap();
            let code = text.lines().map(|line| line.split("//").next().unwrap_or_default());
            let mut own = module.clone();
            own.extend((!["mod", "lib"].contains(&name.as_str())).then_some(name));
            texts.insert(own, code.collect::<Vec<_>>().join("\n"));
        }
    }
}

/// All paths of a text that begin with `crate`, `self` or `super`.
fn paths(text: &str) -> Vec<Vec<String>> {
    let mut found = Vec::new();
    let words = |text: &str| text.split("::").map(|word| word.trim().to_owned()).collect();
    for (at, _) in text.match_indices("crate::") {
        let end = text[at..].find(|c: char| !(c.is_alphanumeric() || "_:".contains(c)));
        found.push(words(text[at..at + end.unwrap_or(0)].trim_end_matches(':')));
    }
    for statement in text.split("use ").skip(1) {
        expand(statement.split(';').next().unwrap_or_default(), &[], &mut found);
    }
    let own = |path: &Vec<String>| {
        matches!(path[0].as_str(), "crate" | "self" | "super") && path[..] != ["super", "*"]
    };
    found.retain(own);
    found
}

/// The paths of a tree like `crate::a::{b, c::{d, e}}`.
fn expand(tree: &str, before: &[String], found: &mut Vec<Vec<String>>) {
    let (stem, group) = tree.split_once('{').map_or((tree, None), |(stem, rest)| {
        (stem, Some(rest.rsplit_once('}').map_or(rest, |(group, _)| group)))
    });
    let stem = stem.split(" as ").next().unwrap_or_default();
    let words = stem.split("::").map(str::trim).filter(|word| !word.is_empty());
    let path: Vec<String> = before.iter().cloned().chain(words.map(str::to_owned)).collect();
    let Some(group) = group else {
        return found.extend((!path.is_empty()).then_some(path));
    };
    let (mut depth, mut begin) = (0, 0);
    for (at, c) in group.char_indices().chain([(group.len(), ',')]) {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 0 => {
                expand(&group[begin..at], &path, found);
                begin = (at + 1).min(group.len());
            }
            _ => {}
        }
    }
}

fn absolute(module: &[String], path: &[String]) -> Option<Vec<String>> {
    let ups = path.iter().take_while(|word| *word == "super").count();
    match path[0].as_str() {
        "crate" => Some(path[1..].to_vec()),
        "self" => Some([module, &path[1..]].concat()),
        _ => Some([module.get(..module.len().checked_sub(ups)?)?, &path[ups..]].concat()),
    }
}
