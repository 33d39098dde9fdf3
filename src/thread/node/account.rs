//! What becomes of panics (J4): told to who joins, or on their way up.
use super::{Kind, Node};
use crate::error::Panic;
use crate::sys::Arc;
use crate::thread::panics::{self, Payload};
use crate::wait::Firing;
use std::mem::{replace, take};
use std::panic::{AssertUnwindSafe, catch_unwind};

/// What a later join of its thread was told of is not told to another (H5).
fn untold(mut panics: Vec<Panic>) -> Vec<Panic> {
    panics.retain(|panic| !panic.was_told_by_join());
    panics
}

impl Node {
    /// Out of the tree; panics that nobody was told of go up (J4).
    pub(in crate::thread) fn leave(&self) {
        let (own, below) = {
            let mut kin = self.kin.lock();
            kin.leaving = true;
            (kin.panic.clone(), kin.below.clone())
        };
        let seen = below.len();
        if self.quit(below.into_iter().chain(own)) {
            let mut late = self.settle();
            late.drain(..seen);
            self.pass_up(late);
        }
    }

    /// Out of the tree, by who joins it: with its own panic, told to everybody who does, and those of the threads below.
    pub(in crate::thread) fn account(&self) -> (Option<Panic>, Vec<Panic>) {
        if self.parent.is_none() {
            return self.account_of_root();
        }
        let below = if self.quit([]) { self.settle() } else { Vec::new() };
        let own = self.kin.lock().panic.clone();
        own.iter().for_each(Panic::told_by_join); // it may be on its way up
        (own, untold(below))
    }

    /// Nobody is above to be told of the panics below: the first join is told of its own, if it has one, the next one of those.
    fn account_of_root(&self) -> (Option<Panic>, Vec<Panic>) {
        let mut kin = self.kin.lock();
        let own = kin.panic.clone();
        if own.is_some() && !replace(&mut kin.told, true) || kin.below.is_empty() {
            return (own, Vec::new());
        }
        (None, untold(take(&mut kin.below)))
    }

    /// Out of the parent's children, and those panics to the parent, in one step: whoever finds it gone finds them there (J4).
    /// False: somebody has done that before.
    fn quit(&self, up: impl IntoIterator<Item = Panic>) -> bool {
        let Some(parent) = &self.parent else {
            return !replace(&mut self.kin.lock().over, true);
        };
        // What hangs on a scope's end is the parent's own to run.
        let late = if self.kind == Kind::Scope { None } else { self.as_late() };
        let mut kin = parent.kin.lock();
        let me = kin.children.remove(&self.id);
        if me.is_some() {
            kin.below.extend(up);
            kin.late.retain(|late| !late.going.is_go());
            kin.late.extend(late);
        }
        drop(kin);
        me.is_some()
    }

    /// Panics of threads below, for the one who has taken it out of the tree; what comes from now on goes further up.
    fn settle(&self) -> Vec<Panic> {
        let (below, os) = {
            let mut kin = self.kin.lock();
            kin.over = true;
            (take(&mut kin.below), kin.os.take())
        };
        drop(os);
        below
    }

    /// Panics of threads below that nobody has joined, so far.
    pub(in crate::thread) fn take_below(&self) -> Vec<Panic> {
        let mut kin = self.kin.lock();
        if kin.leaving { Vec::new() } else { untold(take(&mut kin.below)) }
    }

    /// Has them travel on, to the nearest above that has not been joined.
    pub(in crate::thread) fn pass_up(&self, panics: Vec<Panic>) {
        Node::tell_above(self.parent.as_ref(), panics);
    }

    /// To that node, or the nearest above it.
    pub(in crate::thread) fn tell_above(mut at: Option<&Arc<Node>>, panics: Vec<Panic>) {
        if panics.is_empty() {
            return;
        }
        while let Some(node) = at {
            let mut kin = node.kin.lock();
            if !kin.over {
                return kin.below.extend(panics);
            }
            drop(kin);
            at = node.parent.as_ref();
        }
    }

    /// Runs the body: a panic of it is reported, and told to whoever joins.
    pub(in crate::thread) fn body<R>(&self, f: impl FnOnce() -> R) -> Option<R> {
        self.reported(f).map_err(|panic| self.kin.lock().panic = Some(panic)).ok()
    }

    pub(in crate::thread) fn has_panicked(&self) -> bool {
        self.kin.lock().panic.is_some()
    }

    /// Runs foreign code beside the body (callbacks, hooks, what is dropped): a panic of it is reported, and counts among those of
    /// threads below, so that the body's result is not lost by it.
    pub(in crate::thread) fn caught<R>(&self, f: impl FnOnce() -> R) {
        if let Err(panic) = self.reported(f) {
            self.count(panic);
        }
    }

    /// The same of what hangs on a signal that was raised: also on a thread that unwinds, where no panic of it would come through.
    pub(in crate::thread) fn finish(&self, firing: Firing) {
        if let Some(payload) = firing.finish_caught() {
            self.count(self.report(payload));
        }
    }

    /// Among those of threads below.
    fn count(&self, panic: Panic) {
        let mut kin = self.kin.lock();
        if !kin.over {
            return kin.below.push(panic);
        }
        drop(kin);
        self.pass_up(vec![panic]);
    }

    fn reported<R>(&self, f: impl FnOnce() -> R) -> Result<R, Panic> {
        catch_unwind(AssertUnwindSafe(f)).map_err(|payload| self.report(payload))
    }

    /// A panic is reported at once (H5).
    fn report(&self, payload: Payload) -> Panic {
        let panic = panics::of(&self.path, payload);
        let hook = self.family.as_ref().and_then(|family| family.on_panic.as_ref());
        panics::report(&panic, hook.map(|hook| &**hook));
        panic
    }
}
