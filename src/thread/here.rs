//! Which thread of the tree this is.
use super::node::{Kind, Node};
use super::reference::ThreadRef;
use crate::error::Stopped;
use crate::report::{Listener, Span};
use crate::signal::{Cancel, Signal, Then};
use crate::sys::{self, Arc, Shared};
use crate::till;
use crate::wait::{Clock, enter_clock, leave_clock, thread_clock, watch_here};
use std::cell::RefCell;
use std::marker::PhantomData;
use std::time::Duration;

sys::thread_local! {
    /// The nodes that this thread is: of a root whose body it runs, or that has taken it in, the latest last.
    #[allow(clippy::missing_const_for_thread_local, reason = "loom's has no const form")]
    static HERE: RefCell<Vec<Arc<Node>>> = RefCell::new(Vec::new());
}

sys::thread_local! {
    /// The nodes whose scope this thread is in, or whose end it runs; roots of which it runs what hangs on their shutdown's signals.
    #[allow(clippy::missing_const_for_thread_local, reason = "loom's has no const form")]
    static RUNS: RefCell<Vec<Arc<Node>>> = RefCell::new(Vec::new());
}

/// While it lives this thread is in the scope of that node, or runs its end, or what hangs on its shutdown's signals, whichever node
/// it is.
pub(super) struct Runs {
    node: Arc<Node>,
    _of_this_thread: PhantomData<*const ()>,
}

impl Runs {
    pub(super) fn enter(node: &Arc<Node>) -> Runs {
        let _ = RUNS.try_with(|all| all.borrow_mut().push(node.clone()));
        Runs { node: node.clone(), _of_this_thread: PhantomData }
    }
}

impl Drop for Runs {
    fn drop(&mut self) {
        drop(RUNS.try_with(|all| take_out(&mut all.borrow_mut(), &self.node)));
    }
}

/// Takes the latest such node out.
fn take_out(all: &mut Vec<Arc<Node>>, node: &Arc<Node>) -> Option<Arc<Node>> {
    let at = all.iter().rposition(|other| Arc::ptr_eq(other, node))?;
    Some(all.remove(at))
}

/// Whether that holds of a node that this thread is, whose scope it is in, or whose end it runs.
fn any_here(f: impl Fn(&Arc<Node>) -> bool) -> bool {
    [&HERE, &RUNS].iter().any(|all| all.try_with(|all| all.borrow().iter().any(&f)).unwrap_or(false))
}

/// Tells which thread of a tree this is; `None`: it was started elsewhere, and not [registered](fn@super::register).
///
/// # Examples
/// ```
/// use stopwhen::{Thread, thread};
///
/// assert!(thread::current().is_none());
/// let name = Thread::run("worker", |_| thread::current().unwrap().name().to_owned());
/// assert_eq!(name.join().unwrap(), "worker");
/// ```
#[doc(alias = "current_thread")]
pub fn current() -> Option<ThreadRef> {
    here().map(ThreadRef)
}

pub(super) fn here() -> Option<Arc<Node>> {
    HERE.try_with(|all| all.borrow().last().cloned()).ok().flatten()
}

/// Whether this thread is that node, the latest or not, or runs its end.
pub(super) fn is_here(id: u64) -> bool {
    any_here(|here| here.id == id)
}

/// Whether this thread runs the end of a node. (Of a root other threads do.)
pub(super) fn is_over() -> bool {
    any_here(|here| here.has_stopped() && here.kind != Kind::Root)
}

/// Whether this thread runs what hangs on the signals of that root's shutdown.
pub(super) fn runs(root: &Arc<Node>) -> bool {
    RUNS.try_with(|all| all.borrow().iter().any(|node| Arc::ptr_eq(node, root))).unwrap_or(false)
}

/// Whether that node cannot stop before this thread goes on.
pub(super) fn waits_for_here(node: &Node) -> bool {
    any_here(|here| node.is_above(here))
}

/// Sleeps for so long, or until this thread is asked to stop.
///
/// The time is that of the clock this thread lives by. On a thread of no tree it is just a sleep.
///
/// # Examples
/// ```
/// use std::time::Duration;
/// use stopwhen::{Stopped, Thread, thread};
///
/// let worker = Thread::run("worker", |_| thread::sleep(Duration::from_secs(3600)));
/// worker.stop();
/// assert_eq!(worker.join().unwrap(), Err(Stopped));
/// ```
///
/// # Blocking
/// So long at most.
///
/// # Errors
/// [`Stopped`] if the thread's please_stop is go, or goes meanwhile.
pub fn sleep(d: Duration) -> Result<(), Stopped> {
    let asked = match here() {
        Some(node) => node.please_stop.wait_until(d),
        None => Signal::never().wait_until(d),
    };
    if asked.is_ok() { Err(Stopped) } else { Ok(()) }
}

/// What a thread takes on from the one that starts it.
#[derive(Default)]
pub(super) struct Heritage {
    clock: Option<Shared<dyn Clock>>,
    listener: Listener,
}

impl Heritage {
    pub(super) fn of_this_thread() -> Heritage {
        Heritage { clock: thread_clock(), listener: Listener::of_this_thread() }
    }
}

/// While it lives this thread is that node, and lives by that clock. Of several on one thread the latest that is left counts, in
/// whatever order they end.
pub(super) struct Here {
    node: Arc<Node>,
    clock: Option<Shared<dyn Clock>>,
    asked: Option<(Then, Shared<dyn Fn() + Send + Sync>)>,
    _span: Span,
    _of_this_thread: PhantomData<*const ()>,
}

impl Here {
    pub(super) fn enter(node: &Arc<Node>, Heritage { clock, listener }: Heritage) -> Here {
        if let Some(clock) = &clock {
            enter_clock(clock.clone());
        }
        let _span = Span::enter(&node.path, listener);
        let _ = HERE.try_with(|all| all.borrow_mut().push(node.clone()));
        live_as(Some(node));
        let asked = Listener::of_stops().map(|listener| tell_of_stop(node, listener));
        Here { node: node.clone(), clock, asked, _span, _of_this_thread: PhantomData }
    }
}

/// Has this thread say there what it waits on, and its Tills go with that root's (T8).
fn live_as(node: Option<&Arc<Node>>) {
    watch_here(node.filter(|_| sys::watching()).map(|node| node.watch.clone()));
    till::release_with(node.and_then(|node| node.family.as_ref()).map(|family| family.release.clone()));
}

/// Has the listener hear that this thread is asked to stop, and why. To be taken back: it would hang on what is above.
#[cold]
fn tell_of_stop(node: &Node, listener: Listener) -> (Then, Shared<dyn Fn() + Send + Sync>) {
    let (path, please_stop) = (node.path.clone(), node.please_stop.view());
    let tell = Shared::new(move || please_stop.cause().iter().for_each(|why| listener.asked(&path, why)));
    (
        node.please_stop.then({
            let tell = tell.clone();
            move || tell()
        }),
        tell,
    )
}

impl Here {
    /// The thread is about to have stopped: what is to be told of it by then.
    pub(super) fn last_words(&mut self) {
        if let Some((asked, tell)) = self.asked.take() {
            if asked.cancel_and_wait() == Cancel::Removed {
                tell(); // woken, and at its end, before the callback's turn
            }
        }
    }
}

impl Drop for Here {
    fn drop(&mut self) {
        self.last_words();
        drop(HERE.try_with(|all| take_out(&mut all.borrow_mut(), &self.node)));
        live_as(here().as_ref());
        if let Some(clock) = &self.clock {
            leave_clock(clock);
        }
    }
}
