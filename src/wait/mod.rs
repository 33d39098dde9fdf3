//! Engine.
mod callback;
mod cell;
mod clock;
mod compose;
mod core;
mod fire;
mod handle;
mod node;
mod poll;
mod tale;
mod timed;
mod waiter;
mod when;
mod word;

pub use callback::Cancel;
pub(crate) use callback::Hook;
#[cfg(any(feature = "test-clock", all(loom, feature = "loom")))]
pub(crate) use clock::set_thread_clock;
pub(crate) use clock::{Clock, Key, install, thread_clock};
pub(crate) use core::Kind;
pub use handle::{Handle, User};
pub(crate) use handle::{Origin, Peek};
pub(crate) use tale::Reason;
pub(crate) use timed::{Armed, Firing};
pub use waiter::WaitAsync;
pub use waiter::{Leaf, Leaves};
