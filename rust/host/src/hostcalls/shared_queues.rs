//! Shared queues.

use std::sync::Arc;

use crate::abi::enums::Status;
use crate::context::outbox::outbox;
use crate::guest::memory::{Answer, Fault, Guest};
use crate::plugin::core::PluginCore;
use crate::services::namespaces::Namespace;
use crate::services::shared_queues::{NAME, QueueError};
use crate::types::capability::Capability;
use crate::types::log_level::LogLevel;

/// Fuel for a byte of a name, which is decoded, compared and hashed.
const NAME_UNITS: u64 = 4;

/// `proxy_register_shared_queue`: creates the queue, or opens an existing one. The new listener gets
/// callbacks for the values that are already in it.
pub(super) fn register(guest: &mut Guest<'_>, name: u32, name_size: u32, queue_at: u32) -> Answer {
    // One byte above the maximum is enough to refuse the name.
    let name = guest.read_some(name, name_size, NAME + 1)?;
    guest.charge(name.len() as u64 * NAME_UNITS)?;
    let core = Arc::clone(&guest.env.core);
    let queue = core.services.queues().register(&core.vm.space, &name, core.id);
    let Some(queue) = queue else {
        let text = "could not register a queue: its name is too long, or it has too many";
        guest.env.log(LogLevel::Error, text.into());
        return Err(Status::InternalFailure.into());
    };
    if guest.env.queues.insert(core.id << 32 | u64::from(queue)) {
        let waiting = core.services.queues().len(queue);
        outbox(|out| out.queues.at_least(&core.services, core.id, queue, waiting));
    }
    guest.write_u32(queue_at, queue)
}

/// `proxy_resolve_shared_queue`; an empty `vm` means the policy's own.
pub(super) fn resolve(
    guest: &mut Guest<'_>,
    vm: u32,
    vm_size: u32,
    name: u32,
    name_size: u32,
    queue_at: u32,
) -> Answer {
    let vm = guest.read_some(vm, vm_size, NAME)?;
    let name = guest.read_some(name, name_size, NAME + 1)?;
    guest.charge((vm.len() + name.len()) as u64 * NAME_UNITS)?;
    let vm = String::from_utf8_lossy(&vm);
    let named = Namespace::Named(vm.as_ref().into());
    if !vm.is_empty() && !may_open(&guest.env.core, &named) {
        guest.env.denied(Capability::SharedData, &vm);
        return Err(Status::NotFound.into());
    }
    let core = &guest.env.core;
    let owner = if vm.is_empty() { &core.vm.space } else { &named };
    let queue = core.services.queues().resolve(owner, &name).ok_or(Status::NotFound)?;
    guest.write_u32(queue_at, queue)
}

/// `proxy_enqueue_shared_queue`; the callbacks of listeners run after this callback.
pub(super) fn enqueue(guest: &mut Guest<'_>, queue: u32, value: u32, value_size: u32) -> Answer {
    guest.check(value, value_size)?;
    if value_size as usize > guest.env.core.vm.space.quota().queued {
        return Err(refused(guest, &QueueError::Full));
    }
    let value = guest.read(value, value_size)?;
    let core = Arc::clone(&guest.env.core);
    let sender = &core.vm.space;
    let may = |owner: &Namespace| may_open(&core, owner);
    let listeners = core.services.queues().enqueue(queue, value, sender, &may);
    let listeners = listeners.map_err(|refusal| refused(guest, &refusal))?;
    outbox(|out| {
        for listener in listeners {
            out.queues.add(&core.services, listener, queue);
        }
    });
    Ok(())
}

/// `proxy_dequeue_shared_queue`.
pub(super) fn dequeue(guest: &mut Guest<'_>, queue: u32, value_at: u32, size_at: u32) -> Answer {
    let core = &guest.env.core;
    let value = core.services.queues().dequeue(queue, &|owner| may_open(core, owner));
    let value = value.map_err(|refusal| refused(guest, &refusal))?.ok_or(Status::Empty)?;
    guest.give(&value, value_at, size_at)
}

/// Whether a policy may open a queue: those of its own VM and of the VMs in its capabilities.
fn may_open(core: &PluginCore, owner: &Namespace) -> bool {
    let named = |vm_id: &str| core.spec.capabilities.allows_shared_data(vm_id);
    *owner == core.vm.space || matches!(owner, Namespace::Named(vm_id) if named(vm_id))
}

fn refused(guest: &mut Guest<'_>, refusal: &QueueError) -> Fault {
    match refusal {
        QueueError::NotFound => Status::NotFound.into(),
        QueueError::Denied(vm_id) => {
            guest.env.denied(Capability::SharedData, vm_id);
            Status::NotFound.into()
        }
        QueueError::Full => {
            guest.env.log(
                LogLevel::Error,
                "a shared queue is full, or it has put in as much as it may".into(),
            );
            Status::InternalFailure.into()
        }
    }
}
