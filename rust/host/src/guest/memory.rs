//! The one place where a guest's pointers are checked.

use smallvec::SmallVec;
use wasmer::RuntimeError;

use crate::abi::enums::Status;
use crate::context::instance_state::{Gift, InstanceState, Stage};
use crate::types::log_level::LogLevel;
use crate::wasm::border::call::OutOfBounds;
use crate::wasm::border::link;
use crate::wasm::border::link::GuestSide;

/// What a hostcall is called with.
pub(crate) type Caller<'a> = link::Caller<'a, InstanceState>;

/// Units that a hostcall costs beside the bytes that it moves.
const HOSTCALL: u64 = 128;
/// Bytes moved for one unit.
const BYTES_A_UNIT: usize = 8;
/// Hostcalls charge the meter when this many units have accumulated, not one by one: it is cheaper,
/// and a loop of hostcalls still ends.
const UNSETTLED: u64 = 4096;

/// The most bytes that are kept until the guest has allocated memory for them.
const GIFT: usize = 4096;

/// A name, a path, a key, a header's value.
pub(crate) type Short = SmallVec<[u8; 64]>;

/// Why a hostcall does not return OK.
pub(crate) enum Fault {
    /// The hostcall returns a status.
    Status(Status),
    /// The function of WASI returns an error number.
    Errno(i32),
    /// The guest is stopped.
    Trap(RuntimeError),
}

impl From<OutOfBounds> for Fault {
    fn from(_: OutOfBounds) -> Self {
        Self::Status(Status::InvalidMemoryAccess)
    }
}

impl From<Status> for Fault {
    fn from(status: Status) -> Self {
        Self::Status(status)
    }
}

/// The answer of a hostcall.
pub(crate) type Answer = Result<(), Fault>;

/// A guest during a hostcall: its state and its memory.
pub(crate) struct Guest<'a> {
    pub(crate) env: &'a mut InstanceState,
    side: GuestSide<'a, InstanceState>,
}

impl<'a> Guest<'a> {
    /// Opens the border for one hostcall and charges for it.
    #[inline]
    pub(crate) fn enter(caller: Caller<'a>) -> Result<Self, Fault> {
        let mut guest = Self { env: caller.state, side: caller.side };
        guest.charge(HOSTCALL)?;
        Ok(guest)
    }

    /// The same, for hostcalls that a guest may not use while it initializes or allocates.
    #[inline]
    pub(crate) fn enter_open(caller: Caller<'a>, name: &str) -> Result<Self, Fault> {
        let guest = Self::enter(caller)?;
        if guest.env.stage == Stage::Open { Ok(guest) } else { Err(too_early(guest.env, name)) }
    }

    /// Bytes of its memory.
    pub(crate) fn memory_size(&self) -> u64 {
        self.side.gauges().memory_size()
    }

    /// Charges the meter; past the budget the guest is stopped.
    pub(crate) fn charge(&mut self, units: u64) -> Result<(), Fault> {
        self.env.unsettled_fuel = self.env.unsettled_fuel.saturating_add(units);
        if self.env.unsettled_fuel < UNSETTLED {
            return Ok(());
        }
        let unsettled_fuel = std::mem::take(&mut self.env.unsettled_fuel);
        if self.side.gauges().meter().charge(unsettled_fuel) {
            Ok(())
        } else {
            Err(Fault::Trap(RuntimeError::new("a hostcall used up the fuel")))
        }
    }

    /// Charges for bytes that a hostcall moves or works on.
    pub(crate) fn charge_bytes(&mut self, bytes: usize) -> Result<(), Fault> {
        self.charge((bytes / BYTES_A_UNIT) as u64)
    }

    /// A copy of the guest's bytes at `at`.
    pub(crate) fn read(&mut self, at: u32, length: u32) -> Result<Vec<u8>, Fault> {
        self.read_some(at, length, usize::MAX)
    }

    /// A copy of the first `most` of the guest's bytes at `at`; all of them must be there.
    pub(crate) fn read_some(
        &mut self,
        at: u32,
        length: u32,
        most: usize,
    ) -> Result<Vec<u8>, Fault> {
        if length == 0 {
            return Ok(Vec::new());
        }
        // Before the charge: an invalid pointer has its own status, and costs nothing.
        self.check(at, length)?;
        let mut bytes = vec![0; most.min(length as usize)];
        self.copy(at, &mut bytes)?;
        Ok(bytes)
    }

    /// The same for values that are mostly short: a short one is not allocated.
    pub(crate) fn read_short(&mut self, at: u32, length: u32) -> Result<Short, Fault> {
        if length as usize > Short::new().inline_size() {
            self.check(at, length)?;
        }
        let mut bytes = Short::from_elem(0, length as usize);
        if length == 0 {
            return Ok(bytes);
        }
        self.copy(at, &mut bytes)?;
        Ok(bytes)
    }

    fn copy(&mut self, at: u32, bytes: &mut [u8]) -> Answer {
        self.charge_bytes(bytes.len())?;
        Ok(self.side.read(at, bytes)?)
    }

    /// Whether the guest has `length` bytes at `at`.
    pub(crate) fn check(&self, at: u32, length: u32) -> Answer {
        if u64::from(at) + u64::from(length) > self.memory_size() {
            return Err(Status::InvalidMemoryAccess.into());
        }
        Ok(())
    }

    /// Writes into the guest's memory at `at`.
    pub(crate) fn write(&mut self, at: u32, bytes: &[u8]) -> Answer {
        Ok(self.side.write(at, bytes)?)
    }

    pub(crate) fn write_u32(&mut self, at: u32, value: u32) -> Answer {
        self.write(at, &value.to_le_bytes())
    }

    pub(crate) fn write_u64(&mut self, at: u32, value: u64) -> Answer {
        self.write(at, &value.to_le_bytes())
    }

    /// A copy of the guest's bytes for a trace: it costs the guest no fuel, and is empty outside of
    /// the guest's memory.
    pub(crate) fn peek(&self, at: i64, length: usize) -> Vec<u8> {
        let mut bytes = vec![0; length];
        match u32::try_from(at).map(|at| self.side.read(at, &mut bytes)) {
            Ok(Ok(())) => bytes,
            _ => Vec::new(),
        }
    }

    /// Units that are left of this callback's fuel.
    pub(crate) fn fuel_left(&mut self) -> u64 {
        self.side.gauges().meter().remaining().saturating_sub(self.env.unsettled_fuel)
    }

    /// Refuses a hostcall: the policy's log and the trace say why.
    pub(crate) fn refuse(&mut self, status: Status, reason: impl Into<String>) -> Fault {
        self.env.log(LogLevel::Warn, reason.into());
        status.into()
    }

    /// A length as the guest's `u32`.
    pub(crate) fn length(bytes: usize) -> Result<u32, Fault> {
        u32::try_from(bytes).map_err(|_| Status::InvalidMemoryAccess.into())
    }

    /// Hands `bytes` to the guest in memory that its own allocator gives, and stores where and how
    /// many. No bytes: no allocation, and (0, 0) (proxy-wasm/spec, "Memory management").
    pub(crate) fn give(&mut self, bytes: &[u8], address_at: u32, length_at: u32) -> Answer {
        let length = Self::length(bytes.len())?;
        if self.can_give_later(bytes) {
            self.charge_bytes(bytes.len())?;
            if self.side.allocate_later(length) {
                let Gift { bytes: kept, address_at: address, length_at: length } =
                    &mut self.env.gift;
                kept.clear();
                kept.extend_from_slice(bytes);
                (*address, *length) = (address_at, length_at);
                self.env.stage = Stage::Allocating;
                return Ok(());
            }
        }
        let address = if bytes.is_empty() { 0 } else { self.place(bytes)? };
        if address != 0 {
            self.write(address, bytes)?;
        }
        self.write_u32(address_at, address)?;
        self.write_u32(length_at, length)
    }

    /// Whether the guest's allocator may run once the hostcall has returned, which saves an entry: not
    /// for a trace, which records the result, nor for many bytes, which would be copied again.
    fn can_give_later(&self, bytes: &[u8]) -> bool {
        !bytes.is_empty()
            && bytes.len() <= GIFT
            && self.env.stage == Stage::Open
            && !self.env.traced
    }

    fn place(&mut self, bytes: &[u8]) -> Result<u32, Fault> {
        self.charge_bytes(bytes.len())?;
        let length = Self::length(bytes.len())?;
        let stage = std::mem::replace(&mut self.env.stage, Stage::Allocating);
        let address = self.side.allocate(self.env, length);
        self.env.stage = stage;
        let address = address.map_err(Fault::Trap)?;
        if address == 0 {
            return Err(Status::InvalidMemoryAccess.into());
        }
        Ok(address)
    }
}

/// Gives the guest what a hostcall kept for it, at the address that its allocator answered; the status
/// that the guest gets.
pub(crate) fn deliver(caller: Caller<'_>, address: u32, status: i32) -> Result<i32, RuntimeError> {
    let mut guest = Guest { env: caller.state, side: caller.side };
    guest.env.stage = Stage::Open;
    let Gift { bytes, address_at, length_at } = std::mem::take(&mut guest.env.gift);
    let length = Guest::length(bytes.len());
    let given = match address {
        0 => Err(Status::InvalidMemoryAccess.into()),
        _ => guest.write(address, &bytes),
    };
    let given = given
        .and_then(|()| guest.write_u32(address_at, address))
        .and_then(|()| guest.write_u32(length_at, length?));
    guest.env.gift.bytes = bytes;
    answered(given).map(|given| if given == Status::Ok as i32 { status } else { given })
}

#[cold]
fn too_early(env: &InstanceState, name: &str) -> Fault {
    let doing =
        if env.stage == Stage::Allocating { "its allocator runs" } else { "it initializes" };
    Fault::Trap(RuntimeError::new(format!("the guest called {name} while {doing}")))
}

/// The number that the guest gets.
pub(crate) fn answered(answer: Answer) -> Result<i32, RuntimeError> {
    match answer {
        Ok(()) => Ok(Status::Ok as i32),
        Err(Fault::Status(status)) => Ok(status as i32),
        Err(Fault::Errno(number)) => Ok(number),
        Err(Fault::Trap(trap)) => Err(trap),
    }
}

/// WASI's `EFAULT` for an invalid pointer.
pub(crate) fn as_wasi<T>(answer: Result<T, Fault>) -> Result<T, Fault> {
    const FAULT: i32 = 21;
    answer.map_err(|fault| match fault {
        Fault::Status(_) => Fault::Errno(FAULT),
        fault => fault,
    })
}
