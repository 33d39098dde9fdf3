//! The engine room: signals and all that a `go` sets off; lines of those who wait, and what they wait at.
//!
//! Everything before the winning `go` happens-before whoever sees the signal as go. A signal goes once. Nothing here waits
//! for foreign code, or runs any with a lock held. A wait in line that is ended by a signal or by time takes nothing away from
//! others.
//!
//! # Signals
//! A [`Core`](core::Core) is 40 bytes. Its word holds the state, the head of a ring of whoever waits, and a lock:
//!
//! ```text
//!            ┌── go, or its inputs, or its time ──► UP
//!   DOWN ────┤      (holds where, or through which input)          UP and DEAD hold nothing and never change
//!  (ring)    └── nobody is left who could ────────► DEAD
//! ```
//!
//! On the ring hang *slots* of composites and *waiters* (tasks, threads on several signals) in front, *callbacks* behind. A
//! thread on one signal hangs nothing: it sleeps at the gate. A *composite* asks its inputs when polled ("pull") and
//! hangs on nothing, until somebody must be told by it: then it links its slots to its inputs, once, and is told. Heavy
//! ones are linked at birth. A *Till* compares the clock when polled, until somebody must be told: then its clock is told.
//!
//! A `go` flags the signal (1), takes the slots off its ring, flags the composites they complete, and so on, a worklist;
//! it wakes (2), runs callbacks (3), lets go (4). A signal that dies does the same in black.
//!
//! # Lines
//! A thread that waits for anything else has a *seat* on its own stack, in the *line* of that thing. The line's guardian calls it
//! to try, or grants it what it waits for; signals and time stop it; one step on the seat's one word decides. What it *gets* is
//! decided under the guardian alone. A *queue* is a line with some state under one small lock; a *door* is permits in a word and a
//! line; a *monitor* is a door of one, and being inside guards a line of those who wait for changes; a *hatch* is a queue with two
//! more lines, of those who bring and those who take, and with a *crowd* that stays away from its lock by turns.
//!
//! # Invariants (others: C composites, F firing, K callbacks, N waiters, T time, U lines, G doors, M monitors, E conditions, O owners, X hatches, Y watches)
//! - W1  The word leaves DOWN once: under LOCK, or in one step from "DOWN, and nothing hangs, sleeps or asks".
//! - W2  While LOCK is set only its holder writes the word, so unlocking is a plain Release store.
//! - W3  `next` and `prev` of a node on a ring are touched only under the LOCK of the core whose ring it is. `prev` null: on no ring.
//! - W4  Nothing is hung on a word that is not DOWN. Who takes the ring apart takes slots and waiters off in batches under LOCK;
//!   until then they can leave. The callbacks are its own from the moment on that the word is not DOWN.
//! - W5  SLEEP and ASK err one way: to "somebody may sleep", to "somebody must be asked".
//! - W6  LOCKs do not nest: a thread holds one at most, and no foreign code runs meanwhile. The gate's door is taken before
//!   a word is marked (never a LOCK inside which a door is taken).
//! - W7  Counts. `hands`: handles that can raise a leaf or child; all of them together own one of the `users`. `users`:
//!   who looks (handles of all other kinds, composites above, `Then`s, owned futures, a clock). No user becomes a hand. Without
//!   hands and living inputs a signal dies. Without users a leaf is freed, and a composite taken off its inputs, if
//!   nothing hangs on it. `pins`, of composites: one of all users together, one for each slot that hangs or travels; the
//!   last one frees.
//!
//! # Orderings
//! No SeqCst and no fence between two variables: every race is inside one word. Release store (or step) of UP ↔ Acquire of
//! polls, locks and losers. Unlock Release ↔ lock Acquire: rings, stamps, tales, timers. `remaining` AcqRel: the last
//! to count has all inputs behind it. Counts: Release down, Acquire at zero.
//!
//! # The lock
//! A bit; held for a bounded number of nodes. Who meets it spins for about a hundred pauses, then yields, then sleeps 50 µs a time: the
//! last step is for schedulers with fixed priorities, where a spinner could keep the holder from running.
//!
//! # Why not
//! - A flag and a mutex beside it: twice the price of a registration, and a store-buffering race between the two.
//! - Links made at construction: an expression polled and dropped would lock every input twice.
//! - Composites that unlink with their last observer: link and unlink race, and nobody needs it.
//! - `Arc` and `Weak`: a second allocation or a second count, and cycles that nobody frees.
//! - A node for every sleeping thread: one gate wakes all in one call.
//!
//! Relatives: nsync's `note` (a tree of one-shot notes with deadlines), C++ `stop_state` (one word, callbacks with removed
//! xor ran), std's queue-based `RwLock` (state and list in one word).
mod callback;
mod cell;
mod clock;
mod compose;
mod condition;
mod core;
mod crowd;
mod delayed;
mod door;
mod fire;
mod firing;
mod handle;
mod hatch;
mod monitor;
mod mutex;
mod node;
mod owner;
mod patience;
mod peek;
mod poll;
mod queue;
mod raise;
mod release;
mod seat;
mod sleep;
mod tale;
mod task;
mod term;
mod timed;
mod waiter;
mod watch;
mod when;
mod word;

pub use callback::Cancel;
pub(crate) use callback::Hook;
#[cfg(any(feature = "test-clock", all(loom, feature = "loom")))]
pub(crate) use clock::Woken;
pub(crate) use clock::{Clock, Key, enter_clock, install, leave_clock, thread_clock};
pub(crate) use condition::ConditionQueue;
pub(crate) use core::Kind;
pub(crate) use door::Door;
pub(crate) use firing::{Armed, Firing};
pub use handle::{Handle, User};
pub(crate) use hatch::{Hatch, Passage, Side};
pub(crate) use peek::{Origin, Peek};

pub(crate) use monitor::{Monitor, Visit};
pub(crate) use mutex::Mutex;
#[cfg(any(feature = "test-clock", all(loom, feature = "loom")))]
pub(crate) use mutex::MutexGuard;
pub(crate) use owner::{Look, Owned};
pub(crate) use patience::Patience;
pub(crate) use queue::{End, Inside, Stay, WaitQueue};
pub(crate) use seat::Turn;
pub(crate) use tale::Reason;
pub use task::WaitAsync;
pub(crate) use term::Term;
pub use term::{Leaf, Leaves};
pub(crate) use watch::{Sleep, Watch, blocked_on, watch_here};
