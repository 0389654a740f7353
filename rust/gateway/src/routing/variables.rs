//! Texts with variables, such as `%{client_address}`, that a route writes into fields.

use wasmgate_host::HeaderMap;

use crate::http::target::split_query;

/// What a variable may be of.
pub(crate) struct Facts<'a> {
    /// The request as the policies left it.
    pub request: &'a HeaderMap,
    /// The address of the client, behind trusted proxies.
    pub client: Option<&'a str>,
    pub route: &'a str,
    pub cluster: &'a str,
    /// The variables of the route's path.
    pub captures: Vec<(&'a str, &'a [u8])>,
}

/// The value of a thing of the request.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Variable {
    ClientAddress,
    Method,
    Scheme,
    Host,
    Path,
    Query,
    Route,
    Cluster,
    /// The first field of a name, in lower case.
    Header(String),
    /// A variable of the route's path.
    Capture(String),
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Text(Vec<u8>),
    Variable(Variable),
}

/// A text with variables.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct VariableText(Vec<Part>);

impl VariableText {
    /// Reads a text: `%{name}` is a variable, `%%` a percent sign. `captures` are the variables of the
    /// route's path. The error says in words what is wrong.
    pub fn parse(text: &str, captures: &[&str]) -> Result<Self, String> {
        let (mut parts, mut literal, mut rest) = (Vec::new(), Vec::new(), text);
        while let Some(at) = rest.find('%') {
            literal.extend_from_slice(&rest.as_bytes()[..at]);
            rest = &rest[at + 1..];
            if let Some(after) = rest.strip_prefix('%') {
                literal.push(b'%');
                rest = after;
            } else if let Some((name, after)) =
                rest.strip_prefix('{').and_then(|it| it.split_once('}'))
            {
                if !literal.is_empty() {
                    parts.push(Part::Text(std::mem::take(&mut literal)));
                }
                parts.push(Part::Variable(Variable::parse(name, captures)?));
                rest = after;
            } else {
                return Err(format!("`{text}` has a % that begins no variable; write %% for it"));
            }
        }
        literal.extend_from_slice(rest.as_bytes());
        if !literal.is_empty() {
            parts.push(Part::Text(literal));
        }
        Ok(Self(parts))
    }

    /// The text with the values of its variables; one without a value is empty.
    pub fn value(&self, facts: &Facts<'_>) -> Vec<u8> {
        let part = |part: &Part| match part {
            Part::Text(text) => text.clone(),
            Part::Variable(variable) => variable.value(facts).to_vec(),
        };
        self.0.iter().flat_map(part).collect()
    }
}

impl Variable {
    fn parse(name: &str, captures: &[&str]) -> Result<Self, String> {
        Ok(match name {
            "client_address" => Self::ClientAddress,
            "method" => Self::Method,
            "scheme" => Self::Scheme,
            "host" => Self::Host,
            "path" => Self::Path,
            "query" => Self::Query,
            "route" => Self::Route,
            "cluster" => Self::Cluster,
            name => match (name.strip_prefix("header."), name.strip_prefix("path.")) {
                (Some(header), _) => Self::Header(header.to_ascii_lowercase()),
                (_, Some(capture)) if captures.contains(&capture) => {
                    Self::Capture(capture.to_owned())
                }
                (_, Some(capture)) => {
                    return Err(format!("the path of the route has no variable {{{capture}}}"));
                }
                _ => {
                    return Err(format!(
                        "there is no variable %{{{name}}}; there are client_address, method, scheme, \
                         host, path, query, route, cluster, header.NAME and path.VARIABLE"
                    ));
                }
            },
        })
    }

    fn value<'a>(&self, facts: &Facts<'a>) -> &'a [u8] {
        let field = |name: &[u8]| facts.request.get(name).unwrap_or_default();
        match self {
            Self::ClientAddress => facts.client.map(str::as_bytes).unwrap_or_default(),
            Self::Method => field(b":method"),
            Self::Scheme => field(b":scheme"),
            Self::Host => field(b":authority"),
            Self::Path => split_query(field(b":path")).0,
            Self::Query => split_query(field(b":path")).1.strip_prefix(b"?").unwrap_or_default(),
            Self::Route => facts.route.as_bytes(),
            Self::Cluster => facts.cluster.as_bytes(),
            Self::Header(name) => field(name.as_bytes()),
            Self::Capture(name) => {
                let found = facts.captures.iter().find(|(its, _)| its == name);
                found.map(|(_, value)| *value).unwrap_or_default()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_have_values() {
        let head = [
            (":method", "GET"),
            (":scheme", "http"),
            (":authority", "a:80"),
            (":path", "/u/7?q=1"),
            ("x-tier", "gold"),
        ];
        let request =
            head.into_iter().map(|(name, value)| (name.as_bytes(), value.as_bytes())).collect();
        let facts = Facts {
            request: &request,
            client: Some("192.0.2.1"),
            route: "users",
            cluster: "site",
            captures: vec![("id", b"7")],
        };
        for (text, expected) in [
            ("plain", "plain"),
            ("", ""),
            ("100%%", "100%"),
            ("%{method} %{scheme}://%{host}%{path}?%{query}", "GET http://a:80/u/7?q=1"),
            ("%{client_address};%{route};%{cluster}", "192.0.2.1;users;site"),
            ("[%{header.X-Tier}][%{header.none}][%{path.id}]", "[gold][][7]"),
        ] {
            let read = VariableText::parse(text, &["id"]).unwrap();
            assert_eq!(expected, String::from_utf8(read.value(&facts)).unwrap(), "{text}");
        }
    }

    #[test]
    fn mistakes_are_named() {
        for (text, expected) in [
            ("50%", "`50%` has a % that begins no variable; write %% for it"),
            ("%{host", "`%{host` has a % that begins no variable; write %% for it"),
            ("%{path.name}", "the path of the route has no variable {name}"),
            (
                "%{address}",
                "there is no variable %{address}; there are client_address, method, scheme, host, \
                 path, query, route, cluster, header.NAME and path.VARIABLE",
            ),
        ] {
            assert_eq!(Err(expected.to_owned()), VariableText::parse(text, &["id"]).map(|_| ()));
        }
    }
}
