//! The key that keeps requests together: equal keys go to one cluster, or to one endpoint.

use wasmgate_host::HeaderMap;

use crate::http::hash::hash;
use crate::http::target::split_query;
use crate::routing::conditions::{cookie, parameter};

/// What of a request is its key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HashBy {
    /// The first field of a name, in lower case.
    Header(String),
    /// A cookie.
    Cookie(String),
    /// A parameter of the query.
    Query(String),
    /// The address of the client.
    ClientAddress,
    /// The path, without its query.
    Path,
}

impl HashBy {
    /// The key of a request; none if it lacks what the key is made of.
    pub(crate) fn key(&self, request: &HeaderMap, client: Option<&str>) -> Option<u64> {
        let (path, query) = split_query(request.get(b":path").unwrap_or_default());
        match self {
            Self::Header(name) => request.get(name.as_bytes()).map(hash),
            Self::Cookie(name) => cookie(request, name.as_bytes()).map(hash),
            Self::Query(name) => parameter(query, name.as_bytes()).as_deref().map(hash),
            Self::ClientAddress => client.map(|client| hash(client.as_bytes())),
            Self::Path => Some(hash(path)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_parts_are_equal_keys() {
        let request = |path: &str, fields: &[(&str, &str)]| -> HeaderMap {
            let line = [(":path", path)];
            let all = line.iter().chain(fields);
            all.map(|(name, value)| (name.as_bytes(), value.as_bytes())).collect()
        };
        let plain = request("/a", &[]);
        for (by, same, other) in [
            (HashBy::Header("x".into()), ("/1", [("x", "a")]), ("/1", [("x", "b")])),
            (HashBy::Cookie("c".into()), ("/1", [("cookie", "c=a")]), ("/1", [("cookie", "c=b")])),
            (HashBy::Query("q".into()), ("/1?q=a", [("x", "a")]), ("/1?q=b", [("x", "a")])),
            (HashBy::Path, ("/a?x", [("x", "a")]), ("/b?x", [("x", "a")])),
        ] {
            let key =
                |(path, fields): (&str, [(&str, &str); 1])| by.key(&request(path, &fields), None);
            assert_eq!(
                Some(hash(b"a")).filter(|_| by != HashBy::Path),
                key(same).filter(|_| by != HashBy::Path)
            );
            assert_eq!(key(same), key(same));
            assert_ne!(key(same), key(other), "{by:?}");
            assert_eq!(by == HashBy::Path, by.key(&plain, None).is_some());
        }
        assert_eq!(Some(hash(b"::1")), HashBy::ClientAddress.key(&plain, Some("::1")));
        assert_eq!(None, HashBy::ClientAddress.key(&plain, None));
    }
}
