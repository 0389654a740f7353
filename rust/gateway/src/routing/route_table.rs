//! Finds the first route that matches, in the order of the file, without trying all of them.

use std::collections::HashMap;

use crate::http::authority::Authority;
use crate::routing::path_prefix::{PathPrefix, first_segment};

/// Routes by host, then by the first segment of their prefix.
#[derive(Debug, Default)]
pub(crate) struct RouteTable {
    any: Prefixes,
    exact: HashMap<Vec<u8>, Prefixes>,
    /// By what follows the asterisk: `*.example` is kept under `.example`.
    wildcard: HashMap<Vec<u8>, Prefixes>,
}

#[derive(Debug, Default)]
struct Prefixes {
    by_segment: HashMap<Vec<u8>, Vec<(usize, PathPrefix)>>,
    /// The first route for `/`.
    root: Option<usize>,
}

impl RouteTable {
    /// Adds the route `index`, which must be greater than those before; false if `host` is not a host.
    pub fn add(&mut self, index: usize, host: Option<&str>, prefix: PathPrefix) -> bool {
        let prefixes = match host {
            None => &mut self.any,
            Some(host) => {
                let (table, name, dot) = match host.strip_prefix("*.") {
                    Some(name) => (&mut self.wildcard, name, "."),
                    None => (&mut self.exact, host, ""),
                };
                match Authority::parse(name.as_bytes()) {
                    Ok(authority @ Authority { port: None, .. }) => {
                        let key = [dot.as_bytes(), &authority.key()].concat();
                        table.entry(key).or_default()
                    }
                    _ => return false,
                }
            }
        };
        prefixes.add(index, prefix);
        true
    }

    /// The first route for a host, as [`Authority::key`] gives it, and the view of a path.
    pub fn find(&self, host: &[u8], path: &[u8]) -> Option<usize> {
        let exact = if self.exact.is_empty() { None } else { self.exact.get(host) };
        let dots = if self.wildcard.is_empty() { 0 } else { host.len() };
        let suffixes = (1..dots).filter(|at| host[*at] == b'.').map(|at| &host[at..]);
        let wildcards = suffixes.filter_map(|suffix| self.wildcard.get(suffix));
        let tables = std::iter::once(&self.any).chain(exact).chain(wildcards);
        tables.filter_map(|prefixes| prefixes.find(path)).min()
    }
}

impl Prefixes {
    fn add(&mut self, index: usize, prefix: PathPrefix) {
        if prefix.is_root() {
            self.root.get_or_insert(index);
        } else {
            let segment = prefix.first_segment().to_vec();
            self.by_segment.entry(segment).or_default().push((index, prefix));
        }
    }

    fn find(&self, path: &[u8]) -> Option<usize> {
        let candidates = self.by_segment.get(first_segment(path)).map_or(&[][..], Vec::as_slice);
        let longer =
            candidates.iter().find(|(_, prefix)| prefix.matches(path)).map(|found| found.0);
        match (longer, self.root) {
            (Some(longer), Some(root)) => Some(longer.min(root)),
            (longer, root) => longer.or(root),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(routes: &[(&str, &str)]) -> RouteTable {
        let mut table = RouteTable::default();
        for (index, (host, prefix)) in routes.iter().enumerate() {
            let host = Some(*host).filter(|host| !host.is_empty());
            assert!(table.add(index, host, PathPrefix::parse(prefix).unwrap()));
        }
        table
    }

    /// The definition: try each route in order.
    fn first(routes: &[(&str, &str)], host: &str, path: &str) -> Option<usize> {
        routes.iter().position(|(pattern, prefix)| {
            let host_fits = match pattern.strip_prefix('*') {
                Some(suffix) => host.len() > suffix.len() && host.ends_with(suffix),
                None => pattern.is_empty() || *pattern == host,
            };
            host_fits && PathPrefix::parse(prefix).unwrap().matches(path.as_bytes())
        })
    }

    #[test]
    fn the_first_match_in_file_order_wins() {
        let routes = [
            ("api.example", "/orders/"),
            ("", "/health"),
            ("*.example", "/"),
            ("api.example", "/never"),
            ("", "/"),
        ];
        let table = table(&routes);
        for (host, path, expected) in [
            ("api.example", "/orders/1", Some(0)),
            ("api.example", "/health", Some(1)),
            ("api.example", "/never", Some(2)),
            ("a.b.example", "/", Some(2)),
            ("example", "/x", Some(4)),
            ("other", "/orders/1", Some(4)),
            ("", "*", Some(4)),
        ] {
            assert_eq!(expected, table.find(host.as_bytes(), path.as_bytes()), "{host} {path}");
        }
    }

    #[test]
    fn hosts_are_names_without_a_port() {
        let mut table = RouteTable::default();
        let root = || PathPrefix::parse("/").unwrap();
        for host in ["a:80", "*", "*.", "a b", "", "a.*"] {
            assert!(!table.add(0, Some(host), root()), "{host}");
        }
        assert!(table.add(0, Some("*.API.example"), root()));
        assert_eq!(Some(0), table.find(b"x.api.example", b"/"));
        assert!(table.add(1, Some("[::1]"), root()));
        assert_eq!(Some(1), table.find(b"[::1]", b"/"));
    }

    #[test]
    fn the_index_answers_what_trying_each_route_answers() {
        let hosts = ["", "a", "*.a", "b.a", "*.b.a", "c.b.a"];
        let prefixes = ["/", "/x", "/x/", "/x/y", "/xy", "//", "/x/y/", "//x"];
        let every: Vec<_> =
            hosts.iter().flat_map(|host| prefixes.iter().map(|prefix| (*host, *prefix))).collect();
        for first_route in &every {
            for second_route in &every {
                let routes = [*first_route, *second_route];
                let table = table(&routes);
                for (host, path) in &every {
                    let host = host.trim_start_matches("*.");
                    let found = table.find(host.as_bytes(), path.as_bytes());
                    assert_eq!(first(&routes, host, path), found, "{routes:?} {host} {path}");
                }
            }
        }
    }
}
