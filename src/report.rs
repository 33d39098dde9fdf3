//! What a person should hear of although nobody asked: one function, in one place.
//!
//! It writes to standard error. Whatever else is to have such words (a hook of the program's, `tracing`) takes over here.
use crate::error::{Panic, Stuck};
use std::fmt;
use std::io::{Write, stderr};

/// A thread of a tree has panicked.
pub(crate) fn panicked(panic: &Panic) {
    warn(format_args!("{panic}"));
}

/// Threads of a program have not stopped in time.
pub(crate) fn stuck(stuck: &Stuck) {
    warn(format_args!("{stuck}"));
}

/// Says one line. Foreign code, or a slow pipe: never called with a lock held, nor by one in line.
#[cold]
pub(crate) fn warn(line: fmt::Arguments<'_>) {
    // Nobody may listen: then there is nobody to tell.
    let _ = stderr().write_fmt(format_args!("stopwhen: {line}\n"));
}
