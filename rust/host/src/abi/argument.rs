//! What the arguments of hostcalls are: from it follow their types in WebAssembly, and what a trace
//! shows and masks.

use wasmer::Type;

/// The kind of one argument.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Argument {
    // Numbers.
    Number,
    Signed,
    Long,
    Unsigned,
    /// An enumeration of the ABI.
    LogLevel,
    Map,
    Buffer,
    MetricKind,
    StreamType,
    /// An address that a trace does not interpret.
    Address,
    /// Where environment variables go.
    Environment,

    // Addresses of bytes of the guest; their [`Argument::Length`] follows.
    Text,
    /// Names the [`Argument::Value`] of the same call: a header's name, a key of shared data.
    Key,
    Value,
    /// Serialized fields.
    Fields,
    /// The path of a property.
    Path,
    /// The value of the property at the [`Argument::Path`] of the same call.
    PropertyValue,
    /// Bytes of the [`Argument::Buffer`] of the same call.
    BufferBytes,
    Secret,
    /// A command as RESP writes it; AUTH and HELLO have a password.
    RedisQuery,
    /// The name of an upstream or a service.
    Upstream,
    /// WASI's vectors; of those that are read nothing is there before the call.
    Vectors,
    WrittenVectors,
    /// How many bytes the argument before it has, or vectors.
    Length,

    // Addresses of answers.
    NumberAt,
    LogLevelAt,
    /// Eight bytes.
    LongAt,
    /// The address of bytes in the guest's memory; that of their length follows.
    TextAt,
    ValueAt,
    FieldsAt,
    PropertyValueAt,
    BufferBytesAt,
    SecretAt,
    LengthAt,
}

/// The kinds as types of Rust, by the same names.
pub(crate) mod types {
    macro_rules! kinds {
        ($( $kind:ident = $type:ty; )*) => { $( pub(crate) type $kind = $type; )* };
    }

    kinds! {
        Number = u32; Signed = i32; Long = i64; Unsigned = u64;
        LogLevel = u32; Map = u32; Buffer = u32; MetricKind = u32; StreamType = u32;
        Address = u32; Environment = u32;
        Text = u32; Key = u32; Value = u32; Fields = u32; Path = u32; PropertyValue = u32;
        BufferBytes = u32; Secret = u32; RedisQuery = u32; Upstream = u32;
        Vectors = u32; WrittenVectors = u32; Length = u32;
        NumberAt = u32; LogLevelAt = u32; LongAt = u32;
        TextAt = u32; ValueAt = u32; FieldsAt = u32; PropertyValueAt = u32; BufferBytesAt = u32;
        SecretAt = u32; LengthAt = u32;
    }
}

/// A type that an argument has in Rust.
pub(crate) trait Number {
    /// Its type in WebAssembly.
    const TYPE: Type;

    fn number(self) -> i64;
}

impl Number for u32 {
    const TYPE: Type = Type::I32;

    fn number(self) -> i64 {
        self.into()
    }
}

impl Number for i32 {
    const TYPE: Type = Type::I32;

    fn number(self) -> i64 {
        self.into()
    }
}

impl Number for i64 {
    const TYPE: Type = Type::I64;

    fn number(self) -> i64 {
        self
    }
}

impl Number for u64 {
    const TYPE: Type = Type::I64;

    fn number(self) -> i64 {
        self.cast_signed()
    }
}
