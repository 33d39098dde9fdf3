//! std's `Arc`, as ThreadSanitizer must be told of it (`cfg(stopwhen_tsan)`, set by `.ci/sanitizers` alone).
//!
//! The last user's drop begins with a fence, which the sanitizer does not know: what other users did with a signal that lies in it
//! would race with whoever frees that signal later. An atomic of our own tells it what the fence does.
use std::ops::Deref;
use std::sync::Arc as StdArc;
use std::sync::atomic::{AtomicUsize, Ordering::*};

/// Empty only while it is taken apart.
#[derive(Debug)]
pub(crate) struct Arc<T>(Option<StdArc<Told<T>>>);

#[derive(Debug)]
struct Told<T> {
    drops: Drops,
    value: T,
}

/// How many users have gone; ends before the value does.
#[derive(Debug)]
struct Drops(AtomicUsize);

impl<T> Arc<T> {
    pub fn new(value: T) -> Arc<T> {
        Arc(Some(StdArc::new(Told { drops: Drops(AtomicUsize::new(0)), value })))
    }

    pub fn ptr_eq(a: &Arc<T>, b: &Arc<T>) -> bool {
        StdArc::ptr_eq(a.told(), b.told())
    }

    pub fn try_unwrap(mut this: Arc<T>) -> Result<T, Arc<T>> {
        this.tell();
        let told = this.0.take().expect("it is not taken apart");
        StdArc::try_unwrap(told).map(|told| told.value).map_err(|told| Arc(Some(told)))
    }

    fn told(&self) -> &StdArc<Told<T>> {
        self.0.as_ref().expect("it is not taken apart")
    }

    /// ORDERING: Release ↔ Acquire of the end of `Drops`: all that this user did.
    fn tell(&self) {
        self.told().drops.0.fetch_add(1, Release);
    }
}

impl<T> Clone for Arc<T> {
    fn clone(&self) -> Arc<T> {
        Arc(Some(self.told().clone()))
    }
}

impl<T> Deref for Arc<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.told().value
    }
}

impl<T> Drop for Arc<T> {
    fn drop(&mut self) {
        if self.0.is_some() {
            self.tell();
        }
    }
}

impl Drop for Drops {
    fn drop(&mut self) {
        self.0.load(Acquire);
    }
}
