//! The small lock of the house, around some state, for what takes a few steps and runs no foreign code.
//!
//! One step to take it and a plain store to give it back: half of what a lock costs whose unlock must ask whether somebody sleeps.
//! Nobody does: who meets it held stays awake, then yields, then naps (`sys::relax`), as at a core's LOCK. A lock that is
//! in heavy use has a `crowd`, and who meets that held stays away for a while first. Threads that wait for the state to change
//! sleep elsewhere, in a line or at a gate. It knows no poison: no panic of anybody's can pass while it is held.
//!
//! # Orderings
//! Release of the store that opens ↔ Acquire of the swap that closes: all that the last holder did.
use super::crowd::Crowd;
use crate::sys::{AtomicU8, Entered, Ordering::*, Shadow, UnsafeCell, const_fn, relax};
use std::marker::PhantomData;
use std::ops::{Deref, DerefMut};
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::ptr::null_mut;

const OPEN: u8 = 0;
const HELD: u8 = 1;

/// The word stands behind what it guards, so that the order of that is known (`hatch`).
#[repr(C)]
pub(crate) struct Mutex<T> {
    /// The holder's.
    value: UnsafeCell<T>,
    shadow: Shadow,
    word: AtomicU8,
}

// SAFETY: the value goes from holder to holder, one at a time.
unsafe impl<T: Send> Send for Mutex<T> {}
// SAFETY: as above; sharing the lock gives exclusive access in turns.
unsafe impl<T: Send> Sync for Mutex<T> {}

// No foreign code runs with it held: a panic that passes finds the value whole.
impl<T> UnwindSafe for Mutex<T> {}
impl<T> RefUnwindSafe for Mutex<T> {}

impl<T> Mutex<T> {
    const_fn! {
        pub const fn new(value: T) -> Mutex<T> {
            Mutex { word: AtomicU8::new(OPEN), shadow: Shadow::new(null_mut::<()>()), value: UnsafeCell::new(value) }
        }
    }

    /// OPEN → HELD, by whoever comes first.
    #[inline(always)]
    pub fn lock(&self) -> MutexGuard<'_, T> {
        let entered = self.shadow.enter();
        if !self.shadow.is_the_lock() && !self.try_close() {
            self.lock_slow();
        }
        MutexGuard { mutex: self, _value: PhantomData, _entered: entered }
    }

    /// As `lock`, with the crowd there is at this one.
    #[inline(always)]
    pub(super) fn lock_in(&self, crowd: &Crowd) -> MutexGuard<'_, T> {
        let entered = self.shadow.enter();
        if !self.shadow.is_the_lock() && !self.try_close() {
            self.lock_in_slow(crowd);
        }
        MutexGuard { mutex: self, _value: PhantomData, _entered: entered }
    }

    /// OPEN → HELD, or not.
    ///
    /// ORDERING: Acquire: see the header.
    #[inline(always)]
    fn try_close(&self) -> bool {
        self.word.swap(HELD, Acquire) == OPEN
    }

    #[cold]
    fn lock_in_slow(&self, crowd: &Crowd) {
        if !crowd.stay_away(|| self.try_close()) {
            self.lock_slow();
        }
    }

    #[cold]
    fn lock_slow(&self) {
        let mut round = 0;
        relax(&mut round);
        while !self.try_close() {
            relax(&mut round);
        }
    }
}

/// The one that holds it. Dropping it is one Release store.
pub(crate) struct MutexGuard<'a, T> {
    mutex: &'a Mutex<T>,
    /// It may be shared where the value may.
    _value: PhantomData<&'a mut T>,
    _entered: Entered<'a>,
}

impl<T> Deref for MutexGuard<'_, T> {
    type Target = T;

    #[inline(always)]
    fn deref(&self) -> &T {
        // SAFETY: we hold it.
        self.mutex.value.with(|v| unsafe { &*v })
    }
}

impl<T> DerefMut for MutexGuard<'_, T> {
    #[inline(always)]
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: we hold it, and the holder is borrowed mutably.
        self.mutex.value.with_mut(|v| unsafe { &mut *v })
    }
}

impl<T> Drop for MutexGuard<'_, T> {
    /// HELD → OPEN.
    ///
    /// ORDERING: Release: see the header.
    #[inline(always)]
    fn drop(&mut self) {
        if !self.mutex.shadow.is_the_lock() {
            self.mutex.word.store(OPEN, Release);
        }
    }
}
