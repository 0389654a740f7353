//! The limits of a plugin.

/// One row a limit: its documentation, its name, its type, its default.
macro_rules! limits {
    ($( $(#[$doc:meta])+ $name:ident: $type:ty = $default:expr; )*) => {
        /// Bounds on one plugin.
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub struct Limits {
            $( $(#[$doc])+ pub $name: $type, )*
        }

        impl Default for Limits {
            fn default() -> Self {
                Self { $( $name: $default, )* }
            }
        }

        impl Limits {
            /// The names of all limits.
            pub const NAMES: &'static [&'static str] = &[$( stringify!($name) ),*];

            /// Every limit by its name.
            #[must_use]
            pub fn numbers(&self) -> Vec<(&'static str, u64)> {
                vec![$( (stringify!($name), u64::try_from(self.$name).unwrap_or(u64::MAX)) ),*]
            }

            /// Sets the limit of this name; false if the name is unknown, or the number does not fit.
            #[must_use]
            pub fn set(&mut self, name: &str, number: u64) -> bool {
                match name {
                    $( stringify!($name) => {
                        <$type>::try_from(number).map(|number| self.$name = number).is_ok()
                    } )*
                    _ => false,
                }
            }
        }
    };
}

limits! {
    /// Fuel of one callback, in units of about one operator or one nanosecond.
    fuel: u64 = 10_000_000;
    /// Fuel for start, `proxy_on_vm_start` and `proxy_on_configure`, together.
    start_fuel: u64 = 200_000_000;
    /// Bytes of linear memory; rounded down to whole pages of 64 KiB.
    memory: u64 = 32 << 20;
    /// Bytes of a body that a policy buffers.
    body: usize = 1 << 20;
    /// Fields in one header map.
    headers: usize = 128;
    /// Bytes of names and values in one header map.
    header_bytes: usize = 64 << 10;
    /// Bytes that one callback may write to the log.
    log_bytes: usize = 16 << 10;
    /// Callbacks that one step may cause beside its own: of queues, and after `proxy_done`.
    step_callbacks: u32 = 64;
    /// Fuel of all of these together; one of them may always run.
    step_fuel: u64 = 20_000_000;
    /// Millionths of a thread's time for callbacks in the background.
    background_share: u32 = 50_000;
}

impl Limits {
    /// Bytes of the largest serialized map within the limits: a count, two lengths and two zero
    /// bytes a pair, names and values.
    pub(crate) fn pairs(&self) -> usize {
        self.headers.saturating_mul(10).saturating_add(self.header_bytes).saturating_add(4)
    }
}
