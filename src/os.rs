//! What the operating system says to the program: stop.
//!
//! One thread for the process, made when a root first asks for it, and one list of those that want to be told. The first signal
//! that comes asks all of them; one that comes when all have heard, or nobody wants to know any more, does what it would have done
//! to a program that has never heard of it. So a root that is gone leaves nothing behind but that thread, asleep.
//!
//! # Invariants
//! - N1  The thread is there before the first handler is: no signal is taken from the platform that nobody would hear.
//! - N2  The thread runs no foreign code, and waits for none: each root is asked by a thread of its own. So a callback that hangs keeps
//!   neither another root from being asked nor a second signal from ending the process.
//! - N3  A signal that comes before each root has heard of the one before is the same as that. So no second one ends a program that was
//!   not told by the first.
use crate::signal::Signal;
use crate::sys::{self, OnceLock, Shared};
use crate::wait::Firing;
use crate::wait::Mutex;
use std::error::Error;
use std::fmt;
use std::io;
use std::panic::Location;

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

impl Listener {
    /// By the word alone: a question might have to free what is foreign (N2).
    fn has_heard(&self) -> bool {
        self.asked && self.please_stop.0.settled()
    }
}

/// What asks a root, and the place that the cause tells.
type ToAsk = (Signal, &'static Location<'static>);

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
        LISTENERS.lock().push(Listener { id, please_stop: please_stop.clone(), place, asked: false });
        if let Err(e) = LISTENING.get_or_init(|| platform::listen().map_err(|e| e.to_string())) {
            panic!("the platform refuses to tell of its signals: {e}");
        }
        watch
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        let mut all = LISTENERS.lock();
        let mine = all.iter().position(|listener| listener.id == self.id).map(|at| all.remove(at));
        drop(all);
        drop(mine);
    }
}

/// A signal has come. False: nobody was left to be asked.
fn ask(signal: OsSignal) -> bool {
    let mut all = LISTENERS.lock();
    let somebody = !all.iter().all(Listener::has_heard); // N3
    let new = all.iter_mut().filter(|listener| !listener.asked);
    let to_ask: Vec<_> = new
        .map(|listener| {
            listener.asked = true;
            (listener.please_stop.clone(), listener.place)
        })
        .collect();
    drop(all);
    to_ask.into_iter().for_each(|root| ask_aside(root, signal));
    somebody
}

/// N2. Without a thread for it: rather by this one than not at all.
fn ask_aside(root: ToAsk, signal: OsSignal) {
    let root = Shared::new(Mutex::new(Some(root)));
    let by_another = root.clone();
    if sys::spawn_named("stopwhen-asks", move || raise(&by_another, signal)).is_err() {
        raise(&root, signal);
    }
}

/// Never unwinds: of what a callback panics with the panic hook has told.
fn raise(root: &Mutex<Option<ToAsk>>, signal: OsSignal) {
    let Some((please_stop, place)) = root.lock().take() else { return };
    let reason: Box<dyn Error + Send + Sync> = signal.into();
    let left = please_stop.0.go_but_callbacks(Some(reason.into()), place);
    left.into_iter().for_each(Firing::run);
}

#[cfg(unix)]
mod platform {
    use super::{Mutex, OsSignal, Shared, Signal, ask, io, sys};
    use signal_hook::consts::{SIGINT, SIGTERM};
    use signal_hook::iterator::Signals;
    use signal_hook::low_level::emulate_default_handler;

    /// N1: the thread installs the handlers, since they cannot be taken back.
    pub(super) fn listen() -> io::Result<()> {
        let (refused, begun) = (Shared::new(Mutex::new(None)), Signal::new());
        let (tell, begins) = (refused.clone(), begun.go_on_drop());
        sys::spawn_named("stopwhen-signals", move || {
            let mut signals = Signals::new([SIGINT, SIGTERM]).map_err(|e| *tell.lock() = Some(e));
            drop(begins);
            for number in signals.iter_mut().flat_map(Signals::forever) {
                if !ask(OsSignal { number }) {
                    // It fails for signals alone that cannot be caught.
                    let _ = emulate_default_handler(number);
                }
            }
        })?;
        begun.wait();
        let refused = refused.lock().take();
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
