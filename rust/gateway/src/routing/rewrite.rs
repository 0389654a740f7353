//! What a route changes in the target and the authority of a request.

use std::borrow::Cow;

use regex::bytes::Regex;

use crate::http::authority::Authority;
use crate::http::target::{check_path, split_query};
use crate::routing::anchored_regex::AnchoredRegex;
use crate::routing::conditions::decoded;
use crate::routing::path_pattern::PathPattern;
use crate::routing::path_prefix::view;
use crate::routing::path_template::{PathTemplate, Segment};

/// A change of the path as configured.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PathRewriteSpec {
    /// Replaces the prefix of the route.
    Prefix(String),
    /// The whole path: a template whose variables are those of the route's path.
    Path(String),
    /// Replaces every match of an expression in the path; `$1` and `${name}` are its groups.
    Regex {
        /// The expression.
        pattern: String,
        /// What replaces a match.
        substitution: String,
    },
}

/// Changes of the query as configured.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct QueryRewriteSpec {
    /// Parameters that are left out, by their decoded names.
    pub remove: Vec<String>,
    /// Parameters that are added behind the others, in place of those of the same name.
    pub set: Vec<(String, String)>,
}

/// A change of the authority as configured.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HostRewriteSpec {
    /// This host, maybe with a port.
    Host(String),
    /// The host of the endpoint.
    Endpoint,
}

/// A change of the path, checked.
#[derive(Clone, Debug)]
pub(crate) enum PathRewrite {
    Prefix(Vec<u8>),
    Path(PathTemplate),
    Regex(Regex, Vec<u8>),
}

/// A change of the query, checked.
#[derive(Clone, Debug)]
pub(crate) struct QueryRewrite {
    removed: Vec<Vec<u8>>,
    added: Vec<u8>,
}

impl PathRewrite {
    /// Reads a change for a route of this path; the error says in words what is wrong with it.
    pub fn parse(spec: &PathRewriteSpec, path: &PathPattern) -> Result<Self, String> {
        match spec {
            PathRewriteSpec::Prefix(text) => {
                let is_path = check_path(text.as_bytes()).is_ok() && !text.contains('?');
                if !is_path {
                    return Err(format!(
                        "`{text}` is not a path prefix; it starts with / and has no query, no dot \
                         segments and no bytes that must be percent-encoded"
                    ));
                }
                match path {
                    PathPattern::Prefix(_) => Ok(Self::Prefix(text.clone().into_bytes())),
                    _ => Err("only a route with a prefix can replace it".to_owned()),
                }
            }
            PathRewriteSpec::Path(text) => {
                let template = PathTemplate::parse(text)
                    .map_err(|wrong| format!("`{text}` is not a path template: {wrong}"))?;
                let known = path.variables();
                let strange = template.variables().find(|name| !known.contains(name));
                match strange {
                    None => Ok(Self::Path(template)),
                    Some(name) => Err(format!("the path of the route has no variable {{{name}}}")),
                }
            }
            PathRewriteSpec::Regex { pattern, substitution } => {
                AnchoredRegex::parse(pattern)
                    .map_err(|wrong| format!("`{pattern}` is not a regular expression: {wrong}"))?;
                let regex = regex::bytes::RegexBuilder::new(pattern).unicode(false).build();
                let regex = regex.map_err(|error| error.to_string())?;
                Ok(Self::Regex(regex, substitution.clone().into_bytes()))
            }
        }
    }

    /// The path, without a query, in place of this one; none if it does not match (any more). The
    /// result of an expression need not be a valid path.
    pub fn apply(&self, path: &[u8], pattern: &PathPattern) -> Option<Vec<u8>> {
        match self {
            Self::Prefix(replacement) => match pattern {
                PathPattern::Prefix(prefix) => prefix.rewrite(path, replacement),
                _ => None,
            },
            Self::Path(template) => {
                let seen = view(path);
                let captures = pattern.captures(path, &seen)?;
                Some(filled(template, &captures))
            }
            Self::Regex(regex, substitution) => {
                let seen = view(path);
                match regex.replace_all(&seen, substitution.as_slice()) {
                    Cow::Borrowed(_) => None,
                    Cow::Owned(replaced) => Some(replaced),
                }
            }
        }
    }
}

/// A template with the values of its variables.
fn filled(template: &PathTemplate, captures: &[(&str, &[u8])]) -> Vec<u8> {
    let mut path = Vec::new();
    for segment in template.segments() {
        path.push(b'/');
        match segment {
            Segment::Literal(bytes) => path.extend_from_slice(bytes),
            Segment::Variable(name) | Segment::Rest(name) => {
                let value = captures.iter().find(|(its, _)| its == name);
                path.extend_from_slice(value.map(|(_, value)| *value).unwrap_or_default());
            }
        }
    }
    path
}

impl QueryRewrite {
    pub fn new(spec: &QueryRewriteSpec) -> Self {
        let names = spec.remove.iter().chain(spec.set.iter().map(|(name, _)| name));
        let pair =
            |(name, value): &(String, String)| format!("{}={}", encoded(name), encoded(value));
        let added = spec.set.iter().map(pair).collect::<Vec<_>>().join("&");
        let removed = names.map(|name| name.clone().into_bytes()).collect();
        Self { removed, added: added.into_bytes() }
    }

    /// The query, with its `?`, in place of this one.
    pub fn apply(&self, query: &[u8]) -> Vec<u8> {
        let pairs = query.strip_prefix(b"?").unwrap_or_default().split(|byte| *byte == b'&');
        let kept = pairs.filter(|pair| {
            let name = pair.split(|byte| *byte == b'=').next().unwrap_or_default();
            let name = decoded(name);
            !pair.is_empty() && !self.removed.iter().any(|removed| *removed == *name)
        });
        let added = (!self.added.is_empty()).then_some(self.added.as_slice());
        let all: Vec<&[u8]> = kept.chain(added).collect();
        if all.is_empty() {
            Vec::new()
        } else {
            [b"?", all.join(b"&".as_slice()).as_slice()].concat()
        }
    }
}

/// As forms write it (application/x-www-form-urlencoded), a space as `%20`.
fn encoded(text: &str) -> String {
    let byte = |byte: u8| match byte {
        b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
            char::from(byte).to_string()
        }
        other => format!("%{other:02X}"),
    };
    text.bytes().map(byte).collect()
}

/// The path and query in place of `target`, if something changes.
pub(crate) fn target(
    target: &[u8],
    pattern: &PathPattern,
    path: Option<&PathRewrite>,
    query: Option<&QueryRewrite>,
) -> Option<Vec<u8>> {
    if target.first() != Some(&b'/') {
        return None;
    }
    let (old_path, old_query) = split_query(target);
    let new_path = path.and_then(|its| its.apply(old_path, pattern));
    let new_query = query.map(|its| its.apply(old_query));
    if new_path.is_none() && new_query.is_none() {
        return None;
    }
    let path = new_path.as_deref().unwrap_or(old_path);
    Some([path, new_query.as_deref().unwrap_or(old_query)].concat())
}

/// Checks the host of a change of the authority.
pub(crate) fn check_authority(host: &str) -> Result<(), String> {
    Authority::parse(host.as_bytes()).map(|_| ()).map_err(|_| {
        format!("`{host}` is not a host; write a name or an address, maybe with a port")
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::routing::path_pattern::PathMatch;

    fn applied(path: &PathMatch, spec: &PathRewriteSpec, from: &str) -> Option<String> {
        let pattern = PathPattern::parse(path).unwrap();
        let rewrite = PathRewrite::parse(spec, &pattern).unwrap();
        let applied = rewrite.apply(from.as_bytes(), &pattern)?;
        Some(String::from_utf8(applied).unwrap())
    }

    #[test]
    fn variables_of_the_path_go_into_the_new_one() {
        let template = |text: &str| PathMatch::Template(text.into());
        let path = |text: &str| PathRewriteSpec::Path(text.into());
        for (from, to, before, after) in [
            ("/users/{id}", "/v2/people/{id}", "/users/7", Some("/v2/people/7")),
            ("/users/{id}", "/v2/people/{id}", "/users/a%2Fb", Some("/v2/people/a%2Fb")),
            ("/{a}/{rest:path}", "/{rest:path}", "/x/y/z", Some("/y/z")),
            ("/{a}/{b}", "/{b}/{a}", "/1/2", Some("/2/1")),
            ("/users/{id}", "/v2", "/other/7", None),
        ] {
            let after = after.map(str::to_owned);
            assert_eq!(after, applied(&template(from), &path(to), before), "{from} {before}");
        }
        let regex = PathMatch::Regex("/u/(?<id>[0-9]+)".into());
        assert_eq!(Some("/x/7".to_owned()), applied(&regex, &path("/x/{id}"), "/u/7"));
    }

    #[test]
    fn an_expression_replaces_what_it_matches() {
        let any = PathMatch::Prefix("/".into());
        for (pattern, substitution, before, after) in [
            ("^/v1/(.*)$", "/v2/$1", "/v1/a", Some("/v2/a")),
            ("-", "_", "/a-b-c", Some("/a_b_c")),
            ("^/v1/", "/", "/v2/a", None),
            ("/(?<id>[0-9]+)$", "/id/${id}", "/u/7", Some("/u/id/7")),
        ] {
            let (pattern, substitution) = (pattern.to_owned(), substitution.to_owned());
            let spec = PathRewriteSpec::Regex { pattern, substitution };
            assert_eq!(after.map(str::to_owned), applied(&any, &spec, before), "{spec:?}");
        }
    }

    #[test]
    fn a_query_is_changed_by_names() {
        let owned = |pairs: &[(&str, &str)]| {
            pairs.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect()
        };
        for (remove, set, before, after) in [
            (&["a"][..], &[][..], "?a=1&b=2&%61=3", "?b=2"),
            (&["a"], &[], "?a=1", ""),
            (&[], &[("a", "x y&z")], "?a=1&b=2", "?b=2&a=x%20y%26z"),
            (&[], &[("a", "1")], "", "?a=1"),
            (&[], &[], "?b=%20+&&c", "?b=%20+&c"),
        ] {
            let remove = remove.iter().map(|name| (*name).to_owned()).collect();
            let rewrite = QueryRewrite::new(&QueryRewriteSpec { remove, set: owned(set) });
            let changed = rewrite.apply(before.as_bytes());
            assert_eq!(after, String::from_utf8(changed).unwrap(), "{before}");
        }
    }

    #[test]
    fn mistakes_are_named() {
        let template = PathPattern::parse(&PathMatch::Template("/u/{id}".into())).unwrap();
        for (spec, expected) in [
            (PathRewriteSpec::Prefix("/".into()), "only a route with a prefix can replace it"),
            (
                PathRewriteSpec::Path("/x/{name}".into()),
                "the path of the route has no variable {name}",
            ),
            (
                PathRewriteSpec::Path("/x/a{id}".into()),
                "`/x/a{id}` is not a path template: the variable in 'a{id}' is not a whole segment",
            ),
        ] {
            let found = PathRewrite::parse(&spec, &template).map(|_| ());
            assert_eq!(Err(expected.to_owned()), found);
        }
    }
}
