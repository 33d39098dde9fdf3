//! Tills: leaves with a deadline, nobody's timer until somebody must be told.
//!
//! ```text
//!   IDLE ──observer──► ARMING ──► ARMED ──► DONE         Delayed:  HOOKED ──source went──► IDLE ──► ...
//!                         └─due, or refused─► IDLE
//! ```
//!
//! T-a  IDLE: a poll compares the clock and threads fold the deadline into their own sleep. The word ASKs, so nothing but
//!      threads waits here at any height (A1): raising it when it is due runs no foreign code, and any thread may do it.
//! T-b  ARMED: the clock holds one user of it and will raise it; the word tells all. `timer` and `key` are under LOCK.
//! T-c  When only the clock's user (or the hook's) is left and nothing hangs here, the last other user takes the Till
//!      back first, by its own user still. So the clock never holds what nobody can see (T3).
//! T-d  ARMING is short and runs no foreign code; others wait for its end.
use super::cell::Guarded;
use super::clock::{Chosen, Key};
use super::core::{Core, Kind};
use super::delayed::{self, unhook};
use super::fire::NO_CLOCK;
use super::firing::Armed;
use super::handle::Handle;
use super::word::{Story, Word};
use crate::sys::{AtomicU64, Moment, Ordering::*, relax};
use std::panic::Location;
use std::ptr::with_exposed_provenance;

pub(super) const IDLE: u8 = 0;
const ARMING: u8 = 1;
const ARMED: u8 = 2;
pub(super) const DONE: u8 = 3;
pub(super) const HOOKED: u8 = 4;

#[repr(C)]
pub(super) struct Timed {
    pub core: Core,
    /// Nanoseconds of its moment. Fixed at birth, or when a Delayed's source goes.
    pub deadline: AtomicU64,
    pub place: &'static Location<'static>,
    /// T-b.
    key: Guarded<Key>,
    pub clock: Chosen,
}

/// What became of an attempt to tell a Till's clock.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Told {
    /// The clock will raise it; or it is go.
    Armed,
    /// Its time has come: whoever asked raises it.
    Due,
    /// The clock has no thread and gets none.
    Refused,
}

impl Timed {
    pub fn new(kind: Kind, deadline: Moment, place: &'static Location<'static>) -> Timed {
        let word = if kind == Kind::Till { Word::ASKED } else { Word::NEW };
        Timed {
            core: Core::new(kind, word),
            deadline: AtomicU64::new(deadline.nanos()),
            place,
            key: Guarded::new(Key(0)),
            clock: Chosen::new(),
        }
    }

    /// ORDERING: Acquire pairs with `start`'s Release; of a plain Till it never changes.
    fn deadline(&self) -> Moment {
        Moment::from_nanos(self.deadline.load(Acquire))
    }

    fn is_due(&self) -> bool {
        self.clock.get().now() >= self.deadline()
    }
}

impl Core {
    #[inline]
    pub fn as_timed(&self) -> Option<&Timed> {
        // SAFETY: the kind says so; the whole allocation was exposed at birth.
        self.kind.is_timed().then(|| unsafe { &*with_exposed_provenance::<Timed>((self as *const Core).addr()) })
    }

    pub fn is_due(&self) -> bool {
        self.as_timed().is_some_and(Timed::is_due)
    }

    /// Where the time was set.
    pub fn place(&self) -> &'static Location<'static> {
        self.as_timed().map_or(Location::caller(), |t| t.place)
    }

    /// The deadline of a timed leaf.
    pub fn time(&self) -> Option<Moment> {
        self.as_timed().map(Timed::deadline)
    }

    /// What its clock says.
    pub fn its_now(&self) -> Option<Moment> {
        self.as_timed().map(|t| t.clock.get().now())
    }

    /// For the order in which times are looked at: first what is no time, or was seen.
    pub fn unseen_time(&self) -> Moment {
        self.time().filter(|_| !self.is_up()).unwrap_or(Moment::from_nanos(0))
    }

    /// Sees to it that somebody raises this when it is its turn. True if it is go.
    ///
    /// With `arm`, the clock is told of every time below, so that the word says it all; else times are left to be asked.
    ///
    /// # Panics
    /// With `arm`, if the clock's thread could not be started.
    pub fn observe(&self, arm: bool) -> bool {
        if let Some(c) = self.as_comp() {
            c.link();
        }
        if arm {
            assert!(self.tell_clocks(), "{NO_CLOCK}");
        }
        self.poll_quiet()
    }

    /// Has every time below told to its clock, and every word below say it all. False: a clock has no thread and gets none.
    fn tell_clocks(&self) -> bool {
        if !self.look().asks() {
            return true;
        }
        let Some(c) = self.as_comp() else { return self.as_timed().is_none_or(Timed::tell_clock) };
        let told = c.inputs().fold(true, |told, input| input.tell_clocks() & told);
        if told {
            // An input may have been raised by a poll that is on its way up to us, and must not find more than threads (A1).
            c.inputs().filter(|input| input.is_up()).for_each(Core::wait_for_calm);
            self.lock().stop_asking();
        }
        told
    }

    /// The answer of a Till that is not armed: due, it is raised, and only the word counts.
    pub fn ask_clock(&self) -> bool {
        self.as_timed().is_some_and(|t| t.is_due() && t.tell_clock()) && self.is_up()
    }

    /// As `observe`, for who has asked often and would rather be told; if a clock gets no thread, it goes on asking.
    pub fn be_told(&self) {
        if let Some(c) = self.as_comp() {
            c.link();
        }
        self.tell_clocks();
    }

    /// The first moment at which time alone may change the answer. Times of virtual clocks are armed instead.
    pub fn next_tick(&self) -> Moment {
        let mut first = Moment::NEVER;
        if self.look().asks() {
            self.below(&mut |t| {
                if t.clock.get().is_virtual() {
                    t.tell_clock();
                } else if t.core.look().asks() {
                    first = first.min(t.deadline());
                }
            });
        }
        first
    }

    /// Visits the times that a pull through this core would ask: heavy composites have armed what is below them (C5).
    fn below(&self, visit: &mut dyn FnMut(&Timed)) {
        if let Some(t) = self.as_timed() {
            visit(t);
        } else if let Some(c) = self.as_comp().filter(|c| c.timed) {
            c.inputs().filter(|i| i.look().asks()).for_each(|i| i.below(visit));
        }
    }
}

impl Timed {
    /// IDLE → ARMED, unless it is due, or the clock has no thread and gets none.
    pub fn arm(&self) -> Told {
        if !self.take_on() {
            return Told::Armed;
        }
        if self.is_due() {
            self.end_arming(IDLE, Key(0));
            return Told::Due;
        }
        match self.clock.get().arm(Armed::of(&self.core)) {
            Ok(key) => {
                if !self.end_arming(ARMED, key) {
                    drop(self.clock.get().disarm(key)); // raised meanwhile
                }
                Told::Armed
            }
            Err(till) => {
                drop(till);
                self.end_arming(IDLE, Key(0));
                if self.is_due() { Told::Due } else { Told::Refused }
            }
        }
    }

    /// Has its clock told, or raises it if it is due (T-a). False: refused.
    fn tell_clock(&self) -> bool {
        let told = self.arm();
        if told == Told::Due {
            self.core.raise_by_time(Story::At(self.place));
        }
        told != Told::Refused
    }

    /// IDLE → ARMING. False: somebody armed it before, or it is go.
    fn take_on(&self) -> bool {
        let mut round = 0;
        loop {
            let held = self.core.lock();
            // SAFETY: under LOCK.
            match unsafe { self.core.timer.get() } {
                IDLE if held.word().is_down() => {
                    // SAFETY: under LOCK.
                    unsafe { self.core.timer.set(ARMING) };
                    return true;
                }
                ARMING => {}
                _ => return false,
            }
            drop(held);
            relax(&mut round);
        }
    }

    /// ARMING → `state`. False: it was raised meanwhile, and is DONE.
    fn end_arming(&self, state: u8, key: Key) -> bool {
        let mut held = self.core.lock();
        let down = held.word().is_down();
        // SAFETY: under LOCK.
        unsafe {
            self.core.timer.set(if down { state } else { DONE });
            self.key.set(key);
        }
        if down && state == ARMED {
            held.stop_asking();
        }
        down
    }

    /// ARMED → DONE: the key, for whoever tells the clock.
    fn take_key(&self) -> Option<Key> {
        let _held = self.core.lock();
        // SAFETY: under LOCK.
        unsafe {
            (self.core.timer.get() == ARMED).then(|| {
                self.core.timer.set(DONE);
                self.key.get()
            })
        }
    }
}

/// Tells the clock of a Till that went by hand.
pub(super) fn disarm(core: &Core) {
    if let Some((t, key)) = core.as_timed().and_then(|t| Some((t, t.take_key()?))) {
        drop(t.clock.get().disarm(key));
    }
}

/// Drops one user of a timed core. True: it was the last, free it.
///
/// # Safety
/// The user is the caller's, and gone when this returns.
pub(super) unsafe fn release(core: *mut Core) -> bool {
    // SAFETY: the caller's user keeps it alive until the count is lowered.
    let this = unsafe { &*core };
    loop {
        let users = this.users.load(Relaxed);
        if users == 2 {
            if part_with_one(this) {
                return false;
            }
            continue;
        }
        // ORDERING: Release for what we did with it, Acquire for what others did, before it is freed.
        if this.users.compare_exchange(users, users - 1, Release, Relaxed).is_ok() {
            if users == 1 {
                this.users.load(Acquire);
                wait_until_open(this);
            }
            return users == 1;
        }
    }
}

/// We may be the last but for the clock, or the hook on the source: then that is undone first, if nothing hangs here (T-c).
/// True: our user is gone, and another is left. False: things have changed, look again.
///
/// Who the other one is may change only under LOCK, so the count is lowered there; who frees the core waits for the LOCK to be
/// open (`wait_until_open`).
fn part_with_one(core: &Core) -> bool {
    let held = core.lock();
    // SAFETY: under LOCK.
    let state = unsafe { core.timer.get() };
    let Some(t) = core.as_timed().filter(|_| matches!(state, ARMED | HOOKED) && held.word().head().is_null()) else {
        // ORDERING: Release, as in `release`.
        return core.users.compare_exchange(2, 1, Release, Relaxed).is_ok();
    };
    // ORDERING: Relaxed, under LOCK: an ARMED Till's clock was counted before it was ARMED, so two are we and the clock, or the hook.
    if core.users.load(Relaxed) != 2 {
        return false;
    }
    // SAFETY: under LOCK.
    let key = unsafe {
        core.timer.set(DONE);
        t.key.get()
    };
    drop(held);
    let taken = match state {
        ARMED => t.clock.get().disarm(key).map(std::mem::forget).is_some(),
        _ => unhook(core),
    };
    if taken {
        core.users.fetch_sub(1, Relaxed); // the clock's, or the hook's; ours remains
    }
    false
}

/// For the last user, before it frees a timed core: another may have let go of its own under LOCK, and not opened that yet.
pub(super) fn wait_until_open(core: &Core) {
    if core.is_held() {
        drop(core.lock());
    }
}

/// # Safety
/// Nobody refers to the core any more.
pub(super) unsafe fn free(core: *mut Core) {
    // SAFETY: the caller's promise; made by `Box::into_raw` as what it is freed as.
    unsafe {
        if (*core).kind == Kind::Till {
            drop(Box::from_raw(core.cast::<Timed>()));
        } else {
            delayed::free(core);
        }
    }
}

impl Handle {
    /// A Till on this thread's clock.
    #[track_caller]
    pub(crate) fn till(deadline: Moment) -> Handle {
        let p = Box::into_raw(Box::new(Timed::new(Kind::Till, deadline, Location::caller())));
        p.expose_provenance();
        Handle::adopt(p.cast())
    }
}
