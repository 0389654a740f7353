//! What a route says of the path: it is this one, begins with it, or has its form.

use crate::http::target::check_path;
use crate::routing::anchored_regex::AnchoredRegex;
use crate::routing::path_prefix::{PathPrefix, view};
use crate::routing::path_template::PathTemplate;

/// A path as configured.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PathMatch {
    /// This path.
    Exact(String),
    /// Paths that begin with it, in whole segments: `/orders` is not a prefix of `/ordersx`.
    Prefix(String),
    /// Paths of this form: `/users/{id}`, `/files/{rest:path}`.
    Template(String),
    /// Paths that the regular expression matches from begin to end.
    Regex(String),
}

impl PathMatch {
    /// As it is written.
    #[must_use]
    pub fn text(&self) -> &str {
        let (Self::Exact(text) | Self::Prefix(text) | Self::Template(text) | Self::Regex(text)) =
            self;
        text
    }

    /// Checks how it is written; how large an expression becomes, its route says.
    ///
    /// # Errors
    /// What is wrong, in words.
    pub fn check(&self) -> Result<(), String> {
        match self {
            Self::Regex(text) => AnchoredRegex::check(text)
                .map_err(|wrong| format!("`{text}` is not a regular expression: {wrong}")),
            _ => PathPattern::parse(self).map(|_| ()),
        }
    }
}

/// The same, checked.
#[derive(Clone, Debug)]
pub(crate) enum PathPattern {
    /// The [`view`] of the path.
    Exact(Vec<u8>),
    Prefix(PathPrefix),
    Template(PathTemplate),
    Regex(AnchoredRegex),
}

impl PathPattern {
    /// Reads a pattern; the error says in words what is wrong with it.
    pub fn parse(path: &PathMatch) -> Result<Self, String> {
        const NOT_A_PATH: &str = "it starts with / and has no query, no dot segments and no bytes that \
                                  must be percent-encoded";
        match path {
            PathMatch::Exact(text) => {
                let valid = check_path(text.as_bytes()).is_ok() && !text.contains('?');
                let exact = valid.then(|| Self::Exact(view(text.as_bytes()).into_owned()));
                exact.ok_or_else(|| format!("`{text}` is not a path; {NOT_A_PATH}"))
            }
            PathMatch::Prefix(text) => {
                let prefix = PathPrefix::parse(text).map(Self::Prefix);
                prefix.ok_or_else(|| format!("`{text}` is not a path prefix; {NOT_A_PATH}"))
            }
            PathMatch::Template(text) => {
                let template = PathTemplate::parse(text).map(Self::Template);
                template.map_err(|wrong| format!("`{text}` is not a path template: {wrong}"))
            }
            PathMatch::Regex(text) => {
                let regex = AnchoredRegex::parse(text).map(Self::Regex);
                regex.map_err(|wrong| format!("`{text}` is not a regular expression: {wrong}"))
            }
        }
    }

    /// The values of its variables in a path and the same path's [`view`]; none if it does not match.
    pub fn captures<'a>(
        &'a self,
        path: &'a [u8],
        view: &'a [u8],
    ) -> Option<Vec<(&'a str, &'a [u8])>> {
        match self {
            Self::Template(template) => template.captures(path),
            Self::Regex(regex) => regex.captures(view),
            Self::Exact(_) | Self::Prefix(_) => self.matches(view).then(Vec::new),
        }
    }

    /// The names of its variables.
    pub fn variables(&self) -> Vec<&str> {
        match self {
            Self::Template(template) => template.variables().collect(),
            Self::Regex(regex) => regex.variables().collect(),
            Self::Exact(_) | Self::Prefix(_) => Vec::new(),
        }
    }

    /// True if a path, given as its [`view`], matches.
    pub fn matches(&self, view: &[u8]) -> bool {
        match self {
            Self::Exact(path) => path == view,
            Self::Prefix(prefix) => prefix.matches(view),
            Self::Template(template) => template.captures(view).is_some(),
            Self::Regex(regex) => regex.matches(view),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_match_differently() {
        let kinds: [fn(String) -> PathMatch; 4] =
            [PathMatch::Exact, PathMatch::Prefix, PathMatch::Template, PathMatch::Regex];
        for (text, path, expected) in [
            ("/a", "/a", [true; 4]),
            ("/a", "/a/b", [false, true, false, false]),
            ("/a/", "/a/b", [false, true, false, false]),
            ("/%61", "/a", [true, true, true, false]),
            ("/a.b", "/axb", [false, false, false, true]),
        ] {
            let found = kinds.map(|kind| {
                let pattern = PathPattern::parse(&kind(text.to_owned())).unwrap();
                pattern.matches(&view(path.as_bytes()))
            });
            assert_eq!(expected, found, "{text} {path}");
        }
    }
}
