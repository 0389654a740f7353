//! Finds the first route that matches, in the order of precedence, without trying all of them.

use std::collections::HashMap;

use crate::routing::host_pattern::HostPattern;
use crate::routing::path_pattern::PathPattern;
use crate::routing::path_trie::PathTrie;

/// Routes by host, then by the segments of their paths.
#[derive(Debug, Default)]
pub(crate) struct RouteTable {
    any: PathTrie,
    exact: HashMap<Vec<u8>, PathTrie>,
    /// By what follows the asterisk: `*.example` is kept under `.example`.
    wildcard: HashMap<Vec<u8>, PathTrie>,
}

impl RouteTable {
    /// Adds a route by its place in the order, which must be behind those before.
    pub fn add(&mut self, place: usize, host: &HostPattern, path: &PathPattern) {
        let trie = match host {
            HostPattern::Any => &mut self.any,
            HostPattern::Exact(host) => self.exact.entry(host.clone()).or_default(),
            HostPattern::Below(suffix) => self.wildcard.entry(suffix.clone()).or_default(),
        };
        trie.add(place, path);
    }

    /// Compiles the regular expressions, once all routes are added; false if they take too much memory.
    pub fn compile(&mut self) -> bool {
        let tries = self.exact.values_mut().chain(self.wildcard.values_mut());
        std::iter::once(&mut self.any).chain(tries).all(PathTrie::compile)
    }

    /// The place of the first route for a host, as [`Authority::key`] gives it, and the view of a path,
    /// that is `wanted`.
    ///
    /// [`Authority::key`]: crate::http::authority::Authority::key
    pub fn find(&self, host: &[u8], path: &[u8], wanted: &impl Fn(usize) -> bool) -> Option<usize> {
        let mut best = self.any.find(path, usize::MAX, wanted);
        if let Some(trie) = self.exact.get(host) {
            best = trie.find(path, best, wanted);
        }
        if !self.wildcard.is_empty() {
            let dots = memchr::memchr_iter(b'.', host).filter(|at| *at > 0);
            for trie in dots.filter_map(|at| self.wildcard.get(&host[at..])) {
                best = trie.find(path, best, wanted);
            }
        }
        (best != usize::MAX).then_some(best)
    }
}
