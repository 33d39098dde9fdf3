//! What the operating system says to the program: stop.
//!
//! One thread for the process, made when a root first asks for it, and one list of those that want to be told. The first signal
//! that comes asks all of them; one that comes when all have been asked, or nobody wants to know any more, does what it would have done
//! to a program that has never heard of it. So a root that is gone leaves nothing behind but that thread, asleep.
use crate::signal::Signal;
use crate::sys::{self, Mutex, OnceLock, lock};
use std::error::Error;
use std::fmt;
use std::io;

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
        if let Err(e) = LISTENING.get_or_init(|| platform::listen().map_err(|e| e.to_string())) {
            panic!("the platform refuses to tell of its signals: {e}");
        }
        let id = sys::next_number();
        lock(&LISTENERS).push(Listener { id, please_stop: please_stop.clone(), asked: false });
        Watch { id }
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
    let to_ask: Vec<Signal> = {
        let mut all = lock(&LISTENERS);
        let new = all.iter_mut().filter(|listener| !listener.asked);
        new.map(|listener| {
            listener.asked = true;
            listener.please_stop.clone()
        })
        .collect()
    };
    for please_stop in &to_ask {
        // A panic of a callback was told of by the panic hook; the others are to be asked, too.
        let _ = std::panic::catch_unwind(|| please_stop.go_because(signal));
    }
    !to_ask.is_empty()
}

#[cfg(unix)]
mod platform {
    use super::{OsSignal, ask, io, sys};
    use signal_hook::consts::{SIGINT, SIGTERM};
    use signal_hook::iterator::Signals;
    use signal_hook::low_level::emulate_default_handler;

    pub(super) fn listen() -> io::Result<()> {
        let mut signals = Signals::new([SIGINT, SIGTERM])?;
        sys::spawn_named("stopwhen-signals", move || {
            for number in signals.forever() {
                if !ask(OsSignal { number }) {
                    // It fails for signals alone that cannot be caught.
                    let _ = emulate_default_handler(number);
                }
            }
        })
    }
}

#[cfg(not(unix))]
mod platform {
    use super::{OsSignal, SIGINT, ask, io};

    pub(super) fn listen() -> io::Result<()> {
        let told = || {
            if !ask(OsSignal { number: SIGINT }) {
                std::process::exit(130);
            }
        };
        ctrlc::set_handler(told).map_err(io::Error::other)
    }
}
