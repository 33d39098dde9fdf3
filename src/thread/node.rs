//! A node: what the tree knows of one thread.
mod account;
mod late;

use super::here::{Runs, is_over, waits_for_here};
use super::shutdown::Timeline;
use crate::error::Panic;
use crate::signal::Signal;
use crate::sys::{Arc, JoinHandle, Shared, current, next_number};
use crate::wait::{Firing, Mutex, Term, Watch, blocked_on};
use std::collections::BTreeMap;
use std::error::Error;
use std::panic::Location;
use std::time::Duration;

pub(super) use late::Late;

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
    /// Where it was made: the place that causes tell of what it raises.
    place: &'static Location<'static>,
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
    /// What is in `below` is being put into the parent's: nobody else takes it.
    leaving: bool,
    /// A join was told of `panic`.
    told: bool,
    /// There is a handle by which it may be joined.
    held: bool,
    /// The first that waits without end joins the thread itself.
    os: Option<JoinHandle<()>>,
    /// What hangs on its end has been run.
    gone: bool,
    /// Goes by that, if somebody waits for it.
    going: Option<Signal>,
    /// Of those that left it before they were gone: what they go by.
    late: Vec<Late>,
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
    pub place: &'static Location<'static>,
}

impl Node {
    pub(super) fn new(plan: Plan) -> Arc<Node> {
        let Plan { name, kind, parent, family, stop_when, hangs, order, grace, held, place } = plan;
        let name = or_numbered(name);
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
            leaving: false,
            told: false,
            held,
            os: None,
            gone: false,
            going: None,
            late: Vec::new(),
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
            place,
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
        self.kin.lock().phase
    }

    /// Those that have not stopped, the oldest first.
    pub(super) fn children(&self) -> Vec<Arc<Node>> {
        let mut all: Vec<Arc<Node>> = self.kin.lock().children.values().cloned().collect();
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

    /// What is raised when it has stopped.
    pub(super) fn end_signal(&self) -> &Signal {
        &self.end
    }

    // ---- the way in ------------------------------------------------------------------------------------------

    /// Takes a child, if this is RUNNING (J1).
    pub(super) fn adopt(&self, child: &Arc<Node>) -> bool {
        let mut kin = self.kin.lock();
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
        let mut kin = self.kin.lock();
        if !kin.over {
            kin.os = Some(os); // else it has left the tree already
        }
    }

    // ---- the way out -----------------------------------------------------------------------------------------

    /// Asks a thread to stop, because of that.
    pub(super) fn ask(&self, node: &Node, why: &str) {
        self.ask_all([node], why);
    }

    /// Asks these to stop, in that order; all have been asked before any foreign code is run.
    pub(super) fn ask_all<'a>(&self, nodes: impl IntoIterator<Item = &'a Node>, why: &str) {
        let nodes = nodes.into_iter().filter(|node| !node.please_stop.is_go() && !node.has_stopped());
        let firings: Vec<_> = nodes.filter_map(|node| self.raise(node, why)).collect();
        firings.into_iter().for_each(|firing| self.finish(firing));
    }

    fn raise(&self, node: &Node, why: &str) -> Option<Firing> {
        let why: Box<dyn Error + Send + Sync> = why.into();
        node.please_stop.0.go_but_callbacks(Some(why.into()), self.place)
    }

    /// RUNNING → ENDING. From now on it takes no children; those it has, the newest first.
    pub(super) fn close(&self) -> Vec<Arc<Node>> {
        let mut kin = self.kin.lock();
        kin.phase = Phase::Ending;
        kin.children.values().rev().cloned().collect()
    }

    /// RUNNING → ENDING, and all children to ENDED, by a thread with nothing else to do (H2).
    pub(super) fn end_children(&self) {
        let (children, mut grace) = (self.close(), self.grace.map(Timeline::within));
        if !children.is_empty() {
            self.end_all(children, &mut grace);
        }
        self.wait_for_late(&mut grace);
    }

    fn end_all(&self, children: Vec<Arc<Node>>, grace: &mut Option<Timeline>) {
        let why = format!("{} has ended", self.path);
        if self.tells_children() {
            self.ask_all(children.iter().map(|child| &**child), &why);
        }
        for child in children {
            if !self.tells_children() {
                self.wait_for_late(grace); // those were newer
            }
            self.ask(&child, &why);
            if waits_for_here(&child) {
                child.end_children(); // a scope that goes on when this thread does: its threads end now
                continue;
            }
            if grace.is_some() {
                self.wait_within(grace, &child.stopped);
                child.going().iter().for_each(|going| self.wait_within(grace, going));
            }
            child.join();
            child.leave();
        }
    }

    /// RUNNING → ENDING once there are no children: waits for them, and those that they add meanwhile, be it at their ends; the newest
    /// first.
    #[cfg(not(all(loom, feature = "loom")))]
    pub(super) fn join_children(&self) {
        loop {
            let newest = self.kin.lock().children.last_key_value().map(|(_, child)| child.clone());
            if let Some(child) = newest {
                child.join();
                child.leave();
                continue;
            }
            self.wait_for_late(&mut None);
            let mut kin = self.kin.lock();
            if kin.children.is_empty() && kin.late.iter().all(|late| late.going.is_go() || late.is_here()) {
                kin.phase = Phase::Ending;
                break;
            }
        }
    }

    /// Waits until it has stopped, however long that takes; if nobody does so before, until its thread is gone.
    pub(super) fn join(&self) {
        // What hangs on the end of a thread runs on it, and waits for ends alone: threads there would wait for themselves, or for
        // one another.
        let is_over = is_over();
        let os = if is_over { None } else { self.kin.lock().os.take() };
        // What a thread-local of its own holds is dropped last of all.
        let os = os.filter(|os| os.thread().id() != current().id());
        if let Some(os) = os {
            // What it ends with was caught on the thread.
            drop(blocked_on(&self.join_of(), || os.join()));
        }
        match self.going() {
            Some(going) if !is_over => blocked_on(&self.join_of(), || going.wait()),
            _ => self.end.wait(),
        }
    }

    fn join_of(&self) -> Term<'_> {
        Term::never("in join").named(Some(&self.path))
    }

    /// ENDING → ENDED.
    pub(super) fn end(node: &Arc<Node>) {
        let _runs = Runs::enter(node);
        // One step with whether it is gone by that, for whoever finds that it has stopped. No foreign code is run in it (J5).
        let firing = {
            let mut kin = node.kin.lock();
            let firing = node.end.0.begin_go(node.place);
            kin.gone = !firing.as_ref().is_some_and(Firing::has_callbacks);
            firing
        };
        if let Some(firing) = firing {
            node.finish(firing);
        }
        let (held, going) = {
            let mut kin = node.kin.lock();
            kin.gone = true;
            (kin.held, kin.going.take())
        };
        if !held {
            node.leave();
        }
        if let Some(going) = going {
            going.go();
        }
    }

    /// Nobody will join it.
    pub(super) fn let_go(&self) {
        self.kin.lock().held = false;
        // Has it not, it finds that nobody holds it.
        if self.has_stopped() {
            self.leave();
        }
    }
}

/// A name of its own for who was given none (H8).
pub(super) fn or_numbered(name: Box<str>) -> Box<str> {
    if name.is_empty() { format!("thread-{}", next_number()).into() } else { name }
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
