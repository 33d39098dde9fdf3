//! What a person wants to know of a signal: its name or number, and why it went.
use super::core::Core;
use super::fire::drop_foreign;
use crate::sys::{Ordering::*, Shared, UnsafeCell, next_number};
use std::error::Error;
use std::ptr::null_mut;

/// The reason given with a `go`.
pub(crate) type Reason = Shared<dyn Error + Send + Sync>;

pub(super) struct Tale {
    /// Fixed at birth. In a cell, so that models see whoever looks before he may.
    name: UnsafeCell<Option<Shared<str>>>,
    pub number: u64,
    /// Written under the core's LOCK before UP, frozen from then on.
    reason: UnsafeCell<Option<Reason>>,
}

impl Core {
    /// Begins the tale of a signal that nobody else knows yet.
    pub fn name_it(&self, name: String) {
        // ORDERING: Relaxed: nobody else knows the core yet.
        self.tale.store(Box::into_raw(Tale::new(Some(name.into()))), Relaxed);
    }

    /// Its tale, made now if there is none.
    ///
    /// ORDERING: Acquire/Release: whoever sees the pointer sees what it points at. What the step replaces is null.
    pub fn tale(&self) -> &Tale {
        let mut told = self.tale.load(Acquire);
        if told.is_null() {
            let new = Box::into_raw(Tale::new(None));
            told = match self.tale.compare_exchange(null_mut(), new, Release, Acquire) {
                Ok(_) => new,
                Err(first) => {
                    // SAFETY: `new` came from a Box just now and nobody has seen it.
                    drop(unsafe { Box::from_raw(new) });
                    first
                }
            };
        }
        // SAFETY: set once, freed with the core.
        unsafe { &*told }
    }

    /// ORDERING: Acquire: as `tale`.
    pub fn name(&self) -> Option<&Shared<str>> {
        // SAFETY: set once, freed with the core.
        unsafe { self.tale.load(Acquire).as_ref() }.and_then(Tale::name)
    }

    /// The reason it went for; only asked of an UP core.
    pub fn reason(&self) -> Option<Reason> {
        debug_assert!(self.is_up());
        // SAFETY: UP was seen with Acquire: the reason is frozen.
        self.tale().reason.with(|r| unsafe { (*r).clone() })
    }

    /// Frees the tale.
    ///
    /// # Safety
    /// The core is being freed.
    pub unsafe fn forget_tale(&self) {
        // ORDERING: Relaxed: the last one to let go has seen all that others did.
        let tale = self.tale.load(Relaxed);
        if !tale.is_null() {
            // SAFETY: made by `Box::into_raw`, and nobody looks any more.
            drop_foreign(unsafe { Box::from_raw(tale) });
        }
    }
}

impl Tale {
    fn new(name: Option<Shared<str>>) -> Box<Tale> {
        Box::new(Tale { name: UnsafeCell::new(name), number: next_number(), reason: UnsafeCell::new(None) })
    }

    pub fn name(&self) -> Option<&Shared<str>> {
        // SAFETY: fixed at birth.
        self.name.with(|name| unsafe { (*name).as_ref() })
    }

    /// # Safety
    /// The caller holds the core's LOCK, and the core is not UP.
    pub unsafe fn set_reason(&self, reason: Reason) {
        // SAFETY: before UP nobody reads it, and LOCK keeps other writers out.
        self.reason.with_mut(|r| unsafe { *r = Some(reason) });
    }
}
