//! The thread that runs what time sets off, so that a slow callback delays callbacks and nothing else.
//!
//! Made at the first callback. Callbacks run one at a time, in the order of their deadlines.

use crate::sys::{self, Gate, Moment};
use crate::wait::{Firing, Mutex};
use std::collections::VecDeque;

sys::process_wide! {
    static CALLBACKS: Callbacks = Callbacks { line: Mutex::new(Line { waiting: VecDeque::new(), thread: Thread::Absent }), filled: Gate::new() };
}

pub(super) struct Callbacks {
    line: Mutex<Line>,
    /// Where the thread sleeps.
    filled: Gate,
}

struct Line {
    waiting: VecDeque<Firing>,
    thread: Thread,
}

#[derive(PartialEq)]
enum Thread {
    Absent,
    Asleep,
    /// It will look at the line again before it sleeps.
    Busy,
}

impl Callbacks {
    sys::const_fn! {
        /// Those of this process.
        pub(super) const fn of_process() -> &'static Callbacks {
            &CALLBACKS
        }
    }

    /// Puts a firing at the end of the line.
    ///
    /// Without a thread, and if the platform refuses one, the caller runs it: late flags are better than lost callbacks.
    pub(super) fn hand_on(&'static self, firing: Firing) {
        let mut line = self.line.lock();
        if line.thread == Thread::Absent {
            if sys::spawn_named("stopwhen-callbacks", || self.serve()).is_err() {
                drop(line);
                return firing.run();
            }
            line.thread = Thread::Busy;
        }
        line.waiting.push_back(firing);
        if line.thread == Thread::Asleep {
            line.thread = Thread::Busy;
            drop(line);
            self.filled.wake_all();
        }
    }

    fn serve(&self) {
        loop {
            self.next().run();
        }
    }

    /// Runs what is in line: a model has no thread for it.
    #[cfg(all(loom, feature = "loom"))]
    pub(super) fn run_waiting(&self) {
        let waiting = std::mem::take(&mut self.line.lock().waiting);
        waiting.into_iter().for_each(Firing::run);
    }

    /// The first in line; sleeps while there is none.
    fn next(&self) -> Firing {
        loop {
            let mut line = self.line.lock();
            if let Some(firing) = line.waiting.pop_front() {
                return firing;
            }
            line.thread = Thread::Asleep;
            drop(line);
            self.filled.sleep(Moment::NEVER, || self.line.lock().thread == Thread::Asleep);
        }
    }
}
