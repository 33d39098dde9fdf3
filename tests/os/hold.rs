//! An allocator by which a thread can be had stand still: the next one that begins, at the first that it allocates.
use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::sync::atomic::{AtomicU8, Ordering::*};
use std::thread::{sleep, yield_now};
use std::time::Duration;

const NOBODY: u8 = 0;
const THE_NEXT: u8 = 1;
const HELD: u8 = 2;

static WHO: AtomicU8 = AtomicU8::new(NOBODY);

thread_local! {
    /// Whether this thread was there when nobody was to be held.
    static OLD: Cell<bool> = const { Cell::new(false) };
}

/// Holds the next thread that begins, for good.
pub fn hold_the_next_thread() {
    WHO.store(THE_NEXT, Release);
}

pub fn wait_until_held() {
    while WHO.load(Acquire) != HELD {
        yield_now();
    }
}

fn hold_if_next() {
    let is_old = OLD.try_with(Cell::get).unwrap_or(true);
    if !is_old && WHO.load(Acquire) == NOBODY {
        let _ = OLD.try_with(|old| old.set(true));
    } else if !is_old && WHO.compare_exchange(THE_NEXT, HELD, AcqRel, Acquire).is_ok() {
        loop {
            sleep(Duration::from_secs(3600)); // not `park`, which might allocate
        }
    }
}

struct Holding;

// SAFETY: the system's allocator, perhaps a little later.
unsafe impl GlobalAlloc for Holding {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        hold_if_next();
        // SAFETY: the caller's promise.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, p: *mut u8, layout: Layout) {
        // SAFETY: the caller's promise.
        unsafe { System.dealloc(p, layout) }
    }
}

#[global_allocator]
static HEAP: Holding = Holding;
