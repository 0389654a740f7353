//! Exported functions that do nothing: SDKs export callbacks that a policy does not use.

use wasmer::sys::wasmparser::{BinaryReader, FunctionBody, Operator};

/// The body of a function that does nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Idle {
    /// It has no result.
    Silent,
    /// It answers this number each time.
    Answers(i32),
}

impl Idle {
    /// What a call of it answers.
    pub(crate) fn answer(self) -> Option<i32> {
        match self {
            Self::Silent => None,
            Self::Answers(number) => Some(number),
        }
    }
}

/// The `count` functions of a code section, in its order. If it does not parse they end there: the compiler
/// reports the error.
pub(super) fn functions(code: &[u8], count: u32) -> Vec<Option<Idle>> {
    let mut reader = BinaryReader::new(code, 0);
    let mut body = || {
        let size = reader.read_var_u32().ok()?;
        let bytes = reader.read_bytes(size as usize).ok()?;
        Some(idle(&FunctionBody::new(BinaryReader::new(bytes, 0))))
    };
    (0..count).map_while(|_| body()).collect()
}

fn idle(body: &FunctionBody<'_>) -> Option<Idle> {
    let mut operators = body.get_operators_reader().ok()?;
    let (idle, end) = match operators.read().ok()? {
        Operator::I32Const { value } => (Idle::Answers(value), operators.read().ok()?),
        operator => (Idle::Silent, operator),
    };
    (matches!(end, Operator::End) && operators.eof()).then_some(idle)
}
