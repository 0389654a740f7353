//! PEM blocks (RFC 7468) as `openssl` writes them, with any text around.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// One block.
#[derive(Debug, PartialEq, Eq)]
pub struct Block<'t> {
    /// The label after `BEGIN`, such as `PUBLIC KEY`.
    pub label: &'t str,
    body: &'t str,
}

impl Block<'_> {
    /// The DER of the block.
    ///
    /// # Errors
    /// The reason, as part of a configuration error: the block is empty or not base64.
    pub fn der(&self) -> Result<Vec<u8>, String> {
        let base64: String = self.body.split_ascii_whitespace().collect();
        if base64.is_empty() {
            return Err(format!("the PEM block {} is empty", self.label));
        }
        STANDARD.decode(base64).map_err(|_| format!("the PEM block {} is not base64", self.label))
    }
}

/// Every block of `text`, in order.
///
/// # Errors
/// The reason, as part of a configuration error: a block has no end.
pub fn blocks(text: &str) -> Result<Vec<Block<'_>>, String> {
    let mut found = Vec::new();
    let mut rest = text;
    while let Some((_, after)) = rest.split_once("-----BEGIN ") {
        let (label, after) =
            after.split_once("-----").ok_or("the PEM line that begins with BEGIN has no end")?;
        let (body, after) = after
            .split_once(&format!("-----END {label}-----"))
            .ok_or_else(|| format!("the PEM block {label} has no END line"))?;
        found.push(Block { label, body });
        rest = after;
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_are_found_between_other_text() {
        let text = "note\r\n-----BEGIN A-----\r\nAQ\r\nI=\r\n-----END A-----\n\
                    -----BEGIN B C-----\nAw==\n-----END B C-----\n";
        let blocks = blocks(text).unwrap();
        let found: Vec<_> =
            blocks.iter().map(|block| (block.label, block.der().unwrap())).collect();
        assert_eq!(found, [("A", vec![1, 2]), ("B C", vec![3])]);
    }

    #[test]
    fn a_block_without_its_end_is_refused() {
        let expected = Err("the PEM block A has no END line".to_owned());
        assert_eq!(blocks("-----BEGIN A-----\nAQI=\n-----END B-----"), expected);
    }

    #[test]
    fn text_without_blocks_has_none() {
        assert_eq!(blocks("hello"), Ok(vec![]));
    }
}
