//! The memory of tokens: what is found, what is given up, and that it stays within its bounds.

use jwt_auth::claims::Grant;
use jwt_auth::memory::{MOST_BYTES, MOST_TOKEN_BYTES, MOST_TOKENS, Memory};

fn grant(user: &str, until: u64) -> Grant {
    Grant { user: user.into(), headers: vec![], from: 0, until }
}

/// A token whose end differs for each number, as signatures do.
fn token(number: usize, len: usize) -> Vec<u8> {
    let end = format!("{:016x}", (number as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15));
    [vec![b'a'; len - end.len()], end.into_bytes()].concat()
}

fn remembered(memory: &mut Memory, tokens: impl Iterator<Item = Vec<u8>>) -> usize {
    tokens.filter(|token| memory.get(token).is_some()).count()
}

#[test]
fn a_token_is_found_with_what_it_grants() {
    let mut memory = Memory::default();
    memory.put(&token(1, 100), grant("ada", 9), 0);
    assert_eq!(memory.get(&token(1, 100)), Some(&grant("ada", 9)));
}

#[test]
fn a_token_that_differs_in_any_byte_is_not_found() {
    let mut memory = Memory::default();
    let known = token(1, 100);
    memory.put(&known, grant("ada", 9), 0);
    for place in 0..known.len() {
        let mut other = known.clone();
        other[place] ^= 1;
        assert_eq!(memory.get(&other), None, "{place}");
    }
}

#[test]
fn a_token_that_is_longer_or_shorter_is_not_found() {
    let mut memory = Memory::default();
    memory.put(&token(1, 100), grant("ada", 9), 0);
    assert_eq!(memory.get(&token(1, 101)), None);
    assert_eq!(memory.get(&token(1, 99)), None);
    assert_eq!(memory.get(b"a"), None);
}

#[test]
fn no_more_than_its_number_of_tokens_is_remembered() {
    let mut memory = Memory::default();
    for number in 0..MOST_TOKENS * 3 {
        memory.put(&token(number, 100), grant("ada", 9), 0);
    }
    let tokens = (0..MOST_TOKENS * 3).map(|number| token(number, 100));
    let found = remembered(&mut memory, tokens);
    assert!(found <= MOST_TOKENS && found > MOST_TOKENS * 9 / 10, "{found}");
}

#[test]
fn no_more_than_its_number_of_bytes_is_remembered() {
    let mut memory = Memory::default();
    let len = MOST_TOKEN_BYTES;
    for number in 0..MOST_TOKENS {
        memory.put(&token(number, len), grant("ada", 9), 0);
    }
    let found = remembered(&mut memory, (0..MOST_TOKENS).map(|number| token(number, len)));
    assert!(found * len <= MOST_BYTES && found * len > MOST_BYTES / 2, "{found}");
}

#[test]
fn a_token_over_the_length_is_not_remembered() {
    let mut memory = Memory::default();
    memory.put(&token(1, MOST_TOKEN_BYTES + 1), grant("ada", 9), 0);
    assert_eq!(memory.get(&token(1, MOST_TOKEN_BYTES + 1)), None);
}

#[test]
fn tokens_in_use_outlive_a_flood_of_others() {
    let mut memory = Memory::default();
    let used: Vec<_> = (0..100).map(|number| token(number, 100)).collect();
    for token in &used {
        memory.put(token, grant("ada", 9), 0);
    }
    for number in 0..MOST_TOKENS * 3 {
        memory.put(&token(1000 + number, 100), grant("bob", 9), 0);
        if number % 100 == 0 {
            remembered(&mut memory, used.iter().cloned());
        }
    }
    assert_eq!(remembered(&mut memory, used.into_iter()), 100);
}

#[test]
fn expired_tokens_give_way_first() {
    let mut memory = Memory::default();
    for number in 0..MOST_TOKENS * 3 {
        memory.put(&token(number, 100), grant("ada", 9), 0);
    }
    let valid: Vec<_> = (0..1000).map(|number| token(100_000 + number, 100)).collect();
    for token in &valid {
        memory.put(token, grant("bob", 99), 10);
    }
    assert_eq!(remembered(&mut memory, valid.into_iter()), 1000);
}
