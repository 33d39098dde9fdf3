//! What the engine asks of whoever keeps time, and which clock a thread lives by.
use super::firing::Armed;
use crate::sys::{Moment, OnceLock, Shared};

/// A clock's name for a Till it has taken charge of.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Key(pub u64);

/// Whoever keeps time. Called with no lock held; runs no foreign code.
pub(crate) trait Clock: Send + Sync {
    fn now(&self) -> Moment;

    /// Takes charge of a Till until it is due or disarmed.
    ///
    /// # Errors
    /// Gives it back if it is due already, or if the clock has no thread and gets none.
    fn arm(&self, till: Armed) -> Result<Key, Armed>;

    /// Gives the Till back, unless it is being fired, or was.
    fn disarm(&self, key: Key) -> Option<Armed>;

    /// A clock that somebody moves by hand: threads do not fold its deadlines into their own sleep.
    fn is_virtual(&self) -> bool {
        false
    }

    /// A thread goes to sleep on this virtual clock.
    fn sleeps(&self, _woken: &Woken) {}

    /// That thread has woken.
    fn wakes(&self, _woken: &Woken) {}
}

/// Whether what a sleeping thread waits for has come: a look at some words, asked by the clock under its own lock, from
/// `sleeps` on, and never again once `wakes` has taken that lock.
///
/// Between the `go` that wakes a thread and the next step of that thread any time may pass; it sleeps no more meanwhile.
pub(crate) type Woken = Shared<dyn Fn() -> bool + Send + Sync>;

static PROCESS: OnceLock<&'static dyn Clock> = OnceLock::new();

/// Makes the clock of this process known to the engine; the first one stays.
pub(crate) fn install(clock: &'static dyn Clock) {
    PROCESS.get_or_init(|| clock);
}

pub(super) fn process() -> &'static dyn Clock {
    *PROCESS.get().expect("whoever makes a Till has installed the clock before")
}

#[cfg(any(feature = "test-clock", all(loom, feature = "loom")))]
mod choice {
    use super::Clock;
    use crate::sys::{self, Shared};
    use std::cell::RefCell;

    type Virtual = Option<Shared<dyn Clock>>;

    sys::thread_local! {
        /// The virtual clocks this thread was told to live by, the present one last.
        static CLOCKS: RefCell<Vec<Shared<dyn Clock>>> = RefCell::new(Vec::new());
    }

    /// The virtual clock this thread lives by; `None`: the process'.
    pub(crate) fn thread_clock() -> Virtual {
        CLOCKS.try_with(|clocks| clocks.borrow().last().cloned()).ok().flatten()
    }

    /// This thread lives by that clock, until it leaves it or enters another.
    pub(crate) fn enter_clock(clock: Shared<dyn Clock>) {
        CLOCKS.with(|clocks| clocks.borrow_mut().push(clock));
    }

    /// Takes back one `enter_clock`, in whatever order. A thread that is ending lives by no clock any more.
    pub(crate) fn leave_clock(clock: &Shared<dyn Clock>) {
        let left = CLOCKS.try_with(|clocks| {
            let mut clocks = clocks.borrow_mut();
            let at = clocks.iter().rposition(|entered| Shared::ptr_eq(entered, clock))?;
            Some(clocks.remove(at))
        });
        drop(left); // the last of it may run foreign code
    }

    /// The clock of one Till.
    pub(in crate::wait) struct Chosen(Virtual);

    impl Chosen {
        pub fn new() -> Chosen {
            Chosen(thread_clock())
        }

        pub fn get(&self) -> &dyn Clock {
            match &self.0 {
                Some(clock) => &**clock,
                None => super::process(),
            }
        }
    }
}

#[cfg(not(any(feature = "test-clock", all(loom, feature = "loom"))))]
mod choice {
    use super::Clock;

    /// Without virtual clocks there is nothing to choose.
    pub(in crate::wait) struct Chosen;

    impl Chosen {
        pub fn new() -> Chosen {
            Chosen
        }

        pub fn get(&self) -> &dyn Clock {
            super::process()
        }
    }

    pub(crate) fn thread_clock() -> Option<crate::sys::Shared<dyn Clock>> {
        None
    }

    pub(crate) fn enter_clock(_: crate::sys::Shared<dyn Clock>) {}

    pub(crate) fn leave_clock(_: &crate::sys::Shared<dyn Clock>) {}
}

pub(super) use choice::Chosen;
pub(crate) use choice::{enter_clock, leave_clock, thread_clock};
