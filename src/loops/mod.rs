//! Loop threads: threads that do the same thing again and again, until they are stopped.
//!
//! | | its body runs | |
//! |--|--|--|
//! | [`ContinuousThread`] | one turn after the other | |
//! | [`PausableThread`] | one turn after the other, unless paused | [`pause`](PausableThread::pause), [`resume`](PausableThread::resume) |
//! | [`PeriodicThread`] | a turn in each period | [`Missed`], [`set_period`](PeriodicThread::set_period) |
//! | [`OperationThread`] | for each item that is added, in order | [`close`](OperationThread::close), [`discard`](OperationThread::discard) |
//! | [`Timer`] | once, after a while | [`cancel`](Timer::cancel), [`fired`](Timer::fired) |
//!
//! Each is a [`Thread`](crate::Thread) of the tree, with a name, a parent and a `please_stop`; the handles are one type, [`LoopThread`], with what
//! all of them can do. When no turn is due they sleep, and a stop wakes them at once: nothing has to be polled.
//!
//! # State of its own
//! A builder's [`init`](Builder::init) makes a state on the thread, so that it need not be `Send`; each turn is lent it; and
//! [`cleanup`](Builder::cleanup) gets it in the end, however that came.
//!
//! ```
//! use stopwhen::ContinuousThread;
//!
//! let counter = ContinuousThread::builder("counter")
//!     .init(|_please_stop| Vec::new())
//!     .cleanup(|seen: Vec<u64>| assert_eq!(seen, [0, 1, 2]))
//!     .run(|turn, seen| {
//!         seen.push(turn.index());
//!         if turn.index() == 2 {
//!             turn.stop();
//!         }
//!     });
//! assert_eq!(counter.join(), Ok(()));
//! ```
//!
//! # From the start to the end
//! `init`, turns, `cleanup`; then the threads that any of them has started are stopped and joined; then `stopped` goes, and joins return.
//!
//! - A loop thread that is told to stop before its first turn takes none; `init` and `cleanup` run all the same.
//! - A turn that panics is the last one: the panic is reported at once and told by every join, and `cleanup` runs. (Items of an
//!   [`OperationThread`] are another matter.)
//! - If `init` panics there is no turn and no `cleanup`. If `cleanup` panics that is the thread's panic, too.
// For who works on it.
//
// Invariants
// - O1  `over` goes when the last turn has ended, on whatever way, and before `cleanup`: from then on no turn begins.
// - O2  A round of turns begins under the lock of whoever may forbid it (a pause), and a stop is looked at there; what ends the round is looked
//   at before each turn.
// - O3  No foreign code runs with a lock of a loop thread held, nor is dropped there.
mod builder;
mod continuous;
mod handle;
mod operation;
mod pausable;
mod periodic;
mod schedule;
mod timer;
mod turn;

pub use builder::Builder;
pub use continuous::{Continuous, ContinuousThread};
pub use handle::{LoopThread, State};
pub use operation::{Operation, OperationThread};
pub use pausable::{Pausable, PausableThread};
pub use periodic::{Periodic, PeriodicThread};
pub use schedule::Missed;
pub use timer::{Once, Timer, TimerBuilder};
pub use turn::Turn;
