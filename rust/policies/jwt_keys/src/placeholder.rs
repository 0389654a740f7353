//! Placeholders of variables that were not expanded.

/// Opening and closing marks of a placeholder anywhere in a text.
const INSIDE: [(&str, &str); 4] = [("${", "}"), ("{{", "}}"), ("$(", ")"), ("<%", "%>")];
/// Marks of a placeholder that is the whole text.
const AROUND: [(&str, &str); 10] = [
    ("<", ">"),
    ("%(", ")s"),
    ("%", "%"),
    ("{", "}"),
    ("[", "]"),
    ("#{", "}"),
    ("@", "@"),
    ("__", "__"),
    ("env:", ""),
    ("$", ""),
];

/// The error for a secret or key that is a placeholder.
pub const PLACEHOLDER: &str = "the text looks like a placeholder that was not expanded; in gateway.yaml write {file: ...}, or ${NAME} with \
     the variable set, and in Python os.environ[\"NAME\"]";

/// Whether `text` looks like a placeholder that was not expanded, as shells, Compose, Helm, Ansible, Python,
/// Windows, Caddy and manuals write them. As a secret, such a text lets anyone sign who guesses the name.
#[must_use]
pub fn is_placeholder(text: &str) -> bool {
    let text = text.trim().trim_matches(['"', '\'']).trim();
    let inside = |(open, close): &(&str, &str)| {
        text.split_once(open).is_some_and(|(_, rest)| {
            rest.split_once(close).is_some_and(|(name, _)| is_expression(name))
        })
    };
    let around = |(open, close): &(&str, &str)| {
        let name = text.strip_prefix(open).and_then(|rest| rest.strip_suffix(close));
        name.is_some_and(is_name)
    };
    INSIDE.iter().any(inside) || AROUND.iter().any(around)
}

/// Whether text begins with a name, after spaces, dots and signs.
fn is_expression(text: &str) -> bool {
    text.trim_start_matches([' ', '.', '=', '!', '-', '$'])
        .starts_with(|first: char| first.is_ascii_alphabetic() || first == '_')
}

/// Whether text is words of letters and digits, with separators.
fn is_name(text: &str) -> bool {
    text.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_' || first == '$')
        && text.chars().all(|letter| letter.is_ascii_alphanumeric() || "_-. :/$".contains(letter))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn notations_of_other_tools_are_placeholders() {
        for text in [
            "${ORDERS_SERVICE_JWT_SIGNING_SECRET}",
            "${SECRET:-default}",
            "prefix-${SECRET}-suffix",
            "$ORDERS_SERVICE_JWT_SIGNING_SECRET",
            "$env:SECRET",
            "$(cat /run/secrets/jwt)",
            "$(SECRET)",
            "{{ secret }}",
            "{{ .Values.jwt.secret }}",
            "{{secret|quote}}",
            "%SECRET%",
            "%(SECRET)s",
            "<secret>",
            "<your-256-bit-secret-goes-in-here>",
            "<your secret>",
            "<%= ENV['SECRET'] %>",
            "{env.JWT_SECRET}",
            "{$JWT_SECRET}",
            "#{JWT_SECRET}",
            "[your-secret]",
            "@JWT_SECRET@",
            "__JWT_SECRET__",
            "env:JWT_SECRET",
            " ${SECRET}\n",
            "\"${SECRET}\"",
        ] {
            assert!(is_placeholder(text), "{text}");
        }
    }

    #[test]
    fn a_secret_with_such_signs_is_not_a_placeholder() {
        for text in [
            "",
            "0123456789abcdef0123456789abcdef",
            "pa$$word-that-is-long-enough-for-it",
            "$2b$12$abcdefghijklmnopqrstuvABCDEFG",
            "100%-sure-this-is-a-secret-100%-yes",
            "<a,b;c>?d{e}[f]#g@h%i$j(k)l__m__n__",
            "kX9$Zq}pL{2m%T<r>Vw3(y)N8b[C]d7&Jh5=",
            "{\"a\": 1}",
        ] {
            assert!(!is_placeholder(text), "{text}");
        }
    }
}
