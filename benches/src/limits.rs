//! Hand-written limits that more than one row uses: the least code that does a job.

use crate::latch::Latch;
use std::cell::UnsafeCell;
use std::ptr;
use std::sync::atomic::{AtomicU32, Ordering::Acquire, Ordering::Relaxed, Ordering::Release};

/// A latch made of one futex word.
#[derive(Default)]
pub struct RawFutex(AtomicU32);

impl RawFutex {
    const DOWN: u32 = 0;
    const SLEPT_ON: u32 = 1;
    const UP: u32 = 2;
}

impl Latch for RawFutex {
    fn fresh() -> RawFutex {
        RawFutex::default()
    }

    fn set(&self) {
        if self.0.swap(RawFutex::UP, Release) == RawFutex::SLEPT_ON {
            futex::wake_all(&self.0);
        }
    }

    fn wait(&self) {
        let _ = self.0.compare_exchange(RawFutex::DOWN, RawFutex::SLEPT_ON, Acquire, Acquire);
        while self.0.load(Acquire) != RawFutex::UP {
            futex::wait(&self.0, RawFutex::SLEPT_ON);
        }
    }
}

#[cfg(target_os = "linux")]
pub(crate) mod futex {
    use std::ptr::null;
    use std::sync::atomic::AtomicU32;

    pub fn wait(word: &AtomicU32, while_it_is: u32) {
        let op = libc::FUTEX_WAIT | libc::FUTEX_PRIVATE_FLAG;
        // SAFETY: the word lives as long as the call; without a limit of time.
        unsafe {
            libc::syscall(libc::SYS_futex, word, op, while_it_is, null::<libc::timespec>());
        }
    }

    pub fn wake_all(word: &AtomicU32) {
        let op = libc::FUTEX_WAKE | libc::FUTEX_PRIVATE_FLAG;
        // SAFETY: wakes whoever sleeps at the address, and looks at nothing.
        unsafe { libc::syscall(libc::SYS_futex, word, op, i32::MAX) };
    }
}

#[cfg(not(target_os = "linux"))]
pub(crate) mod futex {
    use std::sync::atomic::AtomicU32;

    pub fn wait(_word: &AtomicU32, _while_it_is: u32) {
        std::thread::yield_now();
    }

    pub fn wake_all(_word: &AtomicU32) {}
}

/// A lock of one bit: taken by a compare-and-swap, given back by a plain store.
#[derive(Default)]
pub struct Bit(AtomicU32);

impl Bit {
    /// Runs `body` inside the lock. Spins: for a single thread, or two that may burn.
    #[inline]
    pub fn hold<R>(&self, body: impl FnOnce() -> R) -> R {
        while self.0.compare_exchange_weak(0, 1, Acquire, Relaxed).is_err() {
            std::hint::spin_loop();
        }
        let result = body();
        self.0.store(0, Release);
        result
    }
}

/// A closure and its place in the list, in one allocation.
struct Node<F: ?Sized> {
    next: Option<Box<Node<dyn FnMut() + Send>>>,
    run: F,
}

type Callback = Box<Node<dyn FnMut() + Send>>;

/// Closures in order of registration under a [`Bit`]: the least that `on_go` and `go` must do.
#[derive(Default)]
pub struct Callbacks {
    bit: Bit,
    first: UnsafeCell<Option<Callback>>,
    last: UnsafeCell<Option<ptr::NonNull<Option<Callback>>>>,
}

impl Callbacks {
    /// Appends one.
    pub fn add(&self, run: impl FnMut() + Send + 'static) {
        let mut node: Callback = Box::new(Node { next: None, run });
        let tail = ptr::NonNull::from(&mut node.next);
        self.bit.hold(|| {
            // SAFETY: the bit is held; `last` points into the list's last node, or there is none.
            unsafe {
                match (*self.last.get()).replace(tail) {
                    Some(mut last) => *last.as_mut() = Some(node),
                    None => *self.first.get() = Some(node),
                }
            }
        });
    }

    /// Runs and frees all, in order.
    pub fn fire(&self) {
        // SAFETY: the bit is held.
        let mut next = self.bit.hold(|| unsafe {
            *self.last.get() = None;
            (*self.first.get()).take()
        });
        while let Some(mut node) = next {
            (node.run)();
            next = node.next.take();
        }
    }
}
