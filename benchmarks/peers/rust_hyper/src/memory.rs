//! What tokens that verified granted, found by the whole token.

use crate::token::Grant;
use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

/// Holds at most `size` tokens, and forgets the oldest for a new one.
pub struct Memory {
    size: usize,
    grants: HashMap<Arc<[u8]>, Grant>,
    order: VecDeque<Arc<[u8]>>,
}

impl Memory {
    pub fn new(size: usize) -> Self {
        Self { size, grants: HashMap::with_capacity(size), order: VecDeque::with_capacity(size) }
    }

    pub fn get(&self, token: &[u8]) -> Option<&Grant> {
        if self.size == 0 { None } else { self.grants.get(token) }
    }

    pub fn put(&mut self, token: &[u8], grant: Grant) {
        if self.size == 0 {
            return;
        }
        if self.grants.len() >= self.size
            && let Some(oldest) = self.order.pop_front()
        {
            self.grants.remove(&oldest);
        }
        let token: Arc<[u8]> = token.into();
        self.order.push_back(Arc::clone(&token));
        self.grants.insert(token, grant);
    }
}
