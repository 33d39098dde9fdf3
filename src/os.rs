//! What the operating system says to the program: stop.
//!
//! One thread for the process, made when a root first asks for it, and one list of those that want to be told. The first signal
//! that comes asks all of them; one that comes when all have been asked, or nobody wants to know any more, does what it would have done
//! to a program that has never heard of it. So a root that is gone leaves nothing behind but that thread, asleep.
//!
//! # Invariants
//! - N1  The thread is there before the first handler is: no signal is taken from the platform that nobody would hear.
//! - N2  The thread runs no foreign code, and waits for none: whoever is asked is asked by another. So a callback that hangs does not
//!   keep a second signal from ending the process.
use crate::signal::Signal;
use crate::sys::{self, Mutex, OnceLock, Shared, lock};
use std::error::Error;
use std::fmt;
use std::io;
use std::mem::take;
use std::panic::{AssertUnwindSafe, Location, catch_unwind};

/// Why a tree was asked to stop: the [reason](crate::Cause::reason) of its please_stop.
///
/// ```
/// use stopwhen::{Root, thread::OsSignal};
///
/// # let main = Root::new("main");
/// # main.please_stop().go();
/// main.wait_for_shutdown();
/// let cause = main.please_stop().cause().unwrap();
/// if let Some(signal) = cause.reason().and_then(|reason| reason.downcast_ref::<OsSignal>()) {
///     println!("stopped by {signal}"); // SIGTERM
/// }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct OsSignal {
    number: i32,
}

impl OsSignal {
    /// The platform's number for it: 2 for SIGINT, 15 for SIGTERM.
    pub fn number(self) -> i32 {
        self.number
    }

    /// Its name.
    pub fn name(self) -> &'static str {
        match self.number {
            SIGINT => "SIGINT",
            _ => "SIGTERM",
        }
    }
}

const SIGINT: i32 = 2;

impl fmt::Display for OsSignal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl Error for OsSignal {}

/// A root that wants to be told.
struct Listener {
    id: u64,
    please_stop: Signal,
    /// Where it was said that it wants that: the place that the cause tells.
    place: &'static Location<'static>,
    asked: bool,
}

sys::process_wide! {
    static LISTENERS: Mutex<Vec<Listener>> = Mutex::new(Vec::new());
}
/// What became of the one attempt to listen.
static LISTENING: OnceLock<Result<(), String>> = OnceLock::new();

/// While it lives, a signal of the system raises that one.
pub(crate) struct Watch {
    id: u64,
}

impl Watch {
    /// # Panics
    /// If the platform refuses.
    #[track_caller]
    pub(crate) fn new(please_stop: &Signal) -> Watch {
        let (id, place) = (sys::next_number(), Location::caller());
        let watch = Watch { id };
        lock(&LISTENERS).push(Listener { id, please_stop: please_stop.clone(), place, asked: false });
        if let Err(e) = LISTENING.get_or_init(|| platform::listen().map_err(|e| e.to_string())) {
            panic!("the platform refuses to tell of its signals: {e}");
        }
        watch
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        let mut all = lock(&LISTENERS);
        let mine = all.iter().position(|listener| listener.id == self.id).map(|at| all.remove(at));
        drop(all);
        drop(mine);
    }
}

/// A signal has come. False: nobody was left to be asked.
fn ask(signal: OsSignal) -> bool {
    let to_ask: Vec<_> = {
        let mut all = lock(&LISTENERS);
        let new = all.iter_mut().filter(|listener| !listener.asked);
        new.map(|listener| {
            listener.asked = true;
            (listener.please_stop.clone(), listener.place)
        })
        .collect()
    };
    let somebody = !to_ask.is_empty();
    if somebody {
        let to_ask = Shared::new(Mutex::new(to_ask));
        let by_another = to_ask.clone();
        // N2. Without a thread for it: rather by this one than not at all.
        if sys::spawn_named("stopwhen-asks", move || raise(&by_another, signal)).is_err() {
            raise(&to_ask, signal);
        }
    }
    somebody
}

fn raise(to_ask: &Mutex<Vec<(Signal, &'static Location<'static>)>>, signal: OsSignal) {
    let to_ask = take(&mut *lock(to_ask));
    for (please_stop, place) in to_ask {
        let reason: Box<dyn Error + Send + Sync> = signal.into();
        // A panic of a callback was told of by the panic hook; the others are to be asked, too.
        let _ = catch_unwind(AssertUnwindSafe(|| please_stop.0.go_because(reason.into(), place)));
    }
}

#[cfg(unix)]
mod platform {
    use super::{Mutex, OsSignal, Shared, Signal, ask, io, lock, sys};
    use signal_hook::consts::{SIGINT, SIGTERM};
    use signal_hook::iterator::Signals;
    use signal_hook::low_level::emulate_default_handler;

    /// N1: the thread installs the handlers, since they cannot be taken back.
    pub(super) fn listen() -> io::Result<()> {
        let (refused, begun) = (Shared::new(Mutex::new(None)), Signal::new());
        let (tell, begins) = (refused.clone(), begun.go_on_drop());
        sys::spawn_named("stopwhen-signals", move || {
            let mut signals = Signals::new([SIGINT, SIGTERM]).map_err(|e| *lock(&tell) = Some(e));
            drop(begins);
            for number in signals.iter_mut().flat_map(Signals::forever) {
                if !ask(OsSignal { number }) {
                    // It fails for signals alone that cannot be caught.
                    let _ = emulate_default_handler(number);
                }
            }
        })?;
        begun.wait();
        let refused = lock(&refused).take();
        refused.map_or(Ok(()), Err)
    }
}

#[cfg(not(unix))]
mod platform {
    use super::{OsSignal, SIGINT, ask, io};

    /// What the platform ends a program with that does not handle Ctrl-C.
    const ENDED: i32 = if cfg!(windows) { 0xC000_013A_u32 as i32 } else { 130 };

    /// It has a thread of its own.
    pub(super) fn listen() -> io::Result<()> {
        let told = || {
            if !ask(OsSignal { number: SIGINT }) {
                std::process::exit(ENDED);
            }
        };
        ctrlc::set_handler(told).map_err(io::Error::other)
    }
}
