#![doc = include_str!("../README.md")]
#![deny(unsafe_code)]

pub mod error;
pub mod signal;
mod sys;
mod till;
#[allow(unsafe_code)]
mod wait;

pub use error::{Broken, Closed, Ended, Stopped};
pub use error::{AcquireError, BarrierError, JoinError, OverRelease, PopError, PushError, TryPopError};
pub use signal::{Cause, Signal, Until};
pub use till::{Till, clock};
