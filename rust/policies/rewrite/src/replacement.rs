//! The replacement of a match: text, and groups of the pattern.
//!
//! Products differ in the notation of groups, and most of them expand an unknown group to nothing. Here the notation of
//! another engine is refused, so that a path never loses a part.

use path_patterns::path_text;
use policy_configuration::shown;
use regex_automata::util::captures::Captures;

/// A checked replacement.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Replacement(Vec<Part>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Text(String),
    Group(usize),
}

impl Replacement {
    /// Reads `$1`, `${1}`, `$name`, `${name}`, and `$$` for a dollar sign; `groups` are the names of the pattern's
    /// groups, from group 0, the whole match.
    ///
    /// # Errors
    /// A sentence with the right spelling, for a group that the pattern does not have, and for the notation of other
    /// engines.
    pub fn parse(written: &str, groups: &[Option<&str>]) -> Result<Self, String> {
        if written.contains("://") {
            return Err(
                "it names a host; write the path alone, and the host under `host`".to_owned()
            );
        }
        let (mut parts, mut rest) = (Vec::new(), written);
        while let Some(dollar) = rest.find('$') {
            let (text, after) = rest.split_at(dollar);
            push_text(&mut parts, text)?;
            let (part, after) = reference(&after[1..], groups)?;
            parts.push(part);
            rest = after;
        }
        push_text(&mut parts, rest)?;
        Ok(Self(parts))
    }

    /// Appends the replacement to `out`, with the groups of the match in `path`.
    pub fn expand(&self, path: &[u8], captures: &Captures, out: &mut Vec<u8>) {
        for part in &self.0 {
            match part {
                Part::Text(text) => out.extend_from_slice(text.as_bytes()),
                // A group of a branch that did not match is empty.
                Part::Group(index) => {
                    out.extend_from_slice(
                        captures.get_group(*index).map_or(b"", |span| &path[span]),
                    );
                }
            }
        }
    }
}

fn push_text(parts: &mut Vec<Part>, text: &str) -> Result<(), String> {
    if let Some(group) = foreign_group(text) {
        return Err(format!("groups are written ${{1}} or ${{name}}: write {group}"));
    }
    path_text::check(text)?;
    if !text.is_empty() {
        parts.push(Part::Text(text.to_owned()));
    }
    Ok(())
}

/// The right spelling of the first group in `text` in the notation of Envoy, Python, sed or Apache.
fn foreign_group(text: &str) -> Option<String> {
    text.char_indices().find_map(|(place, letter)| {
        let after = &text[place + 1..];
        let name = match letter {
            '\\' => {
                let named = after.strip_prefix(['g', 'k']).and_then(|rest| bracketed(rest));
                named.or_else(|| digits(after)).or_else(|| named_zero(after))
            }
            '{' => after.split_once('}').map(|(name, _)| name),
            '%' => digits(after).filter(|_| !path_text::is_escape(after)),
            _ => None,
        };
        name.filter(|name| is_word(name)).map(|name| format!("${{{name}}}"))
    })
}

fn bracketed(rest: &str) -> Option<&str> {
    let close = [('<', '>'), ('{', '}')].into_iter().find(|(open, _)| rest.starts_with(*open))?.1;
    rest[1..].split_once(close).map(|(name, _)| name)
}

fn digits(text: &str) -> Option<&str> {
    let end = text.bytes().take_while(u8::is_ascii_digit).count();
    (end > 0).then(|| &text[..end])
}

/// `\&`, sed's notation of the whole match.
fn named_zero(after: &str) -> Option<&'static str> {
    after.starts_with('&').then_some("0")
}

/// The reference after a dollar sign, and the rest of the text.
fn reference<'t>(after: &'t str, groups: &[Option<&str>]) -> Result<(Part, &'t str), String> {
    if let Some(rest) = after.strip_prefix('$') {
        return Ok((Part::Text("$".to_owned()), rest));
    }
    if let Some(inner) = after.strip_prefix('{') {
        let (name, rest) =
            inner.split_once('}').ok_or("`${` has no closing `}`; write ${1} or ${name}")?;
        return match group(name, groups) {
            Some(index) => Ok((Part::Group(index), rest)),
            None => Err(format!("there is no group `{}`; {}", shown(name), all(groups))),
        };
    }
    let end = after.bytes().take_while(|&byte| is_word_byte(byte)).count();
    let (word, rest) = after.split_at(end);
    if let Some(index) = group(word, groups) {
        return Ok((Part::Group(index), rest));
    }
    if !word.is_empty() {
        // Other engines take the longest group that the word begins with.
        let meant = (1..end).rev().find(|&len| group(&word[..len], groups).is_some());
        let spelling = meant.map(|len| format!("write ${{{}}}{}; ", &word[..len], &word[len..]));
        return Err(format!(
            "there is no group `{word}`; {}{}",
            spelling.unwrap_or_default(),
            all(groups)
        ));
    }
    let meant = match after.chars().next() {
        Some('&') => "write ${0} for the whole match".to_owned(),
        Some('<') => match bracketed(after).filter(|name| is_word(name)) {
            Some(name) => format!("write ${{{name}}}"),
            None => "write ${name}".to_owned(),
        },
        _ => "write ${1} for a group, $$ for the character".to_owned(),
    };
    Err(format!("no group follows the `$`; {meant}"))
}

/// The index of the group with this number, without leading zeros, or name.
fn group(word: &str, groups: &[Option<&str>]) -> Option<usize> {
    if word.is_empty() {
        return None;
    }
    if word.bytes().all(|byte| byte.is_ascii_digit()) {
        let index: usize = word.parse().ok()?;
        return (index < groups.len() && index.to_string() == word).then_some(index);
    }
    groups.iter().position(|name| *name == Some(word))
}

fn all(groups: &[Option<&str>]) -> String {
    let names: Vec<String> = groups
        .iter()
        .enumerate()
        .map(|(index, name)| format!("${{{}}}", name.map_or(index.to_string(), str::to_owned)))
        .collect();
    match names.len() {
        1 => "the pattern has no groups; put what is to be kept in parentheses".to_owned(),
        _ => format!("the pattern has {}", names[1..].join(", ")),
    }
}

fn is_word(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(is_word_byte)
}

fn is_word_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}
