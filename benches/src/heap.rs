//! A global allocator that counts live bytes, for binaries that time nothing.

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

/// Bytes asked for and not given back; Relaxed: a count, it guards nothing.
static LIVE: AtomicUsize = AtomicUsize::new(0);

/// The system's allocator with a count.
pub struct Counting;

// SAFETY: every call goes to `System` unchanged.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        LIVE.fetch_add(layout.size(), Relaxed);
        // SAFETY: the caller's duties are System's.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        LIVE.fetch_sub(layout.size(), Relaxed);
        // SAFETY: as above.
        unsafe { System.dealloc(at, layout) }
    }
}

/// Bytes of heap that each of `n` things made by `make` holds, to the nearest: what all of them
/// share is spread over them.
///
/// Another thread must not allocate meanwhile.
pub fn bytes_each<T>(n: usize, mut make: impl FnMut() -> T) -> f64 {
    let mut made = Vec::with_capacity(n);
    let before = LIVE.load(Relaxed);
    made.extend((0..n).map(|_| make()));
    let after = LIVE.load(Relaxed);
    ((after as f64 - before as f64) / n as f64).round()
}
