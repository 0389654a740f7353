//! Where traps are not signals (Windows), handlers need no order.

pub(crate) fn install() {}

pub(crate) fn keep() {}

pub(crate) fn in_guest<R>(run: impl FnOnce() -> R) -> R {
    run()
}
