//! What is called at the border, and how that fails.

use wasmer::InstantiationError;

use crate::wasm::fuel::MeterMissing;
use crate::wasm::idle::Idle;

/// The most parameters of a function that the host calls: `proxy_on_http_call_response` has them.
pub(super) const PARAMETERS: usize = 5;

/// A function of a guest with `N` parameters and `R` results, all of them i32.
#[derive(Clone, Copy, Debug)]
pub(crate) struct GuestFunction<const N: usize, const R: usize> {
    pub(super) index: usize,
    pub(super) idle: Option<Idle>,
}

impl<const N: usize, const R: usize> GuestFunction<N, R> {
    /// Notes that the function is known to do nothing: a caller may take its result without the guest.
    pub(crate) fn known_as(self, idle: Option<Idle>) -> Self {
        Self { idle, ..self }
    }

    /// A call of it.
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
    /// In place of the call of a function that the guest does not have.
    pub(crate) const ABSENT: Self = Self {
        index: usize::MAX,
        arguments: [0; PARAMETERS],
        answers: false,
        idle: Some(Idle::Silent),
    };

    /// What the function does, if that is nothing.
    pub(crate) fn idle(&self) -> Option<Idle> {
        self.idle
    }
}

/// What a step does next.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Next {
    /// Calls the guest, and asks what is next.
    Call(Call),
    /// Calls the guest for the last time.
    Last(Call),
    Stop,
}

/// The bytes are not in the guest's memory.
#[derive(Debug)]
pub(crate) struct OutOfBounds;

/// The module exports the function with another type.
#[derive(Debug)]
pub(crate) struct OtherType;

/// Why a module has no instance.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Problem {
    #[error(transparent)]
    Instantiation(#[from] Box<InstantiationError>),
    #[error("it exports no memory")]
    NoMemory,
    #[error(transparent)]
    Meter(#[from] MeterMissing),
}
