//! The thread that runs what time sets off, so that a slow callback delays callbacks and nothing else.
//!
//! Made at the first callback. Callbacks run one at a time, in the order of their deadlines.

use crate::sys::{self, Condvar, Mutex, lock, wait_on};
use crate::wait::Firing;
use std::collections::VecDeque;

sys::process_wide! {
    static CALLBACKS: Callbacks = Callbacks { line: Mutex::new(Line { waiting: VecDeque::new(), thread: Thread::Absent }), filled: Condvar::new() };
}

pub(super) struct Callbacks {
    line: Mutex<Line>,
    filled: Condvar,
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
    /// Those of this process.
    pub(super) fn of_process() -> &'static Callbacks {
        &CALLBACKS
    }

    /// Puts a firing at the end of the line.
    ///
    /// Without a thread, and if the platform refuses one, the caller runs it: late flags are better than lost callbacks.
    pub(super) fn hand_on(&'static self, firing: Firing) {
        let mut line = lock(&self.line);
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
            self.filled.notify_one();
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
        let waiting = std::mem::take(&mut lock(&self.line).waiting);
        waiting.into_iter().for_each(Firing::run);
    }

    /// The first in line; sleeps while there is none.
    fn next(&self) -> Firing {
        let mut line = lock(&self.line);
        loop {
            if let Some(firing) = line.waiting.pop_front() {
                return firing;
            }
            line.thread = Thread::Asleep;
            while line.thread == Thread::Asleep {
                line = wait_on(&self.filled, line);
            }
        }
    }
}
