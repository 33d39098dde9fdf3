//! Runs the rows of the goals: every variant beside its peers, round by round.
//!
//! A row is data: an id, a unit, a statistic and goals ([`Row`]). A group is a set of variants
//! (ours, peers, a limit written by hand) that all do the same job and fill one or more rows.
//! A new room is one new file in `benches/benches/`, with its own `main`:
//!
//! ```no_run
//! use stopwhen_benches::{Goal, Row, Suite, time::each};
//!
//! let mut suite = Suite::start("semaphore");
//! suite.group([Row::ns("M1", "acquire + release").goal(Goal::Peer(0.65))], |g| {
//!     g.peer("somebody else", each(|| ()));
//!     g.ours(each(|| ()));
//! });
//! suite.finish();
//! ```
//!
//! What holds for all of them: one parked thread exists in the process (malloc is slower once a
//! second thread has existed, and real programs have threads); the variants take turns sample by
//! sample (A B C A B C …), so that whatever else the machine does falls on all alike; a goal is a
//! ratio within one run.

pub mod args;
pub mod clocks;
pub mod crew;
pub mod heap;
pub mod latch;
pub mod limits;
mod machine;
mod report;
mod results;
mod suite;
pub mod sys;
pub mod time;
pub mod turns;

pub use suite::{FLAT, Goal, Group, Row, Samples, Stat, Suite, Unit};
