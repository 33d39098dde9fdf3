//! Threads in a tree: each has a name, a parent, and a signal that asks it to stop; none ends before its children.
//!
//! Every thread started here is given `please_stop` as its first argument, and is started under the thread that starts it. So a
//! program is a tree, and stops as one: whoever is asked to stop, the threads below are asked with it, newest first; and a
//! thread whose body is over stops and joins its children before it counts as stopped itself. What is left to do in the end is
//! to ask the root, and to wait.
//!
//! ```
//! use stopwhen::{Thread, Till};
//!
//! let worker = Thread::run("worker", |please_stop| {
//!     let helper = Thread::run("helper", |please_stop| please_stop.wait()); // stopped and joined when the worker ends
//!     assert_eq!(helper.path(), "worker/helper");
//!     (please_stop | Till::millis(1)).wait();
//!     42
//! });
//! assert_eq!(worker.join(), Ok(42));
//! ```
//!
//! [`run`] makes a program of it: a root for the main thread, whose children are stopped in order when its body is over,
//! within one [grace](crate::thread::RootBuilder::grace), with a report of who is stuck on what.
// The rest is for who works on it.
//
// A node is the record of one thread in the tree:
//
//   RUNNING ──its body is over──► ENDING ──its children have ended──► ENDED ──joined, or nobody can──► out of the tree
//   (takes children)              (takes none)                        (`stopped` is go)
//
// Invariants
// - J1  Children are put in under the parent's lock while it is RUNNING, and taken out once they are ENDED and nobody will join
//   them any more (they were joined, or the handle is gone, or the parent has taken account of them). So whoever ends its
//   children has all of them.
// - J2  `please_stop` of a child hangs on its parent's: when that goes, in whatever way, all below have gone before that `go` has
//   returned, and the newest were told first (F5). Only the children of a `Sequential` parent do not hang on it: they are told one by
//   one.
// - J3  `stopped` goes once, after all children's have; nothing of the thread's own is run afterwards but what hangs on it. When that
//   has been run it is *gone*. Who waits without end for its end waits for that; of one that leaves the tree before, its parent
//   has a note (`late`), and ends itself, or is shut down, only after that.
// - J4  Who takes a node out of its parent's children, by a join or not, is one. By a join, the panics of the node and of those
//   below it are the joiner's; else they are put into the parent's `below` in the same step, so that a parent without the child has its
//   panics. From then on the node is `over`: what comes later goes further up. (Its own panic stays, for whoever joins it later.) Nobody
//   above: those of below stay for its own joins.
//   What a join was told of later, on its way up, is not told to another.
// - J5  Locks of nodes do not nest, and no foreign code runs, nor is dropped, with one held.
// - J6  A node points up by a count and down by a count; the way down is cut when it leaves the tree (J1), so no cycle outlives
//   the threads.
// - J7  No wait for ends waits for what this thread itself is at (`here`: it is that node, is in its scope, runs its end, or what hangs
//   on the signals of a shutdown): that is passed over by a shutdown, and reported; by the end of a parent, and its threads ended; and
//   refused by a join.
//
// Why not
// - Callbacks that tell the children: a race between those who start threads and those who stop, for which the links of J2 have an
//   answer already.
// - A thread that joins: everybody who waits does it himself.
mod handle;
mod here;
mod node;
mod panics;
mod reference;
mod register;
mod root;
#[cfg(not(all(loom, feature = "loom")))]
mod scope;
mod shutdown;
mod start;

#[cfg(feature = "os-signals")]
pub use crate::os::OsSignal;

pub use crate::error::{JoinError, Panic, SpawnError, Stuck, StuckThread};
pub use handle::{Stop, StopOnDrop, Thread};
pub use here::{current, sleep};
pub use node::StopOrder;
pub use reference::{ThreadRef, Tree};
pub use register::{Registration, register};
pub use root::{Main, Root, RootBuilder, run};
#[cfg(not(all(loom, feature = "loom")))]
pub use scope::{Scope, scope};
pub use start::Builder;

/// A name of its own for who was given none (H8).
pub(crate) fn or_numbered(name: &str) -> Box<str> {
    node::or_numbered(name.into())
}
