//! What is hidden from everything that leaves the process: traces, recordings, logs and errors. This is the one place
//! that decides what a secret is and how it is hidden.

use std::borrow::Cow;

/// Parts of names whose values are credentials: of header fields, properties, query parameters and metadata.
const PARTS: [&str; 18] = [
    "authorization",
    "cookie",
    "token",
    "secret",
    "passw",
    "passphrase",
    "api-key",
    "api_key",
    "apikey",
    "access-key",
    "access_key",
    "auth-key",
    "private-key",
    "private_key",
    "credential",
    "session",
    "signature",
    "jwt",
];
/// Names of query parameters that mean less elsewhere.
const PARAMETERS: [&str; 8] = ["auth", "code", "key", "pwd", "pass", "sid", "sig", "assertion"];
/// Attributes of cookies (RFC 6265 section 4.1.1): their values are not secret.
const ATTRIBUTES: [&str; 5] = ["domain", "path", "expires", "max-age", "samesite"];
/// The shortest value that is looked for in other texts: a shorter one is in many by chance.
const SHORTEST: usize = 6;
/// Values that are known at a time.
const MOST: usize = 256;

/// Whether the value of this name is a credential.
#[must_use]
pub fn is_secret(name: &[u8]) -> bool {
    let name = String::from_utf8_lossy(name).to_ascii_lowercase();
    let told = ["www-authenticate", "proxy-authenticate", "authentication-info"];
    // A check of a token, and not a token.
    !told.contains(&&*name)
        && !name.starts_with("jwt_")
        && PARTS.iter().any(|part| name.contains(part))
}

fn is_secret_parameter(name: &[u8]) -> bool {
    is_secret(name) || PARAMETERS.iter().any(|known| name.eq_ignore_ascii_case(known.as_bytes()))
}

/// The text in place of a secret of this length in bytes.
#[must_use]
pub fn masked(length: usize) -> String {
    format!("*** ({length} bytes)")
}

/// The value of a field with credentials masked: all of it, or the secret parameters of a target.
#[must_use]
pub fn masked_field<'a>(name: &[u8], value: &'a [u8]) -> Cow<'a, [u8]> {
    if is_secret(name) {
        return Cow::Owned(masked(value.len()).into_bytes());
    }
    match name {
        b":path"
        | b"path"
        | b"query"
        | b"referer"
        | b"location"
        | b"x-envoy-original-path"
        | b"x-original-url"
        | b"x-forwarded-uri" => masked_query(value),
        _ => Cow::Borrowed(value),
    }
}

/// A target, URI or query without the values of its secret parameters and the password of its authority.
#[must_use]
pub fn masked_query(target: &[u8]) -> Cow<'_, [u8]> {
    let target = masked_user(target);
    let is_kept = |parameter: &[u8]| {
        let name = parameter.split(|byte| *byte == b'=').next().unwrap_or_default();
        let name = name.rsplit(|byte| *byte == b'?').next().unwrap_or_default();
        !parameter.contains(&b'=') || !is_secret_parameter(name)
    };
    if target.split(|byte| *byte == b'&' || *byte == b';').all(is_kept) {
        return target;
    }
    let mut shown = Vec::with_capacity(target.len());
    for parameter in target.split_inclusive(|byte| *byte == b'&' || *byte == b';') {
        let (parameter, end) = match parameter {
            [head @ .., end @ (b'&' | b';')] => (head, Some(*end)),
            all => (all, None),
        };
        if is_kept(parameter) {
            shown.extend_from_slice(parameter);
        } else {
            let name = parameter.iter().position(|byte| *byte == b'=').unwrap_or_default();
            shown.extend_from_slice(&parameter[..=name]);
            shown.extend_from_slice(b"***");
        }
        shown.extend(end);
    }
    Cow::Owned(shown)
}

/// A URI without the password that its authority has.
fn masked_user(uri: &[u8]) -> Cow<'_, [u8]> {
    let found = || {
        let start = uri.windows(3).position(|bytes| bytes == b"://")? + 3;
        let rest = &uri[start..];
        let end = rest.iter().position(|byte| b"/?#".contains(byte)).unwrap_or(rest.len());
        let at = rest[..end].iter().rposition(|byte| *byte == b'@')?;
        let colon = rest[..at].iter().position(|byte| *byte == b':')?;
        Some((start + colon + 1, start + at))
    };
    match found() {
        Some((from, to)) => Cow::Owned([&uri[..from], b"***", &uri[to..]].concat()),
        None => Cow::Borrowed(uri),
    }
}

/// Known secrets, to find them in texts without a name: a log line, a body.
#[derive(Debug, Default)]
pub struct Secrets(Vec<Box<[u8]>>);

impl Secrets {
    /// Learns the value of a field, and what is secret in it: credentials behind their scheme, the values of cookies.
    pub fn learn(&mut self, value: &[u8]) {
        self.learn_whole(value);
        for part in value.split(|byte| *byte == b';') {
            let part = part.trim_ascii();
            let Some(end) = part.iter().position(|byte| b" =".contains(byte)) else { continue };
            let (name, value) = (&part[..end], part[end + 1..].trim_ascii());
            if !ATTRIBUTES.iter().any(|known| name.eq_ignore_ascii_case(known.as_bytes())) {
                self.learn_whole(value.trim_ascii_end().strip_prefix(b"\"").unwrap_or(value));
            }
        }
    }

    /// Learns a value that is one secret.
    pub fn learn_whole(&mut self, value: &[u8]) {
        let is_known = self.0.iter().any(|known| **known == *value);
        if value.len() >= SHORTEST && !is_known && self.0.len() < MOST {
            // The longest first: one that has another in it goes as a whole.
            let place = self.0.iter().position(|known| known.len() < value.len());
            self.0.insert(place.unwrap_or(self.0.len()), value.into());
        }
    }

    /// Learns the strings that a JSON text has under secret names, and everything below such a name.
    pub fn learn_json(&mut self, text: &[u8]) {
        let mut name = &[][..];
        for string in quoted(text) {
            if string.names {
                name = string.text;
            } else if is_secret(name) || name == b"keys" || name == b"k" {
                self.learn_whole(string.text);
            }
        }
    }

    /// True when no secret is known.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// The text without them.
    #[must_use]
    pub fn hidden<'a>(&self, text: &'a [u8]) -> Cow<'a, [u8]> {
        let mut shown = Cow::Borrowed(text);
        for secret in &self.0 {
            if let Some(without) = replaced(&shown, secret) {
                shown = Cow::Owned(without);
            }
        }
        shown
    }
}

fn replaced(text: &[u8], secret: &[u8]) -> Option<Vec<u8>> {
    let find = |from: usize| {
        let found = text.get(from..)?.windows(secret.len()).position(|part| part == secret)?;
        Some(from + found)
    };
    let (mut shown, mut from) = (Vec::new(), 0);
    let mut next = find(0)?;
    loop {
        shown.extend_from_slice(&text[from..next]);
        shown.extend_from_slice(b"***");
        from = next + secret.len();
        let Some(found) = find(from) else { break };
        next = found;
    }
    shown.extend_from_slice(&text[from..]);
    Some(shown)
}

struct Quoted<'a> {
    text: &'a [u8],
    /// A colon follows.
    names: bool,
}

/// The strings of a JSON text as they are written.
fn quoted(json: &[u8]) -> impl Iterator<Item = Quoted<'_>> {
    let mut rest = json;
    std::iter::from_fn(move || {
        let start = rest.iter().position(|byte| *byte == b'"')? + 1;
        let mut end = start;
        while *rest.get(end)? != b'"' {
            end += if rest[end] == b'\\' { 2 } else { 1 };
        }
        let text = &rest[start..end];
        rest = &rest[end + 1..];
        let names = rest.iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b':');
        Some(Quoted { text, names })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(bytes: &[u8]) -> String {
        String::from_utf8_lossy(bytes).into_owned()
    }

    #[test]
    fn names_of_credentials_are_secret_in_any_case() {
        let names = "Authorization proxy-authorization Cookie set-cookie x-api-key X-Auth-Token \
                     x-amz-security-token api_key access_token client_secret password jwt";
        assert!(names.split_whitespace().all(|name| is_secret(name.as_bytes())));
        let open = "accept host x-tier www-authenticate x-ratelimit-limit x-auth-user keyboard \
                    jwt_auth code key";
        assert!(!open.split_whitespace().any(|name| is_secret(name.as_bytes())));
    }

    #[test]
    fn secret_parameters_of_a_target_are_masked() {
        for (target, shown) in [
            ("/a?b=1", "/a?b=1"),
            ("/a?access_token=t0k&b=1", "/a?access_token=***&b=1"),
            ("a=1&sig=t0k;code=t0k", "a=1&sig=***;code=***"),
            ("/token/code", "/token/code"),
            ("redis://u:t0k@h:1/0?token=t0k", "redis://u:***@h:1/0?token=***"),
            ("http://h/a:b@c", "http://h/a:b@c"),
        ] {
            assert_eq!(text(&masked_query(target.as_bytes())), shown);
        }
    }

    #[test]
    fn a_field_is_masked_by_its_name() {
        assert_eq!(text(&masked_field(b"Cookie", b"a=b")), "*** (3 bytes)");
        assert_eq!(text(&masked_field(b":path", b"/?token=1")), "/?token=***");
        assert_eq!(text(&masked_field(b"x-a", b"/?token=1")), "/?token=1");
    }

    #[test]
    fn a_secret_that_was_met_is_found_in_other_texts() {
        let mut secrets = Secrets::default();
        secrets.learn(b"Bearer abcdef123");
        secrets.learn(b"sid=0123456; Domain=example.com; theme=dark");
        let shown = secrets.hidden(b"Bearer abcdef123 and 0123456, abcdef123, dark, example.com");
        assert_eq!(text(&shown), "*** and ***, ***, dark, example.com");
    }

    #[test]
    fn strings_under_secret_names_of_json_are_learnt() {
        let mut secrets = Secrets::default();
        secrets.learn_json(
            br#"{"issuer": "example", "keys": {"secret": "abcdefgh"}, "password" : "ijklmnop"}"#,
        );
        assert_eq!(text(&secrets.hidden(b"example abcdefgh ijklmnop")), "example *** ***");
        secrets.learn_json(br#"{"secret": "cut off"#);
    }
}
