//! The streams of this thread, by key.
//!
//! The data of a stream lives until the stream is closed and no instance has a context for it: a guest
//! may return false from `proxy_on_done` and keep its context until it calls `proxy_done`.

use std::cell::RefCell;
use std::rc::Rc;

use crate::context::stream_data::StreamData;

/// A stream in the table, which hostcalls find by its key.
pub(crate) type SharedStream = Rc<RefCell<StreamData>>;

/// The low half of a key is the index; the high half counts the uses of the index.
#[derive(Default)]
struct Streams {
    entries: Vec<Entry>,
    free: Vec<u32>,
}

struct Entry {
    turn: u32,
    data: Option<SharedStream>,
    /// The number of contexts that instances have for the stream, plus one while it is open.
    holders: u32,
}

thread_local! {
    static STREAMS: RefCell<Streams> = RefCell::default();
}

fn key_of(index: u32, turn: u32) -> u64 {
    u64::from(turn) << 32 | u64::from(index)
}

/// The index of a key, which is unique among the open streams of this thread.
#[allow(clippy::cast_possible_truncation, reason = "the low half of a key")]
pub(crate) fn index_of(key: u64) -> usize {
    key as u32 as usize
}

/// Adds an open stream and returns its key.
pub(crate) fn open(data: &SharedStream) -> u64 {
    STREAMS.with_borrow_mut(|streams| {
        let data = Some(Rc::clone(data));
        if let Some(index) = streams.free.pop() {
            let entry = &mut streams.entries[index as usize];
            (entry.data, entry.holders) = (data, 1);
            return key_of(index, entry.turn);
        }
        let index = u32::try_from(streams.entries.len()).unwrap_or(u32::MAX);
        streams.entries.push(Entry { turn: 1, data, holders: 1 });
        key_of(index, 1)
    })
}

impl Streams {
    fn entry(&mut self, key: u64) -> Option<&mut Entry> {
        let turn = u32::try_from(key >> 32).ok()?;
        self.entries.get_mut(index_of(key)).filter(|entry| entry.turn == turn)
    }

    fn release(&mut self, key: u64) -> Option<SharedStream> {
        let entry = self.entry(key)?;
        entry.holders = entry.holders.saturating_sub(1);
        if entry.holders > 0 {
            return None;
        }
        entry.turn = entry.turn.wrapping_add(1).max(1);
        let data = entry.data.take();
        self.free.extend(u32::try_from(index_of(key)));
        data
    }
}

/// The stream with this key, if its data is still kept.
pub(crate) fn find(key: u64) -> Option<SharedStream> {
    STREAMS.with_borrow_mut(|streams| streams.entry(key)?.data.clone())
}

/// Runs `work` on the stream with this key.
pub(crate) fn with<R>(key: u64, work: impl FnOnce(&mut StreamData) -> R) -> Option<R> {
    find(key).map(|data| work(&mut data.borrow_mut()))
}

/// Records one more context of an instance for this stream.
pub(crate) fn hold(key: u64) {
    STREAMS.with_borrow_mut(|streams| {
        if let Some(entry) = streams.entry(key) {
            entry.holders += 1;
        }
    });
}

/// Records that the stream was closed, or that a context for it was deleted; the last of these frees its
/// data.
pub(crate) fn release(key: u64) {
    // The thread-local may be gone while a thread ends.
    let data = STREAMS.try_with(|streams| streams.borrow_mut().release(key));
    drop(data);
}

/// The number of streams of this thread: open ones, and closed ones that still have a context.
#[must_use]
pub fn kept_streams() -> usize {
    STREAMS.with_borrow(|streams| streams.entries.len() - streams.free.len())
}

/// The number of body bytes that the streams of this thread buffer.
#[must_use]
pub fn held_bytes() -> usize {
    STREAMS.with_borrow(|streams| {
        let kept = streams.entries.iter().filter_map(|entry| entry.data.as_ref());
        // A stream that is in use is not counted.
        kept.map(|data| data.try_borrow().map_or(0, |data| data.held())).sum()
    })
}
