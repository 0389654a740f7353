//! Signal handlers: guests' traps are signals, and other code of the process has handlers too.
//!
//! The engine installs its handlers once. Python's `faulthandler`, enabled later, puts
//! its own above them, takes the trap of a guest for a crash of the process, and ends it. So ours is
//! above the engine's: it asks the engine first, and hands on faults outside of guests. Where another
//! handler came above ours, it gives the signal back to us by raising it again, and the trap, which
//! then happens again, is ours. Every now and then ([`keep`]) we take the first place again.

#![allow(unsafe_code, reason = "signal handlers are the operating system's interface")]

use std::cell::Cell;
use std::mem::MaybeUninit;
use std::ptr::{null, null_mut};
use std::sync::Once;
use std::sync::atomic::{AtomicBool, AtomicPtr, AtomicUsize, Ordering};

use libc::{c_int, c_void, sigaction, siginfo_t};

use crate::types::limits::Limits;
use crate::wasm::engine;

const SIGNALS: [c_int; 4] = [libc::SIGSEGV, libc::SIGILL, libc::SIGFPE, libc::SIGBUS];
/// The check for handlers before ours runs once in this number of opportunities: it is a system call.
const CHANCES: u32 = 64;

/// What is known of one signal.
struct Place {
    /// The engine's handler; 0: the engine has none for this signal.
    engine: AtomicUsize,
    /// The handler that was there before ours, or came above it; never freed, handlers may run.
    other: AtomicPtr<sigaction>,
    /// A crash was handed to the other handler: if it comes back, no handler takes it.
    handed_on: AtomicBool,
}

static PLACES: [Place; 4] = [const {
    Place {
        engine: AtomicUsize::new(0),
        other: AtomicPtr::new(null_mut()),
        handed_on: AtomicBool::new(false),
    }
}; 4];

thread_local! {
    static IN_GUEST: Cell<bool> = const { Cell::new(false) };
    static CHANCE: Cell<u32> = const { Cell::new(0) };
}

/// Puts our handlers above the engine's, once a process.
pub(crate) fn install() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        // The engine hands on to what it found. Finding nothing, it shows that it could not handle a
        // signal: it switches the signal's handler off.
        let found = SIGNALS.map(|signal| replace(signal, &default_handler()));
        drop(wasmer::Store::new(engine::loading(&Limits::default())));
        for ((signal, place), other) in SIGNALS.into_iter().zip(&PLACES).zip(found) {
            let engine = current(signal).sa_sigaction;
            place.other.store(Box::into_raw(Box::new(other)), Ordering::Release);
            if engine == libc::SIG_DFL {
                replace(signal, &other);
            } else {
                place.engine.store(engine, Ordering::Release);
                replace(signal, &our_handler());
            }
        }
    });
}

/// Takes the first place again if another handler came above ours; looks once in a while.
pub(crate) fn keep() {
    let chance = CHANCE.get();
    CHANCE.set((chance + 1) % CHANCES);
    if chance != 0 {
        return;
    }
    for (signal, place) in SIGNALS.into_iter().zip(&PLACES) {
        if place.engine.load(Ordering::Acquire) == 0 {
            continue;
        }
        let now = current(signal);
        if now.sa_sigaction != our_handler().sa_sigaction {
            place.other.store(Box::into_raw(Box::new(now)), Ordering::Release);
            place.handed_on.store(false, Ordering::Release);
            replace(signal, &our_handler());
        }
    }
}

/// Runs a guest.
pub(crate) fn in_guest<R>(run: impl FnOnce() -> R) -> R {
    IN_GUEST.with(|in_guest| {
        in_guest.set(true);
        let outcome = run();
        in_guest.set(false);
        outcome
    })
}

fn default_handler() -> sigaction {
    handler(libc::SIG_DFL, 0)
}

fn our_handler() -> sigaction {
    // As the engine's: with the fault's place, on a stack of its own, and so that a fault in a
    // handler is a fault again.
    handler(on_signal as *const () as usize, libc::SA_SIGINFO | libc::SA_ONSTACK | libc::SA_NODEFER)
}

fn handler(address: usize, flags: c_int) -> sigaction {
    // SAFETY: the structure is plain numbers, for which zero is a value.
    let mut action: sigaction = unsafe { MaybeUninit::zeroed().assume_init() };
    action.sa_sigaction = address;
    action.sa_flags = flags;
    action
}

fn current(signal: c_int) -> sigaction {
    let mut found = default_handler();
    // SAFETY: asks only; `found` is ours.
    unsafe { libc::sigaction(signal, null(), &raw mut found) };
    found
}

fn replace(signal: c_int, action: &sigaction) -> sigaction {
    let mut found = default_handler();
    // SAFETY: `action` is the default, a handler that was installed before, or `on_signal`, which
    // has the signature that its flags promise.
    unsafe { libc::sigaction(signal, action, &raw mut found) };
    found
}

/// Runs in a signal handler: no allocation, no lock.
unsafe extern "C" fn on_signal(signal: c_int, info: *mut siginfo_t, context: *mut c_void) {
    let Some(place) = SIGNALS.iter().position(|known| *known == signal) else { return };
    let place = &PLACES[place];
    // SAFETY: the kernel gives a valid `info` to a handler with SA_SIGINFO.
    let code = unsafe { (*info).si_code };
    // Sent by a process (the second number is Apple's SI_USER): not a fault of this thread.
    if code <= 0 || code == 0x1_0001 {
        // A handler above ours took a guest's trap for a crash, and gives it back.
        if !IN_GUEST.get() {
            hand_on(signal, place);
            // SAFETY: always sound; the signal goes to the handler that is there now.
            unsafe { libc::raise(signal) };
        }
        return;
    }
    let engine = place.engine.load(Ordering::Acquire);
    // SAFETY: the address was installed by the engine as a handler with SA_SIGINFO, and is called
    // with what a handler gets.
    unsafe {
        let engine: extern "C" fn(c_int, *mut siginfo_t, *mut c_void) = std::mem::transmute(engine);
        engine(signal, info, context);
    }
    if current(signal).sa_sigaction == libc::SIG_DFL {
        // No guest's: returning repeats the fault, and the other handler gets it.
        hand_on(signal, place);
    }
}

fn hand_on(signal: c_int, place: &Place) {
    let other = place.other.load(Ordering::Acquire);
    if place.handed_on.swap(true, Ordering::AcqRel) || other.is_null() {
        replace(signal, &default_handler());
    } else {
        // SAFETY: a leaked box, never changed.
        replace(signal, unsafe { &*other });
    }
}
