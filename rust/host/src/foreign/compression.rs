//! zlib (RFC 1950), as Envoy's `compress` and `uncompress`: bytes in, bytes out.

use miniz_oxide::deflate::compress_to_vec_zlib;
use miniz_oxide::inflate::decompress_to_vec_zlib_with_limit;

use crate::abi::enums::Status;
use crate::guest::memory::{Fault, Guest};
use crate::types::log_level::LogLevel;

/// zlib's default.
const LEVEL: u8 = 6;
/// Bytes that `uncompress` returns at most: a kilobyte can expand to a megabyte.
const LONGEST: usize = 4 << 20;
/// Fuel for a byte that is compressed, and for one that is uncompressed: about the time that it takes.
const COMPRESS: u64 = 24;
const UNCOMPRESS: u64 = 4;

/// `compress`.
pub(super) fn compress(guest: &mut Guest<'_>, arguments: &[u8]) -> Result<Vec<u8>, Fault> {
    guest.charge(COMPRESS.saturating_mul(arguments.len() as u64))?;
    Ok(compress_to_vec_zlib(arguments, LEVEL))
}

/// `uncompress`.
pub(super) fn uncompress(guest: &mut Guest<'_>, arguments: &[u8]) -> Result<Vec<u8>, Fault> {
    guest.charge(UNCOMPRESS.saturating_mul(arguments.len() as u64))?;
    let (bytes, problem) = match decompress_to_vec_zlib_with_limit(arguments, LONGEST) {
        Ok(bytes) => (bytes, None),
        Err(error) => {
            let problem = format!("uncompress: no zlib stream, or more than {LONGEST} bytes");
            (error.output, Some(problem))
        }
    };
    guest.charge(UNCOMPRESS.saturating_mul(bytes.len() as u64))?;
    match problem {
        None => Ok(bytes),
        Some(problem) => {
            guest.env.log(LogLevel::Warn, problem);
            Err(Status::SerializationFailure.into())
        }
    }
}
