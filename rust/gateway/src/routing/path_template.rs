//! Path templates such as `/users/{id}` and `/files/{rest:path}`, in the notation of Starlette.

use crate::http::target::check_path;
use crate::routing::path_prefix::view;

/// A segment of a template.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Segment {
    /// These bytes, as [`view`] gives them.
    Literal(Vec<u8>),
    /// `{name}`: any one segment that is not empty.
    Variable(String),
    /// `{name:path}`, the last one: what is left of the path, slashes included.
    Rest(String),
}

/// A path in which whole segments are variables.
#[derive(Clone, Debug)]
pub(crate) struct PathTemplate {
    segments: Vec<Segment>,
}

impl PathTemplate {
    /// Reads a template; the error says in words what is wrong with it.
    pub fn parse(text: &str) -> Result<Self, String> {
        let Some(path) = text.strip_prefix('/') else {
            return Err("it does not begin with /".to_owned());
        };
        let mut segments = Vec::new();
        let mut names: Vec<String> = Vec::new();
        let written: Vec<&str> = path.split('/').collect();
        for (at, segment) in written.iter().enumerate() {
            let read = read(segment)?;
            if let Segment::Variable(name) | Segment::Rest(name) = &read {
                if names.contains(name) {
                    return Err(format!("it has two variables {{{name}}}"));
                }
                names.push(name.clone());
            }
            if matches!(read, Segment::Rest(_)) && at + 1 < written.len() {
                return Err(format!("{segment} is not its last segment"));
            }
            segments.push(read);
        }
        Ok(Self { segments })
    }

    pub fn segments(&self) -> &[Segment] {
        &self.segments
    }

    /// The names of its variables.
    pub fn variables(&self) -> impl Iterator<Item = &str> {
        self.segments.iter().filter_map(|segment| match segment {
            Segment::Variable(name) | Segment::Rest(name) => Some(name.as_str()),
            Segment::Literal(_) => None,
        })
    }

    /// Bytes that are not variables: of two templates the one with more of them is more specific.
    pub fn literal_len(&self) -> usize {
        let length = |segment: &Segment| match segment {
            Segment::Literal(bytes) => bytes.len() + 1,
            Segment::Variable(_) | Segment::Rest(_) => 1,
        };
        self.segments.iter().map(length).sum()
    }

    /// The values of the variables in a path without its query, as its bytes are; none if the path does
    /// not match.
    pub fn captures<'a>(&'a self, path: &'a [u8]) -> Option<Vec<(&'a str, &'a [u8])>> {
        let mut rest = path.strip_prefix(b"/");
        let mut captures = Vec::new();
        for segment in &self.segments {
            let here = rest?;
            let end = here.iter().position(|byte| *byte == b'/');
            let (value, after) =
                end.map_or((here, None), |end| (&here[..end], Some(&here[end + 1..])));
            match segment {
                Segment::Literal(bytes) if *view(value) == **bytes => {}
                Segment::Variable(name) if !value.is_empty() => {
                    captures.push((name.as_str(), value));
                }
                Segment::Rest(name) => {
                    captures.push((name.as_str(), here));
                    return Some(captures);
                }
                Segment::Literal(_) | Segment::Variable(_) => return None,
            }
            rest = after;
        }
        rest.is_none().then_some(captures)
    }
}

fn read(segment: &str) -> Result<Segment, String> {
    let Some(inner) = segment.strip_prefix('{').and_then(|inner| inner.strip_suffix('}')) else {
        let literal = format!("/{segment}");
        if segment.contains(['{', '}']) {
            return Err(format!("the variable in '{segment}' is not a whole segment"));
        }
        if segment.contains('?') || check_path(literal.as_bytes()).is_err() {
            return Err(format!("'{segment}' cannot be in a path as it is on the wire"));
        }
        return Ok(Segment::Literal(view(segment.as_bytes()).into_owned()));
    };
    let (name, converter) = inner.split_once(':').unwrap_or((inner, "str"));
    let first = name.bytes().next();
    let is_name = first.is_some_and(|byte| byte.is_ascii_alphabetic() || byte == b'_')
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    if !is_name {
        return Err(format!("'{name}' is not a name of letters, digits and _"));
    }
    match converter {
        "str" => Ok(Segment::Variable(name.to_owned())),
        "path" => Ok(Segment::Rest(name.to_owned())),
        other => Err(format!("'{other}' is not a converter: str and path are")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_stand_for_whole_segments() {
        for (text, path, expected) in [
            ("/users/{id}", "/users/7", Some(&[("id", "7")][..])),
            ("/users/{id}", "/users/a%2Fb", Some(&[("id", "a%2Fb")])),
            ("/users/{id}", "/%75sers/7", Some(&[("id", "7")])),
            ("/users/{id}", "/users/", None),
            ("/users/{id}", "/users/7/", None),
            ("/users/{id}", "/users", None),
            ("/users/{id:str}/", "/users/7/", Some(&[("id", "7")])),
            ("/{a}/x/{b}", "/1/x/2", Some(&[("a", "1"), ("b", "2")])),
            ("/{a}/x/{b}", "/1/y/2", None),
            ("/files/{rest:path}", "/files/a/b/", Some(&[("rest", "a/b/")])),
            ("/files/{rest:path}", "/files/", Some(&[("rest", "")])),
            ("/files/{rest:path}", "/files", None),
            ("/", "/", Some(&[])),
            ("/", "//", None),
        ] {
            let template = PathTemplate::parse(text).unwrap();
            let found = template.captures(path.as_bytes());
            let expected = expected.map(|pairs| {
                pairs.iter().map(|(name, value)| (*name, value.as_bytes())).collect::<Vec<_>>()
            });
            assert_eq!(expected, found, "{text} {path}");
        }
    }

    #[test]
    fn mistakes_are_named() {
        for (text, expected) in [
            ("users", "it does not begin with /"),
            ("/{id}/{id}", "it has two variables {id}"),
            ("/{rest:path}/x", "{rest:path} is not its last segment"),
            ("/a{id}", "the variable in 'a{id}' is not a whole segment"),
            ("/{}", "'' is not a name of letters, digits and _"),
            ("/{id:int}", "'int' is not a converter: str and path are"),
            ("/a b", "'a b' cannot be in a path as it is on the wire"),
            ("/a?b", "'a?b' cannot be in a path as it is on the wire"),
            ("/../a", "'..' cannot be in a path as it is on the wire"),
        ] {
            assert_eq!(Err(expected.to_owned()), PathTemplate::parse(text).map(|_| ()), "{text}");
        }
    }
}
