//! What a route asks of a request beside its host and path.

use std::borrow::Cow;

use wasmgate_host::HeaderMap;

use crate::http::fields::is_token;
use crate::http::target::{escaped, split_query};
use crate::routing::value_match::{ValueMatch, ValuePattern};

/// Conditions as configured; all of them must hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ConditionSpec {
    /// The method is one of these; none are named: any.
    pub methods: Vec<String>,
    /// Fields of the head by name. Lines of one name are one value, joined by `, ` (RFC 9110 §5.3).
    pub headers: Vec<(String, ValueMatch)>,
    /// Parameters of the query by name, decoded; the first of a name counts.
    pub query: Vec<(String, ValueMatch)>,
    /// Cookies by name; the first of a name counts.
    pub cookies: Vec<(String, ValueMatch)>,
}

/// The same, checked.
#[derive(Clone, Debug, Default)]
pub(crate) struct Conditions {
    methods: Vec<Vec<u8>>,
    headers: Vec<(Vec<u8>, ValuePattern)>,
    query: Vec<(Vec<u8>, ValuePattern)>,
    cookies: Vec<(Vec<u8>, ValuePattern)>,
}

/// The first condition that a request does not meet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unmet {
    /// Its method is another one.
    Method,
    /// The value of this field.
    Header(String),
    /// The value of this parameter of the query.
    Query(String),
    /// The value of this cookie.
    Cookie(String),
}

impl Conditions {
    /// Reads conditions; the error says in words what is wrong with them.
    pub fn parse(spec: &ConditionSpec) -> Result<Self, String> {
        if let Some(wrong) = spec.methods.iter().find(|method| !is_token(method.as_bytes())) {
            return Err(format!("`{wrong}` is not a method"));
        }
        let headers = patterns(&spec.headers, |name| {
            let valid = is_token(name.as_bytes());
            valid
                .then(|| name.to_ascii_lowercase())
                .ok_or_else(|| format!("`{name}` is not a field name"))
        })?;
        let cookies = patterns(&spec.cookies, |name| {
            let valid = is_token(name.as_bytes());
            valid.then(|| name.to_owned()).ok_or_else(|| format!("`{name}` is not a cookie name"))
        })?;
        let methods = spec.methods.iter().map(|method| method.clone().into_bytes()).collect();
        let query = patterns(&spec.query, |name| Ok(name.to_owned()))?;
        Ok(Self { methods, headers, query, cookies })
    }

    /// True if every request meets them.
    pub fn is_empty(&self) -> bool {
        self.methods.is_empty() && self.count() == [0; 3]
    }

    /// How many there are of fields, of parameters and of cookies.
    pub fn count(&self) -> [usize; 3] {
        [self.headers.len(), self.query.len(), self.cookies.len()]
    }

    /// True if they ask for certain methods.
    pub fn name_methods(&self) -> bool {
        !self.methods.is_empty()
    }

    /// The first condition that the request does not meet.
    pub fn unmet(&self, request: &HeaderMap) -> Option<Unmet> {
        let method = request.get(b":method").unwrap_or_default();
        if !self.methods.is_empty() && !self.methods.iter().any(|its| its == method) {
            return Some(Unmet::Method);
        }
        let header = |name: &[u8]| joined(request, name);
        let query = split_query(request.get(b":path").unwrap_or_default()).1;
        let query = |name: &[u8]| parameter(query, name);
        let cookie = |name: &[u8]| cookie(request, name).map(Cow::Borrowed);
        first_unmet(&self.headers, header)
            .map(Unmet::Header)
            .or_else(|| first_unmet(&self.query, query).map(Unmet::Query))
            .or_else(|| first_unmet(&self.cookies, cookie).map(Unmet::Cookie))
    }
}

type Patterns = Vec<(Vec<u8>, ValuePattern)>;

fn patterns(
    specs: &[(String, ValueMatch)],
    check: impl Fn(&str) -> Result<String, String>,
) -> Result<Patterns, String> {
    let read = |(name, value): &(String, ValueMatch)| {
        let pattern = ValuePattern::parse(value).map_err(|wrong| format!("{name}: {wrong}"))?;
        Ok((check(name)?.into_bytes(), pattern))
    };
    specs.iter().map(read).collect()
}

fn first_unmet<'a>(
    patterns: &[(Vec<u8>, ValuePattern)],
    value: impl Fn(&[u8]) -> Option<Cow<'a, [u8]>>,
) -> Option<String> {
    let unmet =
        |(name, pattern): &&(Vec<u8>, ValuePattern)| !pattern.matches(value(name).as_deref());
    patterns.iter().find(unmet).map(|(name, _)| String::from_utf8_lossy(name).into_owned())
}

/// The value of a field: of several lines, joined as RFC 9110 §5.3 says.
fn joined<'a>(request: &'a HeaderMap, name: &[u8]) -> Option<Cow<'a, [u8]>> {
    let mut values = request.iter().filter(|(its, _)| *its == name).map(|(_, value)| value);
    let first = values.next()?;
    let Some(second) = values.next() else { return Some(first.into()) };
    let all: Vec<&[u8]> = [first, second].into_iter().chain(values).collect();
    Some(all.join(b", ".as_slice()).into())
}

/// The first parameter of a name in a query with its `?`, decoded as forms are
/// (application/x-www-form-urlencoded).
pub(crate) fn parameter<'a>(query: &'a [u8], name: &[u8]) -> Option<Cow<'a, [u8]>> {
    let pairs = query.strip_prefix(b"?")?.split(|byte| *byte == b'&');
    let mut pairs = pairs.filter(|pair| !pair.is_empty()).map(|pair| {
        let end = pair.iter().position(|byte| *byte == b'=');
        end.map_or((pair, &[][..]), |end| (&pair[..end], &pair[end + 1..]))
    });
    pairs.find(|(its, _)| *decoded(its) == *name).map(|(_, value)| decoded(value))
}

/// A name or value of a form; a `%` that is no escape stands for itself, as browsers read it.
pub(crate) fn decoded(text: &[u8]) -> Cow<'_, [u8]> {
    if !text.iter().any(|byte| matches!(byte, b'%' | b'+')) {
        return text.into();
    }
    let mut decoded = Vec::with_capacity(text.len());
    let mut rest = text;
    while let [byte, tail @ ..] = rest {
        let octet = if *byte == b'%' { escaped(tail) } else { None };
        decoded.push(match byte {
            b'+' => b' ',
            byte => octet.unwrap_or(*byte),
        });
        rest = if octet.is_some() { &tail[2..] } else { tail };
    }
    decoded.into()
}

/// The first cookie of a name (RFC 6265 §4.2.1).
pub(crate) fn cookie<'a>(request: &'a HeaderMap, name: &[u8]) -> Option<&'a [u8]> {
    let lines = request.iter().filter(|(its, _)| *its == b"cookie").map(|(_, value)| value);
    let mut pairs = lines.flat_map(|line| line.split(|byte| *byte == b';')).map(<[u8]>::trim_ascii);
    pairs.find_map(|pair| pair.strip_prefix(name)?.strip_prefix(b"="))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unmet(spec: &ConditionSpec, path: &str, fields: &[(&str, &str)]) -> Option<Unmet> {
        let line = [(":method", "GET"), (":path", path)];
        let all = line.iter().chain(fields);
        let map = all.map(|(name, value)| (name.as_bytes(), value.as_bytes())).collect();
        Conditions::parse(spec).unwrap().unmet(&map)
    }

    fn exact(name: &str, value: &str) -> Vec<(String, ValueMatch)> {
        vec![(name.to_owned(), ValueMatch::Exact(value.to_owned()))]
    }

    #[test]
    fn a_method_is_one_of_the_named() {
        let spec = |methods: &[&str]| ConditionSpec {
            methods: methods.iter().map(|method| (*method).to_owned()).collect(),
            ..ConditionSpec::default()
        };
        assert_eq!(None, unmet(&spec(&[]), "/", &[]));
        assert_eq!(None, unmet(&spec(&["HEAD", "GET"]), "/", &[]));
        assert_eq!(Some(Unmet::Method), unmet(&spec(&["HEAD", "get"]), "/", &[]));
    }

    #[test]
    fn lines_of_one_field_are_one_value() {
        let spec = |value| ConditionSpec { headers: exact("X-Tier", value), ..Default::default() };
        assert_eq!(None, unmet(&spec("gold"), "/", &[("x-tier", "gold")]));
        let two = [("x-tier", "gold"), ("x-other", ""), ("x-tier", "new")];
        assert_eq!(None, unmet(&spec("gold, new"), "/", &two));
        assert_eq!(Some(Unmet::Header("x-tier".into())), unmet(&spec("gold"), "/", &two));
        assert_eq!(Some(Unmet::Header("x-tier".into())), unmet(&spec("gold"), "/", &[]));
    }

    #[test]
    fn parameters_are_decoded_and_the_first_counts() {
        let spec =
            |name, value| ConditionSpec { query: exact(name, value), ..ConditionSpec::default() };
        for (path, name, value, met) in [
            ("/?v=2", "v", "2", true),
            ("/?a=1&v=2&v=3", "v", "2", true),
            ("/?a=1&v=2&v=3", "v", "3", false),
            ("/?%76=a%20b", "v", "a b", true),
            ("/?v=a+b", "v", "a b", true),
            ("/?v", "v", "", true),
            ("/?&&v=", "v", "", true),
            ("/?v=100%", "v", "100%", true),
            ("/?vv=2", "v", "2", false),
            ("/", "v", "", false),
        ] {
            assert_eq!(met, unmet(&spec(name, value), path, &[]).is_none(), "{path} {value}");
        }
    }

    #[test]
    fn cookies_are_found_in_every_line() {
        let spec = ConditionSpec { cookies: exact("c", "1"), ..ConditionSpec::default() };
        for (lines, met) in [
            (&["c=1"][..], true),
            (&["a=0; c=1; d=2"], true),
            (&["a=0", "c=1"], true),
            (&["cc=1"], false),
            (&["c=2; c=1"], false),
            (&[], false),
        ] {
            let fields: Vec<_> = lines.iter().map(|line| ("cookie", *line)).collect();
            assert_eq!(met, unmet(&spec, "/", &fields).is_none(), "{lines:?}");
        }
    }

    #[test]
    fn mistakes_are_named() {
        let wrong = |spec: ConditionSpec| Conditions::parse(&spec).unwrap_err();
        let spec = ConditionSpec { methods: vec!["GET POST".into()], ..Default::default() };
        assert_eq!("`GET POST` is not a method", wrong(spec));
        let spec = ConditionSpec { headers: exact("a b", "1"), ..Default::default() };
        assert_eq!("`a b` is not a field name", wrong(spec));
        let regex = ("v".to_owned(), ValueMatch::Regex("(".into()));
        let spec = ConditionSpec { query: vec![regex], ..Default::default() };
        assert_eq!("v: `(` is not a regular expression: unclosed group", wrong(spec));
    }
}
