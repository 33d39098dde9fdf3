//! The core of a signal: its word, its counts, its gate. Forty bytes.
use super::cell::Guarded;
use super::node::{self, Link};
use super::tale::Tale;
use super::word::{Story, Word};
use crate::sys::{AtomicPtr, AtomicU8, AtomicU32, Entered, Gate, Ordering::*, Shadow, Tracked, relax};
use std::ptr::null_mut;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub(crate) enum Kind {
    /// Raised by hand.
    Leaf,
    /// Go, or not, for ever.
    Fixed,
    /// Raised by its time, or by hand.
    Till,
    /// Raised by a time that another signal starts.
    Delayed,
    /// Raised by its inputs.
    Expr,
    /// An expression whose hand is that of its first input.
    Switch,
    /// Raised by its one input, or by hand.
    Child,
}

impl Kind {
    pub const fn is_composite(self) -> bool {
        matches!(self, Kind::Expr | Kind::Switch | Kind::Child)
    }

    pub const fn is_timed(self) -> bool {
        matches!(self, Kind::Till | Kind::Delayed)
    }

    /// Whether a last handle matters beyond memory: without it nobody's hand can raise the signal (W7).
    pub const fn has_hands(self) -> bool {
        matches!(self, Kind::Leaf | Kind::Child)
    }
}

#[repr(C)]
pub(super) struct Core {
    word: AtomicPtr<Link>,
    /// Handles that can raise it (W7).
    pub hands: AtomicU32,
    /// Who looks at it (W7).
    pub users: AtomicU32,
    /// Place in the order of `go`s of what decided it; 0 if nothing was built on that. Under LOCK until UP, then frozen.
    pub stamp: Guarded<u64>,
    /// Name, number, reason: made with a name, else by whoever first asks for one of them.
    pub tale: AtomicPtr<Tale>,
    pub gate: Gate,
    pub kind: Kind,
    /// Set before UP, cleared when phase 1 is over: a losing `go` waits for that (S3).
    pub busy: AtomicU8,
    /// Polls that had to ask. A hint: lost counts only put off the telling.
    pub polls: AtomicU8,
    /// A Till's dealings with its clock (`timed`). Under LOCK.
    pub timer: Guarded<u8>,
    shadow: Shadow,
    _tracked: Tracked,
}

// SAFETY: all fields but the guarded ones are atomics; those are touched as W3 and their comments say.
unsafe impl Send for Core {}
// SAFETY: as above.
unsafe impl Sync for Core {}

#[cfg(not(all(loom, feature = "loom")))]
const _: () = assert!(!cfg!(target_os = "linux") || size_of::<usize>() != 8 || size_of::<Core>() == 40);

impl Core {
    #[inline(always)]
    pub fn new(kind: Kind, word: Word) -> Self {
        Core {
            word: AtomicPtr::new(word.0),
            hands: AtomicU32::new(kind.has_hands() as u32),
            users: AtomicU32::new(1),
            stamp: Guarded::new(0),
            tale: AtomicPtr::new(null_mut()),
            gate: Gate::new(),
            kind,
            busy: AtomicU8::new(0),
            polls: AtomicU8::new(0),
            timer: Guarded::new(0),
            shadow: Shadow::new(word.0),
            _tracked: Tracked::new(),
        }
    }

    /// ORDERING: Acquire pairs with the Release store (or CAS) of UP: what came before `go` is seen (S2).
    #[inline(always)]
    pub fn look(&self) -> Word {
        Word(self.word.load(Acquire))
    }

    #[inline(always)]
    pub fn is_up(&self) -> bool {
        self.look().is_up()
    }

    /// DOWN → UP in one step, if nothing hangs here, nobody sleeps and the lock is free.
    ///
    /// ORDERING: Release publishes what came before `go`; a failure tells nothing.
    #[inline(always)]
    pub fn rise_alone(&self, story: Story) -> bool {
        let _entered = self.shadow.enter();
        let up = Word::up(story);
        let rose = self.word.compare_exchange(Word::NEW.0, up.0, Release, Relaxed).is_ok();
        if rose {
            self.shadow.note(up.0);
        }
        rose
    }

    /// Takes the lock, whatever the state.
    #[inline]
    pub fn lock(&self) -> Held<'_> {
        let entered = self.shadow.enter();
        let guess = Word(self.shadow.hint(&self.word)).unlocked();
        if self.shadow.is_the_lock() {
            return Held { core: self, word: guess, _entered: entered };
        }
        match self.try_lock(guess) {
            Ok(word) => Held { core: self, word, _entered: entered },
            Err(seen) => self.lock_slow(seen, entered),
        }
    }

    /// ORDERING: Acquire pairs with the last holder's Release store, and with `rise_alone`.
    #[inline(always)]
    fn try_lock(&self, free: Word) -> Result<Word, Word> {
        match self.word.compare_exchange(free.0, free.locked().0, Acquire, Relaxed) {
            Ok(_) => Ok(free),
            Err(seen) => Err(Word(seen)),
        }
    }

    #[cold]
    fn lock_slow<'a>(&'a self, mut seen: Word, entered: Entered<'a>) -> Held<'a> {
        let mut round = 0;
        loop {
            if seen.is_locked() {
                relax(&mut round);
                seen = Word(self.shadow.hint(&self.word));
                if seen.is_locked() {
                    continue;
                }
            }
            match self.try_lock(seen) {
                Ok(word) => return Held { core: self, word, _entered: entered },
                Err(now) => seen = now,
            }
        }
    }

    /// Whether somebody may hold the lock just now; for who knows of those that have taken it.
    pub fn is_held(&self) -> bool {
        self.shadow.is_the_lock() || self.look().is_locked()
    }

    /// ORDERING: Relaxed: the core is the caller's alone.
    pub fn set_word(&self, word: Word) {
        self.word.store(word.0, Relaxed);
    }

    /// Leaves word that a thread is about to sleep at the gate; false if it is UP.
    ///
    /// ORDERING: Relaxed: the gate's door orders sleeper and waker, and who finds UP here polls again with Acquire.
    pub fn mark_sleep(&self) -> bool {
        let _entered = self.shadow.enter();
        let mut round = 0;
        let mut seen = Word(self.shadow.hint(&self.word)).unlocked();
        if seen.is_up() {
            seen = self.look(); // a hint is no answer
        }
        loop {
            if seen.is_locked() {
                relax(&mut round);
                seen = Word(self.shadow.hint(&self.word)).unlocked();
            }
            if !seen.is_up() {
                match self.word.compare_exchange(seen.0, seen.sleeping().0, Relaxed, Relaxed) {
                    Ok(_) => {
                        self.shadow.note(seen.sleeping().0);
                        return true;
                    }
                    Err(now) => seen = Word(now),
                }
            }
            if seen.is_up() {
                return false;
            }
        }
    }

    /// One more in a count; aborts, as `Arc` does, long before it could wrap: two thousand million were leaked.
    #[inline(always)]
    pub fn one_more(count: &AtomicU32) {
        // ORDERING: Relaxed: who adds one holds one, or borrows from who does.
        if count.fetch_add(1, Relaxed) > i32::MAX as u32 {
            too_many();
        }
    }
}

/// `n` less in a count. True: these were the last.
///
/// ORDERING: Release for what the caller did with it; Acquire, by the last, for what all others did before. (A load and
/// no fence: ThreadSanitizer knows what a load does.)
#[inline(always)]
pub(super) fn less(count: &AtomicU32, n: u32) -> bool {
    count.fetch_sub(n, Release) == n && {
        count.load(Acquire);
        true
    }
}

#[cold]
fn too_many() -> ! {
    eprintln!("stopwhen: more than two thousand million handles of one signal; aborting");
    std::process::abort()
}

/// The lock of one core. Dropping it is one Release store (W2).
pub(super) struct Held<'a> {
    core: &'a Core,
    word: Word,
    _entered: Entered<'a>,
}

impl Held<'_> {
    #[inline(always)]
    pub fn word(&self) -> Word {
        self.word
    }

    /// DOWN → UP. If somebody must follow, it shows at once, else with the unlock; the caller takes the ring (W4).
    pub fn rise(&mut self, story: Story, followed: bool) {
        self.word = Word::up(story);
        if followed {
            self.show();
        }
    }

    /// DOWN → DEAD. The caller takes the ring (W4).
    pub fn die(&mut self) {
        self.word = Word::DEAD;
        self.show();
    }

    /// ORDERING: Release, as the unlock.
    fn show(&self) {
        if self.core.shadow.is_the_lock() {
            return self.store();
        }
        self.core.word.store(self.word.locked().0, Release);
    }

    /// ORDERING: Release pairs with the next holder's Acquire; it also publishes UP to polls (S2).
    #[inline(always)]
    fn store(&self) {
        self.core.shadow.note(self.word.0);
        self.core.word.store(self.word.0, Release);
    }

    /// From now on the word says it all; only for a word that is not UP.
    pub fn stop_asking(&mut self) {
        if self.word.is_down() {
            self.word = self.word.told();
        }
    }

    /// Hangs a slot or waiter before all others.
    ///
    /// # Safety
    /// The word is DOWN; `l` is on no ring and stays where it is until it is off this one.
    #[inline]
    pub unsafe fn push_front(&mut self, l: *mut Link) {
        // SAFETY: as for `push_back`, which the caller's promise covers.
        unsafe { self.push_back(l) };
        self.word = self.word.with_head(l);
    }

    /// Hangs a callback behind all others.
    ///
    /// # Safety
    /// As `push_front`.
    #[inline]
    pub unsafe fn push_back(&mut self, l: *mut Link) {
        let head = self.word.head();
        // SAFETY: the lock guards the ring (W3), the node is the caller's.
        unsafe {
            if head.is_null() {
                node::alone(l);
                self.word = self.word.with_head(l);
            } else {
                node::insert_before(head, l);
            }
        }
    }

    /// Takes `l` off the ring, whatever the word's state: a ring that is being taken apart has no head in the word.
    ///
    /// # Safety
    /// `l` is on this core's ring.
    #[inline]
    pub unsafe fn remove(&mut self, l: *mut Link) {
        // SAFETY: the lock guards the ring (W3).
        let next = unsafe { node::take_off(l) };
        if self.word.head() == l {
            self.word = self.word.with_head(if next == l { null_mut() } else { next });
        }
    }
}

impl Drop for Held<'_> {
    #[inline]
    fn drop(&mut self) {
        if !self.core.shadow.is_the_lock() || self.core.shadow.hint(&self.core.word) != self.word.0 {
            self.store();
        }
    }
}

#[cfg(all(test, not(all(loom, feature = "loom"))))]
mod tests;
