//! Letting go: users, pins, and the pile of what is to be freed (F4, W7).
use super::compose::{Comp, comp};
use super::core::{Core, Kind, less};
use super::delayed;
use super::fire::Work;
use super::timed;
use super::word::Word;
use std::ptr::with_exposed_provenance_mut;

/// Frees a composite that nobody else knows and that hangs on nothing: no step but one for each input.
///
/// # Safety
/// That it is so, and a composite.
#[inline]
pub(super) unsafe fn free_alone(core: *mut Core) {
    let mut work: Option<Work> = None;
    // SAFETY: the caller's promise.
    unsafe {
        let c = comp(core);
        for i in 0..c.len() {
            let input = c.input(i);
            if input.kind.is_timed() {
                work.get_or_insert_with(Work::new).release(c.input_ptr(i));
            } else if less(&input.users, 1) {
                work.get_or_insert_with(Work::new).last_user(c.input_ptr(i));
            }
        }
        free(core);
    }
    if let Some(work) = work {
        work.finish();
    }
}

impl Work {
    /// Drops pins that are the caller's; by pointer, since nothing refers to it once they are gone.
    pub fn unpin(&mut self, c: *const Comp, pins: u32) {
        // SAFETY: the pins keep it alive until they are dropped.
        if less(unsafe { &(*c).pins }, pins) {
            self.discard(c.cast_mut().cast());
        }
    }

    /// Drops one user of a core.
    pub fn release(&mut self, core: *mut Core) {
        // SAFETY: the user that is dropped keeps it alive until it is.
        let kind = unsafe { (*core).kind };
        if kind.is_timed() {
            // SAFETY: as above.
            if unsafe { timed::release(core) } {
                self.discard(core);
            }
            return;
        }
        // SAFETY: as above.
        if less(unsafe { &(*core).users }, 1) {
            self.last_user(core);
        }
    }

    /// Nobody looks at it any more.
    pub fn last_user(&mut self, core: *mut Core) {
        // SAFETY: a leaf without user is ours alone; a composite lives by the pin of all its users, which is ours.
        let Some(c) = unsafe { &*core }.as_comp() else { return self.discard(core) };
        if !c.is_linked() {
            return self.discard(core); // no slot has a pin
        }
        if c.core.lock().word().head().is_null() {
            c.unlink(self); // nor does anything hang here
        }
        self.unpin(c, 1);
    }

    /// Puts a core on the pile of those to be freed.
    pub fn discard(&mut self, core: *mut Core) {
        // SAFETY: nobody else knows it any more.
        unsafe { (*core).bury(self.trash) };
        self.trash = core;
    }

    /// Frees the pile, and what that lets go of (F4).
    pub fn sweep(&mut self) {
        while !self.trash.is_null() {
            let core = self.trash;
            // SAFETY: ours alone; its inputs are released before it goes.
            unsafe {
                self.trash = (*core).buried_on();
                if let Some(c) = (*core).as_comp() {
                    for i in 0..c.len() {
                        self.release(c.input_ptr(i));
                    }
                } else if (*core).kind == Kind::Delayed {
                    self.release(delayed::source(core));
                }
                free(core);
            }
        }
    }
}

/// # Safety
/// Nobody refers to the core any more, and its inputs have been released.
pub(super) unsafe fn free(core: *mut Core) {
    // The pointer may have come from a reference to the core alone; what was exposed at birth reaches all of it.
    let core = with_exposed_provenance_mut::<Core>(core.addr());
    // SAFETY: the caller's promise; each kind was allocated as what it is freed as.
    unsafe {
        (*core).forget_tale();
        match (*core).kind {
            Kind::Leaf | Kind::Fixed => drop(Box::from_raw(core)),
            Kind::Till | Kind::Delayed => timed::free(core),
            Kind::Expr | Kind::Switch | Kind::Child => Comp::destroy(core.cast()),
        }
    }
}

impl Core {
    /// A core on the pile points at the next with its word, which nobody reads any more.
    fn bury(&self, below: *mut Core) {
        self.set_word(Word(below.cast()));
    }

    fn buried_on(&self) -> *mut Core {
        self.look().0.cast()
    }
}
