//! Every word over an alphabet, so that tests can try all short inputs.

/// All words of up to `length` letters.
pub(crate) fn all_words(alphabet: &[&str], length: usize) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut last = 0;
    for _ in 0..length {
        let next = words.len();
        for word in last..next {
            for letter in alphabet {
                words.push(format!("{}{letter}", words[word]));
            }
        }
        last = next;
    }
    words
}

#[test]
fn words_come_shortest_first() {
    let words = ["", "a", "b", "aa", "ab", "ba", "bb"];
    assert_eq!(words.as_slice(), all_words(&["a", "b"], 2));
}
