//! Envoy's filter state: what is stored with a stream beside its properties.

use crate::abi::enums::Status;
use crate::abi::protobuf;
use crate::abi::protobuf::Field;
use crate::context::stored_properties::StoreError;
use crate::guest::effective_stream;
use crate::guest::memory::{Fault, Guest};
use crate::types::log_level::LogLevel;

/// Properties that one instance may declare.
const DECLARED: usize = 256;
/// Bytes of the longest name that may be declared.
const NAME: usize = 1024;

/// `set_envoy_filter_state`: `{string path = 1; string value = 2; LifeSpan span = 3}`. Envoy gives
/// the value to the filter that knows the key, and says `NOT_FOUND` when none does. Here no filter
/// understands Envoy's own keys; a value under any other is stored, to be read under `filter_state`.
pub(super) fn set(guest: &mut Guest<'_>, arguments: &[u8]) -> Result<Vec<u8>, Fault> {
    let [key, value] = protobuf::bytes_of(arguments).map_err(|_| Status::BadArgument)?;
    if key.is_empty() {
        return Err(Status::BadArgument.into());
    }
    if key.starts_with(b"envoy.") {
        let text = format!("set_envoy_filter_state: nothing here acts on {}", key.escape_ascii());
        guest.env.log(LogLevel::Warn, text);
        return Err(Status::NotFound.into());
    }
    let path = [b"filter_state\0", key].concat();
    match effective_stream::store(guest, path, value.to_vec())? {
        Ok(()) => Ok(Vec::new()),
        Err(StoreError::ReadOnly) => Err(Status::BadArgument.into()),
        Err(StoreError::Full) => {
            guest.env.log(LogLevel::Error, "the properties of this stream are full".into());
            Err(Status::InternalFailure.into())
        }
    }
}

/// `declare_property`: `{string name = 1; bool readonly = 2; WasmType type = 3; bytes schema = 4;
/// LifeSpan span = 5}`. Values of every type are read back as they were stored, and live as long as
/// their stream. A name is declared once.
pub(super) fn declare(guest: &mut Guest<'_>, arguments: &[u8]) -> Result<Vec<u8>, Fault> {
    let (mut name, mut read_only) = (&[][..], false);
    let read = protobuf::read(arguments, |number, value| match (number, value) {
        (1, Field::Bytes(value)) => name = value,
        (2, Field::Number(value)) => read_only = value != 0,
        _ => {}
    });
    read.map_err(|_| Status::BadArgument)?;
    if name.len() > NAME {
        return Err(guest.refuse(Status::BadArgument, "declare_property: the name is too long"));
    }
    let declared = &mut guest.env.declared;
    if declared.contains_key(name) {
        return Err(Status::BadArgument.into());
    }
    if declared.len() >= DECLARED {
        let text = format!("declare_property: {DECLARED} are declared already");
        guest.env.log(LogLevel::Error, text);
        return Err(Status::InternalFailure.into());
    }
    declared.insert(name.to_vec(), read_only);
    guest.charge_bytes(name.len())?;
    Ok(Vec::new())
}
