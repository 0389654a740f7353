//! Replacements: an accepted one expands exactly the groups that it names, every other is refused with the right
//! spelling.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use rewrite::path::PathRules;
use rewrite::pattern::Pattern;

fn rewritten(pattern: &Pattern, path: &str) -> Option<String> {
    let path = pattern.apply(path.as_bytes()).unwrap()?;
    Some(String::from_utf8(path).unwrap())
}

fn refusal(pattern: &str, replacement: &str) -> String {
    Pattern::new(pattern, replacement).unwrap_err()
}

#[test]
fn groups_are_put_in_in_each_accepted_spelling() {
    for (pattern, replacement, expected) in [
        ("^/u/([0-9]+)/(.*)$", "/$2/of/$1", "/a/of/7"),
        ("^/u/([0-9]+)/(.*)$", "/${2}of${1}", "/aof7"),
        ("^/u/([0-9]+)", "/v${1}_old", "/v7_old/a"),
        ("^/u/([0-9]+)", "/v$1-old", "/v7-old/a"),
        ("^/u/([0-9]+)", "/old${0}", "/old/u/7/a"),
        ("^/u/(?<id>[0-9]+)", "/v$id/${id}", "/v7/7/a"),
        ("^/u/(?P<id>[0-9]+)", "/v${id}x", "/v7x/a"),
        ("^/u/([0-9]+)", "/$$1/%20/(x)", "/$1/%20/(x)/a"),
        ("^/u/([0-9]+)(z)?", "/v$1$2", "/v7/a"),
        ("(u)/(7)/(a)()()()()()()(/?)", "$1$10$3", "/ua"),
    ] {
        let pattern = Pattern::new(pattern, replacement).unwrap();
        assert_eq!(rewritten(&pattern, "/u/7/a").as_deref(), Some(expected), "{replacement}");
    }
}

#[test]
fn the_notation_of_other_engines_is_refused_with_the_right_spelling() {
    for (replacement, expected) in [
        ("/v$1_old", "there is no group `1_old`; write ${1}_old; the pattern has ${1}, ${id}"),
        ("/v$1old", "there is no group `1old`; write ${1}old; "),
        ("/v$10", "there is no group `10`; write ${1}0; "),
        ("/v$id_old", "there is no group `id_old`; write ${id}_old; "),
        ("/x/$3/y", "there is no group `3`; the pattern has ${1}, ${id}"),
        ("/x/${3}", "there is no group `3`; the pattern has ${1}, ${id}"),
        ("/x/$01", "there is no group `01`; write ${0}1; "),
        ("/x/${name}", "there is no group `name`; "),
        ("$uri", "there is no group `uri`; the pattern has ${1}, ${id}"),
        ("$request_uri", "there is no group `request_uri`; "),
        ("/x/${1", "`${` has no closing `}`; write ${1} or ${name}"),
        ("/x/${}", "there is no group ``; "),
        ("/x/\\1", "groups are written ${1} or ${name}: write ${1}"),
        ("/x/\\g<1>", "groups are written ${1} or ${name}: write ${1}"),
        ("/x/\\g<id>/y", "groups are written ${1} or ${name}: write ${id}"),
        ("/x/\\k<id>", "groups are written ${1} or ${name}: write ${id}"),
        ("/x/\\g{id}", "groups are written ${1} or ${name}: write ${id}"),
        ("/x/\\&", "groups are written ${1} or ${name}: write ${0}"),
        ("/x/%1", "groups are written ${1} or ${name}: write ${1}"),
        ("/x/%1/y", "groups are written ${1} or ${name}: write ${1}"),
        ("/x/{1}", "groups are written ${1} or ${name}: write ${1}"),
        ("/x/{id}/y", "groups are written ${1} or ${name}: write ${id}"),
        ("/x/$&", "no group follows the `$`; write ${0} for the whole match"),
        ("/x/$<id>", "no group follows the `$`; write ${id}"),
        ("/x/$+", "no group follows the `$`; write ${1} for a group, $$ for the character"),
        ("/x/$(1)", "no group follows the `$`; write ${1} for a group"),
        ("/x/$", "no group follows the `$`; write ${1} for a group"),
        ("/x/{re.name.1}", "`{` is not allowed in a path; write %7B"),
        ("/x/{{ id }}", "`{` is not allowed in a path; write %7B"),
        ("/x/%{id}", "groups are written ${1} or ${name}: write ${id}"),
        ("/x/\\d", "`\\` is not allowed in a path; write %5C"),
        ("/x/%", "`%` is not allowed in a path; write %25"),
        ("/x y", "` ` is not allowed in a path; write %20"),
        ("/x?id=$1", "`?` begins a query"),
        ("http://a.example/$1", "it names a host; write the path alone, and the host under `host`"),
    ] {
        let refused = refusal("^/u/([0-9]+)/(?<id>.*)$", replacement);
        let said = refused.split_once("`: ").unwrap();
        assert!(said.0.starts_with("replacement: `"), "{refused}");
        assert!(said.1.starts_with(expected), "{replacement}: {refused}");
    }
    let refused = refusal("^/u", "/$1");
    assert!(refused.ends_with("the pattern has no groups; put what is to be kept in parentheses"));
}

/// What each group found.
type Groups = &'static [(&'static str, &'static str)];

/// The replacement in words that do not come from the policy: each reference and its text, or none if the text is
/// not one that every reader takes alike.
fn meant(replacement: &str, groups: Groups) -> Option<String> {
    let mut out = String::new();
    let mut rest = replacement;
    while let Some(first) = rest.chars().next() {
        let (name, len) = match rest.as_bytes() {
            [b'$', b'$', ..] => ("$", 2),
            [b'$', b'{', ..] => {
                let end = rest.find('}')?;
                (&rest[2..end], end + 1)
            }
            [b'$', ..] => {
                let word = |letter: &char| letter.is_ascii_alphanumeric() || *letter == '_';
                let end = 1 + rest[1..].chars().take_while(word).count();
                (&rest[1..end], end)
            }
            _ => {
                out.push(first);
                rest = &rest[first.len_utf8()..];
                continue;
            }
        };
        match name {
            "$" => out.push('$'),
            _ => out.push_str(groups.iter().find(|(own, _)| *own == name)?.1),
        }
        rest = &rest[len..];
    }
    Some(out)
}

#[test]
fn an_accepted_replacement_puts_in_exactly_the_groups_it_names() {
    let alphabet = ["$", "{", "}", "1", "2", "a", "_", "/", "\\", "%", "25"];
    let mut words = vec![String::new()];
    for start in 0.. {
        if words[start].len() > 5 || words.len() > 16_000 {
            break;
        }
        for letter in alphabet {
            let word = format!("{}{letter}", words[start]);
            words.push(word);
        }
    }
    let patterns: [(&str, &str, Groups); 3] = [
        ("^/u/.*$", "/u/7", &[("0", "/u/7")]),
        ("^/u/(?<a>.*)$", "/u/7", &[("0", "/u/7"), ("1", "7"), ("a", "7")]),
        ("^/(u)/(7)", "/u/7", &[("0", "/u/7"), ("1", "u"), ("2", "7")]),
    ];
    let mut accepted = 0;
    for word in &words {
        for (pattern, path, groups) in patterns {
            // The grammar alone first: a pattern takes long to compile without optimization.
            let names: Vec<_> = (0..groups.iter().filter(|(name, _)| *name != "a").count())
                .map(|index| (pattern.contains("?<a>") && index == 1).then_some("a"))
                .collect();
            let Ok(replacement) = rewrite::replacement::Replacement::parse(word, &names) else {
                continue;
            };
            let expected = meant(word, groups);
            let compiled = Pattern::with(pattern, replacement).unwrap();
            assert_eq!(rewritten(&compiled, path), expected, "{word} for {pattern}");
            let rules = PathRules::new(vec![], vec![compiled]);
            let target = rules.apply(path.as_bytes()).unwrap().unwrap();
            assert!(target.starts_with(b"/") && !target.starts_with(b"//"), "{word}");
            accepted += 1;
        }
    }
    assert!(accepted > 1000, "{accepted}");
}
