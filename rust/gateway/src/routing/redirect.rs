//! Answers that send a client elsewhere.

use wasmgate_host::{HeaderMap, LocalResponse};

use crate::http::authority::Authority;
use crate::http::target::{check_path, split_query};
use crate::routing::path_pattern::PathPattern;
use crate::routing::rewrite::{PathRewrite, PathRewriteSpec};

/// The statuses that a redirect may have (RFC 9110 §15.4).
pub const REDIRECT_STATUSES: [u16; 5] = [301, 302, 303, 307, 308];

/// A redirect as configured; what is left out stays as in the request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RedirectSpec {
    /// One of [`REDIRECT_STATUSES`].
    pub status: u16,
    /// `http` or `https`.
    pub scheme: Option<String>,
    /// A host without a port.
    pub host: Option<String>,
    /// The port. By default that of the request, or that of a scheme that changes.
    pub port: Option<u16>,
    /// The path.
    pub path: Option<PathRewriteSpec>,
    /// The query is left out.
    pub strip_query: bool,
}

/// A redirect, checked.
#[derive(Clone, Debug)]
pub(crate) struct Redirect {
    spec: RedirectSpec,
    path: Option<PathRewrite>,
}

impl Redirect {
    /// Reads a redirect for a route of this path; the error says in words what is wrong with it.
    pub fn parse(spec: RedirectSpec, pattern: &PathPattern) -> Result<Self, String> {
        if !REDIRECT_STATUSES.contains(&spec.status) {
            return Err(format!("{} is not a status of a redirect", spec.status));
        }
        if let Some(scheme) = spec.scheme.as_deref().filter(|its| !matches!(*its, "http" | "https"))
        {
            return Err(format!("`{scheme}` is not a scheme: write http or https"));
        }
        let host = spec.host.as_deref().map(|host| (host, Authority::parse(host.as_bytes())));
        if let Some((host, Err(_) | Ok(Authority { port: Some(_), .. }))) = host {
            return Err(format!(
                "`{host}` is not a host; write a name or an address, without a port"
            ));
        }
        let changes = spec.scheme.is_some()
            || spec.host.is_some()
            || spec.port.is_some()
            || spec.path.is_some();
        if !changes {
            return Err("it leads to where it comes from: change scheme, host, port or path".into());
        }
        let path = spec.path.as_ref().map(|its| PathRewrite::parse(its, pattern)).transpose()?;
        Ok(Self { spec, path })
    }

    /// The answer to a request.
    pub fn answer(&self, request: &HeaderMap, pattern: &PathPattern) -> LocalResponse {
        let mut headers = HeaderMap::with_capacity(1, 128);
        headers.push(b"location", &self.location(request, pattern));
        let details = "direct_response".into();
        LocalResponse { status: self.spec.status, headers, body: Vec::new(), details }
    }

    fn location(&self, request: &HeaderMap, pattern: &PathPattern) -> Vec<u8> {
        let field = |name: &[u8]| request.get(name).unwrap_or_default();
        let target = match field(b":path") {
            b"*" => b"/",
            target => target,
        };
        let (old, query) = split_query(target);
        let new = self.path.as_ref().and_then(|path| path.apply(old, pattern));
        // What an expression makes may not be a path.
        let new = new.filter(|path| check_path(path).is_ok());
        let path = new.as_deref().unwrap_or(old);
        let query = if self.spec.strip_query { &[][..] } else { query };
        let mut location = self.origin(field(b":scheme"), field(b":authority"));
        if location.is_empty() {
            // Without an authority a second slash would begin one (RFC 3986 §4.2).
            let slashes = path.iter().take_while(|byte| **byte == b'/').count();
            location.push(b'/');
            location.extend_from_slice(&path[slashes..]);
        } else {
            location.extend_from_slice(path);
        }
        location.extend_from_slice(query);
        location
    }

    /// Scheme and authority; empty for a request without an authority, unless the redirect names one.
    fn origin(&self, old_scheme: &[u8], authority: &[u8]) -> Vec<u8> {
        let spec = &self.spec;
        let scheme = spec.scheme.as_deref().map_or(old_scheme, str::as_bytes);
        let old = Authority::parse(authority).ok();
        let host = spec.host.as_deref().map(str::as_bytes).or(old.map(|old| old.host));
        let Some(host) = host else { return Vec::new() };
        let moves = scheme != old_scheme;
        let port = spec.port.or(old.and_then(|old| old.port).filter(|_| !moves));
        let default = if scheme == b"https" { 443 } else { 80 };
        let port = port.filter(|port| *port != default);
        let port = port.map(|port| format!(":{port}")).unwrap_or_default();
        [scheme, b"://", host, port.as_bytes()].concat()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::routing::path_pattern::PathMatch;

    fn spec() -> RedirectSpec {
        let (scheme, host, port, path) = (None, None, None, None);
        RedirectSpec { status: 302, scheme, host, port, path, strip_query: false }
    }

    fn location(spec: RedirectSpec, authority: &str, target: &str) -> String {
        let pattern = PathPattern::parse(&PathMatch::Prefix("/old/".into())).unwrap();
        let redirect = Redirect::parse(spec, &pattern).unwrap();
        let head = [(":scheme", "http"), (":authority", authority), (":path", target)];
        let map =
            head.into_iter().map(|(name, value)| (name.as_bytes(), value.as_bytes())).collect();
        let answer = redirect.answer(&map, &pattern);
        assert_eq!(302, answer.status);
        String::from_utf8(answer.headers.get(b"location").unwrap().to_vec()).unwrap()
    }

    #[test]
    fn what_is_left_out_stays() {
        let https = RedirectSpec { scheme: Some("https".into()), ..spec() };
        let host = RedirectSpec { host: Some("b".into()), ..spec() };
        let port = RedirectSpec { port: Some(8443), ..https.clone() };
        let path = RedirectSpec { path: Some(PathRewriteSpec::Prefix("/new".into())), ..spec() };
        let bare = RedirectSpec { strip_query: true, ..path.clone() };
        for (spec, authority, target, expected) in [
            (&https, "a", "/x?y", "https://a/x?y"),
            (&https, "a:8080", "/x", "https://a/x"),
            (&https, "[::1]:80", "*", "https://[::1]/"),
            (&port, "a", "/", "https://a:8443/"),
            (&host, "a:8080", "/x", "http://b:8080/x"),
            (&path, "a:8080", "/old/x?y", "http://a:8080/new/x?y"),
            (&path, "", "/old/x", "/new/x"),
            (&https, "", "//evil/x", "/evil/x"),
            (&path, "a", "/other", "http://a/other"),
            (&bare, "a", "/old/x?y", "http://a/new/x"),
        ] {
            assert_eq!(expected, location(spec.clone(), authority, target), "{authority} {target}");
        }
    }

    #[test]
    fn mistakes_are_named() {
        let pattern = PathPattern::parse(&PathMatch::Exact("/".into())).unwrap();
        for (spec, expected) in [
            (spec(), "it leads to where it comes from: change scheme, host, port or path"),
            (RedirectSpec { status: 200, ..spec() }, "200 is not a status of a redirect"),
            (
                RedirectSpec { scheme: Some("ftp".into()), ..spec() },
                "`ftp` is not a scheme: write http or https",
            ),
            (
                RedirectSpec { host: Some("a:80".into()), ..spec() },
                "`a:80` is not a host; write a name or an address, without a port",
            ),
            (
                RedirectSpec { path: Some(PathRewriteSpec::Prefix("/".into())), ..spec() },
                "only a route with a prefix can replace it",
            ),
        ] {
            assert_eq!(Err(expected.to_owned()), Redirect::parse(spec, &pattern).map(|_| ()));
        }
    }
}
