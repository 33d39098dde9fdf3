//! A node: what the tree knows of one thread.
use super::here::here;
use super::panics;
use super::reference::Tree;
use super::shutdown::Timeline;
use crate::error::{Panic, Stuck};
use crate::report;
use crate::signal::Signal;
use crate::sys::{Arc, JoinHandle, Mutex, Shared, lock, next_number};
use crate::wait::{Watch, blocked_on};
use std::collections::BTreeMap;
use std::mem::{replace, take};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

/// In which order a thread that ends stops its children.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Hash)]
#[non_exhaustive]
pub enum StopOrder {
    /// All are asked to stop, the newest first, as soon as the parent is; then all are joined, the newest first.
    #[default]
    AllReverse,
    /// None is asked before the parent's body is over; then one after the other is asked and joined, the newest first. For
    /// children that need each other: the older ones still work while a newer one stops.
    Sequential,
}

/// Where a thread stands that has not ended: whether it has is what `end` says.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Phase {
    Running,
    Ending,
}

/// What kind of thread a node stands for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Kind {
    /// Started by the crate.
    Started,
    /// Started elsewhere.
    Registered,
    /// The root of a tree: the thread that runs it, or no thread at all.
    Root,
    /// Threads that borrow: the thread above, which waits for them.
    Scope,
}

/// What is told of panics when they happen.
pub(super) type PanicHook = Box<dyn Fn(&Panic) + Send + Sync>;

/// What all threads of one root share.
pub(super) struct Family {
    /// Lets the Tills of these threads go before their time (T8).
    pub release: Signal,
    pub on_panic: Option<PanicHook>,
}

pub(super) struct Node {
    /// Its place in the order of creation.
    pub id: u64,
    pub name: Box<str>,
    pub path: Box<str>,
    pub kind: Kind,
    pub parent: Option<Arc<Node>>,
    pub family: Option<Shared<Family>>,
    pub order: StopOrder,
    pub grace: Option<Duration>,
    pub please_stop: Signal,
    /// Raised by the thread, once (J3).
    end: Signal,
    /// What others look at: a view of it.
    stopped: Signal,
    pub watch: Shared<Watch>,
    kin: Mutex<Kin>,
}

struct Kin {
    phase: Phase,
    /// J1.
    children: BTreeMap<u64, Arc<Node>>,
    /// Its own, if its body panicked.
    panic: Option<Panic>,
    /// Panics of threads below that nobody has joined, and of foreign code beside the body.
    below: Vec<Panic>,
    /// What there was has been taken account of; what comes from now on goes further up (J4).
    over: bool,
    /// There is a handle by which it may be joined.
    held: bool,
    /// The first that waits without end joins the thread itself.
    os: Option<JoinHandle<()>>,
}

/// What a node is made of.
pub(super) struct Plan {
    pub name: Box<str>,
    pub kind: Kind,
    pub parent: Option<Arc<Node>>,
    pub family: Option<Shared<Family>>,
    pub stop_when: Option<Signal>,
    /// Whether it is told when its parent is (J2).
    pub hangs: bool,
    pub order: StopOrder,
    pub grace: Option<Duration>,
    pub held: bool,
}

impl Node {
    pub(super) fn new(plan: Plan) -> Arc<Node> {
        let Plan { name, kind, parent, family, stop_when, hangs, order, grace, held } = plan;
        let path = parent.as_ref().map_or_else(|| name.clone(), |p| format!("{}/{name}", p.path).into());
        // J2.
        let above = parent.as_ref().filter(|_| hangs).map(|p| &p.please_stop);
        let please_stop = match (above, stop_when) {
            (None, None) => Signal::named(format!("{name}.please_stop")),
            (Some(above), None) => above.named_child(format!("{name}.please_stop")),
            // By a child of the parent's, so that it is told in its turn.
            (above, Some(cond)) => (cond | above.map(Signal::child)).named_child(format!("{name}.please_stop")),
        };
        let end = Signal::named(format!("{name}.stopped"));
        let kin = Kin {
            phase: Phase::Running,
            children: BTreeMap::new(),
            panic: None,
            below: Vec::new(),
            over: false,
            held,
            os: None,
        };
        Arc::new(Node {
            id: next_number(),
            name,
            path,
            kind,
            parent,
            family,
            order,
            grace,
            please_stop,
            stopped: end.view(),
            end,
            watch: Shared::new(Watch::new()),
            kin: Mutex::new(kin),
        })
    }

    /// Whether its children are asked to stop as soon as it is.
    pub(super) fn tells_children(&self) -> bool {
        self.order == StopOrder::AllReverse
    }

    pub(super) fn stopped(&self) -> &Signal {
        &self.stopped
    }

    pub(super) fn has_stopped(&self) -> bool {
        self.end.is_go()
    }

    pub(super) fn phase(&self) -> Phase {
        lock(&self.kin).phase
    }

    /// Those that have not stopped, the oldest first.
    pub(super) fn children(&self) -> Vec<Arc<Node>> {
        let mut all: Vec<Arc<Node>> = lock(&self.kin).children.values().cloned().collect();
        all.retain(|child| !child.has_stopped());
        all
    }

    /// Whether it is that node, or one above it.
    pub(super) fn is_above(&self, node: &Arc<Node>) -> bool {
        let mut at = Some(node);
        while let Some(here) = at {
            if std::ptr::eq(&**here, self) {
                return true;
            }
            at = here.parent.as_ref();
        }
        false
    }

    // ---- the way in ------------------------------------------------------------------------------------------

    /// Takes a child, if this is RUNNING (J1).
    pub(super) fn adopt(&self, child: &Arc<Node>) -> bool {
        let mut kin = lock(&self.kin);
        let open = kin.phase == Phase::Running;
        if open {
            kin.children.insert(child.id, child.clone());
        }
        open
    }

    pub(super) fn is_open(&self) -> bool {
        self.phase() == Phase::Running
    }

    /// Its thread was started.
    pub(super) fn runs_on(&self, os: JoinHandle<()>) {
        lock(&self.kin).os = Some(os);
    }

    // ---- the way out -----------------------------------------------------------------------------------------

    /// Asks a child to stop, because of that.
    pub(super) fn ask(&self, child: &Node, why: &str) {
        if !child.please_stop.is_go() && !child.has_stopped() {
            self.caught(|| child.please_stop.go_because(why));
        }
    }

    /// RUNNING → ENDING. From now on it takes no children; those it has, the newest first.
    pub(super) fn close(&self) -> Vec<Arc<Node>> {
        let mut kin = lock(&self.kin);
        kin.phase = Phase::Ending;
        kin.children.values().rev().cloned().collect()
    }

    /// RUNNING → ENDING, and all children to ENDED, by a thread with nothing else to do (H2).
    pub(super) fn end_children(&self) {
        let children = self.close();
        if children.is_empty() {
            return;
        }
        let mut grace = self.grace.map(|grace| Timeline::within(grace, None));
        let why = format!("{} has ended", self.path);
        if self.tells_children() {
            children.iter().for_each(|child| self.ask(child, &why));
        }
        for child in children {
            self.ask(&child, &why);
            if grace.as_mut().is_some_and(|grace| !grace.wait(&child)) {
                grace = None; // said once
                report::stuck(&self.stuck());
            }
            child.join();
            child.leave();
        }
    }

    /// RUNNING → ENDING once there are no children: waits for them, and those that they add meanwhile; the newest first.
    #[cfg(not(all(loom, feature = "loom")))]
    pub(super) fn join_children(&self) {
        loop {
            let mut kin = lock(&self.kin);
            let newest = kin.children.last_key_value().map(|(_, child)| child.clone());
            let Some(child) = newest else {
                kin.phase = Phase::Ending;
                break;
            };
            drop(kin);
            child.join();
            child.leave();
        }
    }

    /// The threads below that have not stopped.
    pub(super) fn stuck(&self) -> Stuck {
        Stuck::new(&self.path, Tree::of(self).into_threads().skip(1))
    }

    /// Waits until it has stopped, however long that takes; if nobody does so before, until its thread is gone.
    pub(super) fn join(&self) {
        // What hangs on the end of a thread runs on it, and waits for ends alone: threads there would wait for themselves, or for
        // one another.
        let is_over = here().is_some_and(|here| here.has_stopped());
        let os = if is_over { None } else { lock(&self.kin).os.take() };
        if let Some(os) = os {
            // What it ends with was caught on the thread.
            drop(blocked_on("join", &self.path, || os.join()));
        }
        self.end.wait();
    }

    /// ENDING → ENDED.
    pub(super) fn end(&self) {
        self.caught(|| self.end.go());
        let held = lock(&self.kin).held;
        if !held {
            self.leave();
        }
    }

    /// Nobody will join it.
    pub(super) fn let_go(&self) {
        lock(&self.kin).held = false;
        // Has it not, it finds that nobody holds it.
        if self.has_stopped() {
            self.leave();
        }
    }

    /// Out of the tree; panics that nobody was told of go up (J4).
    pub(super) fn leave(&self) {
        let (own, below) = {
            let kin = lock(&self.kin);
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
    pub(super) fn account(&self) -> (Option<Panic>, Vec<Panic>) {
        let below = if self.quit([]) { self.settle() } else { Vec::new() };
        let own = lock(&self.kin).panic.clone();
        (own, below)
    }

    /// Out of the parent's children, and those panics to the parent, in one step: whoever finds it gone finds them there (J4).
    /// False: somebody has done that before.
    fn quit(&self, up: impl IntoIterator<Item = Panic>) -> bool {
        let Some(parent) = &self.parent else {
            return !replace(&mut lock(&self.kin).over, true);
        };
        let mut kin = lock(&parent.kin);
        let me = kin.children.remove(&self.id);
        if me.is_some() {
            kin.below.extend(up);
        }
        drop(kin);
        me.is_some()
    }

    /// Panics of threads below, for the one who has taken it out of the tree; what comes from now on goes further up.
    fn settle(&self) -> Vec<Panic> {
        let (below, os) = {
            let mut kin = lock(&self.kin);
            kin.over = true;
            (take(&mut kin.below), kin.os.take())
        };
        drop(os);
        below
    }

    // ---- panics ----------------------------------------------------------------------------------------------

    /// Panics of threads below that nobody has joined, so far.
    pub(super) fn take_below(&self) -> Vec<Panic> {
        take(&mut lock(&self.kin).below)
    }

    /// Has them travel on, to the nearest above that has not been joined.
    pub(super) fn pass_up(&self, panics: Vec<Panic>) {
        if panics.is_empty() {
            return;
        }
        let mut at = self.parent.as_ref();
        while let Some(node) = at {
            let mut kin = lock(&node.kin);
            if !kin.over {
                return kin.below.extend(panics);
            }
            drop(kin);
            at = node.parent.as_ref();
        }
    }

    /// Runs the body: a panic of it is reported, and told to whoever joins.
    pub(super) fn body<R>(&self, f: impl FnOnce() -> R) -> Option<R> {
        self.reported(f).map_err(|panic| lock(&self.kin).panic = Some(panic)).ok()
    }

    pub(super) fn has_panicked(&self) -> bool {
        lock(&self.kin).panic.is_some()
    }

    /// Runs foreign code beside the body (callbacks, hooks, what is dropped): a panic of it is reported, and counts among those of
    /// threads below, so that the body's result is not lost by it.
    pub(super) fn caught<R>(&self, f: impl FnOnce() -> R) {
        let Err(panic) = self.reported(f) else { return };
        let mut kin = lock(&self.kin);
        if !kin.over {
            return kin.below.push(panic);
        }
        drop(kin);
        self.pass_up(vec![panic]);
    }

    /// A panic is reported at once (H5).
    fn reported<R>(&self, f: impl FnOnce() -> R) -> Result<R, Panic> {
        catch_unwind(AssertUnwindSafe(f)).map_err(|payload| {
            let panic = panics::of(&self.path, payload);
            let hook = self.family.as_ref().and_then(|family| family.on_panic.as_ref());
            panics::report(&panic, hook.map(|hook| &**hook));
            panic
        })
    }
}

/// A long way up is not gone by recursion.
impl Drop for Node {
    fn drop(&mut self) {
        let mut up = self.parent.take();
        while let Some(node) = up {
            up = Arc::try_unwrap(node).ok().and_then(|mut node| node.parent.take());
        }
    }
}
