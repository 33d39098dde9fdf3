//! A subscriber of `tracing` listens, if there is one.
//!
//! A thread takes on the subscriber of the one that starts it, as it takes on its clock, so that a test can listen to the threads of its
//! own. `tracing` then looks for subscribers thread by thread, also if there is one for the whole process: a thread-local for each event.
//!
//! A subscriber is foreign code: what it panics with goes no further, and what it was to be told is written instead.
use crate::error::{Panic, Stuck};
use std::fmt::{Arguments, Display};
use std::mem::forget;
use std::panic::{AssertUnwindSafe, catch_unwind};
use tracing::dispatcher::{self, DefaultGuard, Dispatch};
use tracing::span::EnteredSpan;
use tracing::subscriber::NoSubscriber;
use tracing::{Level, debug, enabled, error, info_span, warn};

/// Of all that the crate says.
const TARGET: &str = "stopwhen";

/// The subscriber that a thread takes on from the one that starts it; `None`: the process' own, if any.
#[derive(Default)]
pub(crate) struct Listener(Option<Dispatch>);

impl Listener {
    pub(crate) fn of_this_thread() -> Listener {
        Listener(dispatcher::get_default(|d| is_somebody(d).then(|| d.clone())))
    }

    /// Whoever wants to know when threads are asked to stop.
    pub(crate) fn of_stops() -> Option<Listener> {
        quietly(|| enabled!(target: TARGET, Level::DEBUG))?.then(Listener::of_this_thread)
    }

    /// A thread was asked to stop, by whoever calls.
    pub(crate) fn asked(&self, path: &str, why: &impl Display) {
        if let Some(dispatch) = &self.0 {
            let say = || debug!(target: TARGET, path, "asked to stop by {why:#}");
            quietly(|| dispatcher::with_default(dispatch, say));
        }
    }
}

fn is_somebody(dispatch: &Dispatch) -> bool {
    !dispatch.is::<NoSubscriber>()
}

/// The life of a thread, on that thread: what it says meanwhile is said inside.
pub(crate) struct Span {
    span: Option<EnteredSpan>,
    listener: Option<DefaultGuard>,
}

impl Span {
    pub(crate) fn enter(path: &str, listener: Listener) -> Span {
        let listener = listener.0.and_then(|dispatch| quietly(|| dispatcher::set_default(&dispatch)));
        let span = quietly(|| {
            // No parent: a thread outlives the span in which it happened to be started, and its path says where it belongs.
            let span = info_span!(target: TARGET, parent: None, "thread", path).entered();
            debug!(target: TARGET, path, "started");
            span
        });
        Span { span, listener }
    }
}

impl Drop for Span {
    fn drop(&mut self) {
        let span = self.span.take();
        quietly(|| {
            debug!(target: TARGET, "stopped");
            drop(span);
        });
        let listener = self.listener.take();
        quietly(|| drop(listener)); // perhaps the subscriber's last
    }
}

pub(super) fn panicked(panic: &Panic) -> bool {
    let (path, at) = (panic.path(), panic.location());
    told(|| error!(target: TARGET, path, at, "{panic}"))
}

pub(super) fn stuck(stuck: &Stuck) -> bool {
    told(|| error!(target: TARGET, "{stuck}"))
}

pub(super) fn warn(line: Arguments<'_>) -> bool {
    told(|| warn!(target: TARGET, "{line}"))
}

/// Whether a subscriber was there and took it.
fn told(say: impl FnOnce()) -> bool {
    dispatcher::get_default(is_somebody) && quietly(say).is_some()
}

fn quietly<R>(f: impl FnOnce() -> R) -> Option<R> {
    catch_unwind(AssertUnwindSafe(f)).map_err(forget).ok()
}
