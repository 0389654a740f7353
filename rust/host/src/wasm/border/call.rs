//! The calls of a guest's functions, and the errors at the border.

use wasmer::InstantiationError;

use crate::wasm::fuel::MeterMissing;
use crate::wasm::idle::Idle;

/// The maximum number of parameters of a function that the host calls: those of
/// `proxy_on_http_call_response`.
pub(super) const PARAMETERS: usize = 5;

/// A function of a guest with `N` parameters and `R` results, all of type i32.
#[derive(Clone, Copy, Debug)]
pub(crate) struct GuestFunction<const N: usize, const R: usize> {
    pub(super) index: usize,
    pub(super) idle: Option<Idle>,
}

impl<const N: usize, const R: usize> GuestFunction<N, R> {
    /// Marks a function that does nothing: a caller may take its result without a call of the guest.
    pub(crate) fn known_as(self, idle: Option<Idle>) -> Self {
        Self { idle, ..self }
    }

    /// Returns a call of the function with these arguments.
    #[inline]
    pub(crate) fn with(self, arguments: [u32; N]) -> Call {
        const { assert!(N <= PARAMETERS && R <= 1) };
        let mut all = [0; PARAMETERS];
        all[..N].copy_from_slice(&arguments);
        Call { index: self.index, arguments: all, answers: R > 0, idle: self.idle }
    }
}

/// One call of a guest.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Call {
    pub(super) index: usize,
    pub(super) arguments: [u32; PARAMETERS],
    /// Whether the function has a result.
    pub(super) answers: bool,
    idle: Option<Idle>,
}

impl Call {
    /// Stands for the call of a function that the guest does not export.
    pub(crate) const ABSENT: Self = Self {
        index: usize::MAX,
        arguments: [0; PARAMETERS],
        answers: false,
        idle: Some(Idle::Silent),
    };

    /// The result of a function that does nothing; `None` for all others.
    pub(crate) fn idle(&self) -> Option<Idle> {
        self.idle
    }
}

/// The next action of a step.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Next {
    /// Calls the guest, then asks for the next action.
    Call(Call),
    /// Calls the guest and ends the step.
    Last(Call),
    Stop,
}

/// The address range is not within the guest's memory.
#[derive(Debug)]
pub(crate) struct OutOfBounds;

/// The module exports the function with a different type.
#[derive(Debug)]
pub(crate) struct OtherType;

/// Why a module cannot be instantiated.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Problem {
    #[error(transparent)]
    Instantiation(#[from] Box<InstantiationError>),
    #[error("it exports no memory")]
    NoMemory,
    #[error(transparent)]
    Meter(#[from] MeterMissing),
}
