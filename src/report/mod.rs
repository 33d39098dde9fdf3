//! What a person should hear of although nobody asked: in one place.
//!
//! It goes to standard error; with the feature `tracing` to the subscriber, if there is one where it is said. Nothing is said twice,
//! and nothing is swallowed: what a subscriber fails to take is written.
#[cfg(not(all(feature = "tracing", not(all(loom, feature = "loom")))))]
mod plain;
#[cfg(all(feature = "tracing", not(all(loom, feature = "loom"))))]
mod traced;

#[cfg(not(all(feature = "tracing", not(all(loom, feature = "loom")))))]
use plain as ear;
#[cfg(all(feature = "tracing", not(all(loom, feature = "loom"))))]
use traced as ear;

pub(crate) use ear::{Listener, Span};

use crate::error::{Panic, Stuck};
use std::fmt;
use std::io::{Write, stderr};

/// A thread of a tree has panicked.
#[cold]
pub(crate) fn panicked(panic: &Panic) {
    if !ear::panicked(panic) {
        write(format_args!("{panic}"));
    }
}

/// Threads of a program have not stopped in time.
#[cold]
pub(crate) fn stuck(stuck: &Stuck) {
    if !ear::stuck(stuck) {
        write(format_args!("{stuck}"));
    }
}

/// Says one line. Foreign code, or a slow pipe: never called with a lock held, nor by one in line.
#[cold]
pub(crate) fn warn(line: fmt::Arguments<'_>) {
    if !ear::warn(line) {
        write(line);
    }
}

fn write(line: fmt::Arguments<'_>) {
    // Nobody may listen: then there is nobody to tell.
    let _ = stderr().write_fmt(format_args!("stopwhen: {line}\n"));
}
