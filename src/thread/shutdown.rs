//! The end of a whole tree, within its time.
//!
//! ```text
//!   asked to stop ────────── half ─────────────── end
//!   join, the newest first    Tills go early (T8)   who is still there is stuck
//! ```
use super::here::here;
use super::node::{Kind, Node};
use super::root::Root;
use crate::error::Stuck;
use crate::signal::{Signal, Until};
use crate::sys::{Arc, Moment};
use crate::till::clock;
use crate::wait::{Handle, Leaf, Leaves};
use std::time::{Duration, Instant};

/// The time that threads are given to stop.
pub(super) struct Timeline {
    /// What else ends it, one by one and together.
    signals: Vec<Signal>,
    any: Option<Signal>,
    /// What is raised when half of it is over; `None`: nothing, or it has been.
    half: Option<(Moment, Signal)>,
    end: Moment,
}

impl Timeline {
    /// That long from now.
    pub(super) fn within(grace: Duration, release: Option<&Signal>) -> Timeline {
        let now = clock::moment();
        Timeline::between(now, now.after(grace), release, Vec::new())
    }

    /// Until then; if no time ends that, within the grace.
    fn until(until: &dyn Leaves, grace: Duration, release: Option<&Signal>) -> Timeline {
        let now = clock::moment();
        let (mut end, mut signals) = (Moment::NEVER, Vec::new());
        until.visit(&mut |leaf| {
            let time = match leaf {
                Leaf::After(d) => Some(now.after(d)),
                Leaf::At(t) => Some(Moment::of(t)),
                Leaf::Signal(signal) => {
                    signals.push(Signal(Handle::view_of(signal.user())));
                    signal.when()
                }
            };
            end = end.min(time.unwrap_or(Moment::NEVER));
        });
        if end == Moment::NEVER {
            end = now.after(grace);
        }
        Timeline::between(now, end, release, signals)
    }

    fn between(now: Moment, end: Moment, release: Option<&Signal>, signals: Vec<Signal>) -> Timeline {
        let half = release.map(|release| (now.after(end.since(now) / 2), release.clone()));
        Timeline { any: any(&signals), signals, half, end }
    }

    /// Waits until that thread has stopped; false: the time is over.
    pub(super) fn wait(&mut self, node: &Node) -> bool {
        if let Some((half, release)) = self.half.take() {
            if node.has_stopped_by(&(self.any.as_ref(), half.instant())) {
                self.half = Some((half, release));
                return true;
            }
            self.let_tills_go(&release);
        }
        node.has_stopped_by(&(self.any.as_ref(), self.end.instant()))
    }

    /// T8. A Till of this very tree that ends the shutdown goes by that, too: its time is in `end`.
    fn let_tills_go(&mut self, release: &Signal) {
        self.signals.retain(|signal| !signal.is_go());
        let over = self.any.as_ref().is_some_and(Signal::is_go);
        release.go_because("its tree of threads is shutting down, and half of the grace is over");
        self.signals.retain(|signal| !signal.is_go());
        if !over {
            self.any = any(&self.signals);
        }
    }
}

/// `None`: time alone, which needs no place in a list of anybody's.
fn any(signals: &[Signal]) -> Option<Signal> {
    if signals.is_empty() { None } else { Some(Signal::any(signals)) }
}

impl Node {
    /// Whether it cannot stop before `here` goes on: it is above, or a scope that `here` is in.
    fn waits_for(&self, here: &Arc<Node>) -> bool {
        let scope_of_ours = || self.parent.as_ref().is_some_and(|parent| Arc::ptr_eq(parent, here));
        self.is_above(here) || self.kind == Kind::Scope && scope_of_ours()
    }

    fn has_stopped_by(&self, until: &(Option<&Signal>, Option<Instant>)) -> bool {
        self.stopped().wait_until(until).is_ok()
    }
}

impl Root {
    /// Stops all threads of the tree, in order, and waits for them.
    ///
    /// All are asked at once, the newest first (with [`StopOrder::Sequential`](super::StopOrder) one after the other), and joined in that
    /// order; then threads that [registered](Root::register) are waited for. Half of the time before the end, all Tills that were made on
    /// threads of this tree go, so that nobody sleeps through the rest. The tree takes no more threads from the first moment on, but
    /// those that are still running may start threads below them.
    ///
    /// The end is what `until` says in time; if it says none, the [grace](super::RootBuilder::grace), or a signal of `until`.
    ///
    /// ```
    /// use std::time::Duration;
    /// use stopwhen::Root;
    ///
    /// let root = Root::new("server");
    /// root.run("listener", |please_stop| please_stop.wait());
    /// assert_eq!(root.shutdown(Duration::from_secs(10)), Ok(()));
    /// ```
    ///
    /// # Blocking
    /// Until all threads have stopped, and never beyond that end.
    ///
    /// # Errors
    /// [`Stuck`] names the threads that have not stopped, and what each waits on. They go on, and it can be called again. Called on a
    /// thread of this tree it does not wait for that one, nor for those above it, nor in a [`scope`](fn@super::scope) for that, and so always
    /// finds them stuck: call [`stop`](Root::stop) there.
    pub fn shutdown(&self, until: impl Until) -> Result<(), Stuck> {
        self.shut_down(&until)
    }

    fn shut_down(&self, until: &dyn Leaves) -> Result<(), Stuck> {
        let node = self.node();
        let mut time = Timeline::until(until, self.grace(), node.family.as_ref().map(|family| &family.release));
        let why = format!("{} is shut down", node.path);
        node.ask(node, &why);
        let mut children = node.close();
        children.sort_by_key(|child| child.kind == Kind::Registered);
        let here = here();
        for child in &children {
            node.ask(child, &why);
            if !here.as_ref().is_some_and(|here| child.waits_for(here)) {
                time.wait(child);
            }
        }
        children.iter().filter(|child| child.has_stopped()).for_each(|child| child.leave());
        let stuck = node.stuck();
        if !stuck.threads().is_empty() {
            return Err(stuck);
        }
        node.end();
        Ok(())
    }
}
