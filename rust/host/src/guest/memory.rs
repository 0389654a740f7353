//! Access to the guest's memory: the only place where its pointers are checked.

use smallvec::SmallVec;
use wasmer::RuntimeError;

use crate::abi::enums::Status;
use crate::context::instance_state::{Gift, InstanceState, Stage};
use crate::types::log_level::LogLevel;
use crate::wasm::border::call::OutOfBounds;
use crate::wasm::border::link;
use crate::wasm::border::link::GuestSide;

/// The argument of a host function: the guest that called it.
pub(crate) type Caller<'a> = link::Caller<'a, InstanceState>;

/// Fuel for a hostcall besides the bytes that it moves.
const HOSTCALL: u64 = 128;
/// Bytes that a hostcall moves for one unit of fuel.
const BYTES_A_UNIT: usize = 8;
/// Hostcalls charge the meter once this many units have accumulated. That is cheaper than a charge for
/// each one, and a loop of hostcalls still ends.
const UNSETTLED: u64 = 4096;

/// Maximum number of bytes that are kept until the guest's allocator has run.
const GIFT: usize = 4096;

/// A name, a path, a key, or the value of a field.
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
    /// Begins a hostcall and charges for it.
    #[inline]
    pub(crate) fn enter(caller: Caller<'a>) -> Result<Self, Fault> {
        let mut guest = Self { env: caller.state, side: caller.side };
        guest.charge(HOSTCALL)?;
        Ok(guest)
    }

    /// Begins a hostcall that a guest may not make while it initializes or allocates.
    #[inline]
    pub(crate) fn enter_open(caller: Caller<'a>, name: &str) -> Result<Self, Fault> {
        let guest = Self::enter(caller)?;
        if guest.env.stage == Stage::Open { Ok(guest) } else { Err(too_early(guest.env, name)) }
    }

    /// The size of the guest's memory in bytes.
    pub(crate) fn memory_size(&self) -> u64 {
        self.side.gauges().memory_size()
    }

    /// Charges the meter; the guest is stopped when its fuel is exhausted.
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

    /// Copies the guest's bytes at `at`.
    pub(crate) fn read(&mut self, at: u32, length: u32) -> Result<Vec<u8>, Fault> {
        self.read_some(at, length, usize::MAX)
    }

    /// Copies the first `most` of the guest's bytes at `at`; the whole range must be valid.
    pub(crate) fn read_some(
        &mut self,
        at: u32,
        length: u32,
        most: usize,
    ) -> Result<Vec<u8>, Fault> {
        if length == 0 {
            return Ok(Vec::new());
        }
        // Before the charge: an invalid pointer has a status of its own, and costs nothing.
        self.check(at, length)?;
        let mut bytes = vec![0; most.min(length as usize)];
        self.copy(at, &mut bytes)?;
        Ok(bytes)
    }

    /// Copies the guest's bytes without an allocation if they are few, as most values are.
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

    /// Checks that `length` bytes at `at` are in the guest's memory.
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

    /// Copies the guest's bytes for a trace: this costs no fuel, and is empty for a range outside of the
    /// guest's memory.
    pub(crate) fn peek(&self, at: i64, length: usize) -> Vec<u8> {
        let mut bytes = vec![0; length];
        match u32::try_from(at).map(|at| self.side.read(at, &mut bytes)) {
            Ok(Ok(())) => bytes,
            _ => Vec::new(),
        }
    }

    /// The remaining fuel of this callback.
    pub(crate) fn fuel_left(&mut self) -> u64 {
        self.side.gauges().meter().remaining().saturating_sub(self.env.unsettled_fuel)
    }

    /// Refuses a hostcall, and logs the reason to the policy's log and the trace.
    pub(crate) fn refuse(&mut self, status: Status, reason: impl Into<String>) -> Fault {
        self.env.log(LogLevel::Warn, reason.into());
        status.into()
    }

    /// A number of bytes as the guest's `u32`.
    pub(crate) fn length(bytes: usize) -> Result<u32, Fault> {
        u32::try_from(bytes).map_err(|_| Status::InvalidMemoryAccess.into())
    }

    /// Copies `bytes` into memory allocated by the guest, and writes their address and length to
    /// `address_at` and `length_at`. Without bytes there is no allocation, and both are 0 (proxy-wasm/spec,
    /// "Memory management").
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

    /// Whether the guest's allocator may run after the hostcall has returned, which saves an entry. It may
    /// not for a trace, which records the result, nor for many bytes, which would be copied twice.
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

/// Copies the bytes that a hostcall kept to the address that the allocator returned; returns the status
/// for the guest.
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

/// The number that the hostcall returns to the guest.
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
