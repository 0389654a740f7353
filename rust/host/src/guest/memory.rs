//! The one place where a guest's pointers are checked.

use smallvec::SmallVec;
use wasmer::{FunctionEnvMut, MemoryView, RuntimeError, StoreMut};

use crate::abi::enums::Status;
use crate::context::instance_state::{GuestHandles, InstanceState, Stage};
use crate::types::log_level::LogLevel;

/// What a hostcall is called with.
pub(crate) type Caller<'a> = FunctionEnvMut<'a, InstanceState>;

/// Units that a hostcall costs beside the bytes that it moves.
const HOSTCALL: u64 = 128;
/// Bytes moved for one unit.
const BYTES_A_UNIT: usize = 8;
/// Hostcalls settle what they used with the meter past this many units, not one by one: it is cheaper,
/// and a loop of hostcalls still ends.
const UNSETTLED: u64 = 4096;

/// A name, a path, a key, a header's value.
pub(crate) type Short = SmallVec<[u8; 64]>;

/// Why a hostcall does not answer OK.
pub(crate) enum Fault {
    /// The guest is told.
    Status(Status),
    /// The guest is told, in WASI's numbers.
    Errno(i32),
    /// The guest is stopped.
    Trap(RuntimeError),
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
    store: StoreMut<'a>,
}

impl<'a> Guest<'a> {
    /// Opens the border for one hostcall and charges for it.
    pub(crate) fn enter(caller: &'a mut Caller<'_>) -> Result<Self, Fault> {
        let (env, store) = caller.data_and_store_mut();
        let mut guest = Self { env, store };
        guest.charge(HOSTCALL)?;
        Ok(guest)
    }

    /// The same, for hostcalls that a guest may not use while it initializes or allocates.
    pub(crate) fn enter_open(caller: &'a mut Caller<'_>, name: &str) -> Result<Self, Fault> {
        let guest = Self::enter(caller)?;
        if guest.env.stage == Stage::Open { Ok(guest) } else { Err(too_early(guest.env, name)) }
    }

    fn handles(&self) -> Result<&GuestHandles, Fault> {
        let none = || Fault::Trap(RuntimeError::new("a hostcall before the module was linked"));
        self.env.handles.as_ref().ok_or_else(none)
    }

    fn memory(&self) -> Result<MemoryView<'_>, Fault> {
        Ok(self.handles()?.memory.view(&self.store))
    }

    /// Bytes of its memory.
    pub(crate) fn memory_size(&self) -> Result<u64, Fault> {
        Ok(self.memory()?.data_size())
    }

    /// Charges the meter; past the budget the guest is stopped.
    pub(crate) fn charge(&mut self, units: u64) -> Result<(), Fault> {
        self.env.unsettled_fuel = self.env.unsettled_fuel.saturating_add(units);
        if self.env.unsettled_fuel < UNSETTLED {
            return Ok(());
        }
        let unsettled_fuel = std::mem::take(&mut self.env.unsettled_fuel);
        let meter = self.handles()?.meter.clone();
        if meter.charge(&mut self.store, unsettled_fuel) {
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
        // Before the charge: a wild pointer is told as such, and costs nothing.
        self.check(at, length)?;
        let mut bytes = vec![0; most.min(length as usize)];
        self.copy(at, &mut bytes)?;
        Ok(bytes)
    }

    /// The same for what is mostly short, without an allocation then.
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
        // Not `copy_range_to_vec`: it clears 40 KiB on each call.
        self.memory()?.read(at.into(), bytes).map_err(|_| Status::InvalidMemoryAccess.into())
    }

    /// Whether the guest has `length` bytes at `at`.
    pub(crate) fn check(&self, at: u32, length: u32) -> Answer {
        if u64::from(at) + u64::from(length) > self.memory()?.data_size() {
            return Err(Status::InvalidMemoryAccess.into());
        }
        Ok(())
    }

    /// Writes into the guest's memory at `at`.
    pub(crate) fn write(&mut self, at: u32, bytes: &[u8]) -> Answer {
        self.memory()?.write(at.into(), bytes).map_err(|_| Status::InvalidMemoryAccess.into())
    }

    pub(crate) fn write_u32(&mut self, at: u32, value: u32) -> Answer {
        self.write(at, &value.to_le_bytes())
    }

    pub(crate) fn write_u64(&mut self, at: u32, value: u64) -> Answer {
        self.write(at, &value.to_le_bytes())
    }

    /// A copy of the guest's bytes for a person who looks on: it costs the guest nothing, and is
    /// empty where the guest has none.
    pub(crate) fn peek(&self, at: i64, length: usize) -> Vec<u8> {
        let mut bytes = vec![0; length];
        let read = u64::try_from(at).ok().zip(self.memory().ok());
        match read.map(|(at, memory)| memory.read(at, &mut bytes)) {
            Some(Ok(())) => bytes,
            _ => Vec::new(),
        }
    }

    /// Units that are left of this callback's fuel.
    pub(crate) fn fuel_left(&mut self) -> u64 {
        let Ok(meter) = self.handles().map(|links| links.meter.clone()) else { return 0 };
        meter.remaining(&mut self.store).saturating_sub(self.env.unsettled_fuel)
    }

    /// Refuses a hostcall: the policy's log and the trace say why.
    pub(crate) fn refuse(&mut self, status: Status, reason: impl Into<String>) -> Fault {
        self.env.log(LogLevel::Warn, reason.into());
        status.into()
    }

    /// A length as the guest takes it.
    pub(crate) fn length(bytes: usize) -> Result<u32, Fault> {
        u32::try_from(bytes).map_err(|_| Status::InvalidMemoryAccess.into())
    }

    /// Hands `bytes` to the guest in memory that its own allocator gives, and stores where and how
    /// many. No bytes: no allocation, and (0, 0) (proxy-wasm/spec, "Memory management").
    pub(crate) fn give(&mut self, bytes: &[u8], address_at: u32, length_at: u32) -> Answer {
        let address = if bytes.is_empty() { 0 } else { self.place(bytes)? };
        let length = Self::length(bytes.len())?;
        // The allocator may have grown the memory: the view is of what there is now.
        let memory = self.memory()?;
        let write = |at: u32, bytes: &[u8]| {
            memory.write(at.into(), bytes).map_err(|_| Status::InvalidMemoryAccess)
        };
        if address != 0 {
            write(address, bytes)?;
        }
        write(address_at, &address.to_le_bytes())?;
        Ok(write(length_at, &length.to_le_bytes())?)
    }

    fn place(&mut self, bytes: &[u8]) -> Result<u32, Fault> {
        self.charge_bytes(bytes.len())?;
        let length = Self::length(bytes.len())?;
        let allocate = self.handles()?.allocate.clone();
        let stage = std::mem::replace(&mut self.env.stage, Stage::Allocating);
        let address = allocate.call(&mut self.store, length);
        self.env.stage = stage;
        let address = address.map_err(Fault::Trap)?;
        if address == 0 {
            return Err(Status::InvalidMemoryAccess.into());
        }
        Ok(address)
    }
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

/// WASI's `EFAULT` for a wild pointer.
pub(crate) fn as_wasi<T>(answer: Result<T, Fault>) -> Result<T, Fault> {
    const FAULT: i32 = 21;
    answer.map_err(|fault| match fault {
        Fault::Status(_) => Fault::Errno(FAULT),
        fault => fault,
    })
}
