//! Foreign function interface.

use crate::foreign;
use crate::guest::memory::{Answer, Guest};

/// Maximum length of a function's name in bytes.
const NAME: usize = 256;

/// `proxy_call_foreign_function`.
pub(super) fn call(
    guest: &mut Guest<'_>,
    name: u32,
    name_size: u32,
    arguments: u32,
    arguments_size: u32,
    result_at: u32,
    size_at: u32,
) -> Answer {
    let name = guest.read_some(name, name_size, NAME)?;
    let arguments = guest.read(arguments, arguments_size)?;
    // The function reads each byte.
    guest.charge(arguments.len() as u64)?;
    let result = foreign::call(guest, &String::from_utf8_lossy(&name), &arguments)?;
    guest.give(&result, result_at, size_at)
}
