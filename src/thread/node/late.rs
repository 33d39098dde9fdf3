//! What hangs on the ends of threads, and is still being run (J3); who that, and a thread, keeps from ending.
use super::{Node, Timeline};
use crate::error::Stuck;
use crate::report;
use crate::signal::Signal;
use crate::sys::Arc;
use crate::thread::here::is_here;
use crate::thread::reference::Tree;

/// What hangs on the end of a thread, and is being run.
#[derive(Clone)]
pub(in crate::thread) struct Late {
    pub(super) id: u64,
    pub path: Box<str>,
    pub going: Signal,
}

impl Late {
    /// Whether this thread runs it.
    pub(in crate::thread) fn is_here(&self) -> bool {
        is_here(self.id)
    }

    /// Path and state, as of a thread.
    pub(in crate::thread) fn told(self) -> (Box<str>, String) {
        (self.path, "runs what hangs on its end".to_owned())
    }
}

impl Node {
    /// What goes when nothing that hangs on its end is run any more; `None`: nothing is.
    pub(in crate::thread) fn going(&self) -> Option<Signal> {
        let mut kin = self.kin.lock();
        let fresh = || Signal::named(format!("what hangs on {}.stopped", self.name));
        if kin.gone { None } else { Some(kin.going.get_or_insert_with(fresh).clone()) }
    }

    /// Of one that has stopped: unless it is gone.
    pub(super) fn as_late(&self) -> Option<Late> {
        self.going().map(|going| Late { id: self.id, path: self.path.clone(), going })
    }

    /// Those that left it before they were gone, and are not.
    pub(in crate::thread) fn late(&self) -> Vec<Late> {
        let mut kin = self.kin.lock();
        kin.late.retain(|late| !late.going.is_go());
        kin.late.clone()
    }

    pub(super) fn wait_for_late(&self, grace: &mut Option<Timeline>) {
        for late in self.late().iter().filter(|late| !late.is_here()) {
            self.wait_within(grace, &late.going);
            late.going.wait();
        }
    }

    /// Waits for that, but no longer than the grace: once it is over says who is stuck.
    pub(super) fn wait_within(&self, grace: &mut Option<Timeline>, signal: &Signal) {
        if grace.as_ref().is_none_or(|grace| grace.wait(signal)) {
            return;
        }
        let stuck = Stuck::new(&self.path, self.held_up_by());
        if !stuck.threads().is_empty() {
            *grace = None; // said once
            report::stuck(&stuck);
        }
    }

    /// Who keeps it from ending. (Those that have stopped come first: who stops in between is not told twice.)
    fn held_up_by(&self) -> Vec<(Box<str>, String)> {
        let mut ended: Vec<Arc<Node>> = self.kin.lock().children.values().cloned().collect();
        ended.retain(|child| child.has_stopped());
        let mut all: Vec<_> = ended.iter().filter_map(|child| child.as_late()).map(Late::told).collect();
        all.extend(self.late().into_iter().map(Late::told));
        all.extend(self.stuck());
        all
    }

    /// The threads below that have not stopped.
    pub(in crate::thread) fn stuck(&self) -> Vec<(Box<str>, String)> {
        Tree::of(self).into_threads().skip(1).collect()
    }
}
