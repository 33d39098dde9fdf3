//! What models send across an edge, and how they count callbacks.
//!
//! Both live in std's `Arc`: loom's would add branches, and an edge where the last one is dropped.
use loom::cell::UnsafeCell;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

/// A value whose readers must come after its writer: loom fails the model in which they need not.
#[derive(Clone)]
pub struct Payload(Arc<UnsafeCell<u32>>);

// SAFETY: every access goes through loom's cell, which fails the model if two race.
unsafe impl Send for Payload {}
// SAFETY: as above.
unsafe impl Sync for Payload {}

impl Payload {
    /// Makes one that nobody has written.
    #[allow(clippy::new_without_default, reason = "a payload stands for something that happens, not for a value")]
    #[allow(clippy::arc_with_non_send_sync, reason = "the payload is, see above")]
    pub fn new() -> Payload {
        Payload(Arc::new(UnsafeCell::new(0)))
    }

    /// Adds one write.
    pub fn set(&self) {
        // SAFETY: loom fails the model if anybody else is at it.
        self.0.with_mut(|p| unsafe { *p += 1 });
    }

    /// Reads it: it was written once.
    pub fn check(&self) {
        self.check_times(1);
    }

    /// Reads it, whatever it is: nobody may be writing.
    pub fn look(&self) {
        // SAFETY: loom fails the model if anybody is writing it.
        self.0.with(|p| std::hint::black_box(unsafe { *p }));
    }

    /// Reads it: it was written so many times.
    pub fn check_times(&self, n: u32) {
        // SAFETY: loom fails the model if anybody is writing it.
        self.0.with(|p| assert_eq!(unsafe { *p }, n, "writes that are seen"));
    }
}

/// Counts the runs and the drops of callbacks. Outside loom's view: it adds no edge.
#[derive(Clone, Default)]
pub struct Tally(Arc<Counts>);

#[derive(Default)]
struct Counts {
    runs: AtomicUsize,
    drops: AtomicUsize,
}

/// Counts a drop: what a callback captures.
struct DropCount(Tally);

impl Drop for DropCount {
    fn drop(&mut self) {
        self.0.0.drops.fetch_add(1, SeqCst);
    }
}

impl Tally {
    /// Makes one with both counts zero.
    pub fn new() -> Tally {
        Tally::default()
    }

    /// Makes a callback that counts its run and its drop, and does `f`.
    pub fn callback(&self, f: impl FnOnce() + Send + 'static) -> impl FnOnce() + Send + 'static {
        let captured = DropCount(self.clone());
        move || {
            captured.0.0.runs.fetch_add(1, SeqCst);
            f();
        }
    }

    /// Makes a callback that only counts.
    pub fn count(&self) -> impl FnOnce() + Send + 'static {
        self.callback(|| ())
    }

    /// Tells how many ran.
    pub fn runs(&self) -> usize {
        self.0.runs.load(SeqCst)
    }

    /// Tells how many were dropped, after a run or without.
    pub fn drops(&self) -> usize {
        self.0.drops.load(SeqCst)
    }

    /// Of `all` callbacks that existed, `runs` ran and none is left.
    pub fn settle(&self, runs: usize, all: usize) {
        assert_eq!((self.runs(), self.drops()), (runs, all), "callbacks (run, dropped)");
    }
}
