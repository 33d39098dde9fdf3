//! Starting a thread.
use super::handle::{Packet, Thread};
use super::here::{Here, Heritage, here};
use super::node::{Kind, Node, Plan, StopOrder};
use super::reference::ThreadRef;
use crate::error::SpawnError;
use crate::signal::Signal;
use crate::sys::{self, Arc, JoinHandle};
use std::io;
use std::panic::{AssertUnwindSafe, Location, catch_unwind, resume_unwind};
use std::time::Duration;

/// How a thread is to be started. Made by [`Thread::builder`].
///
/// # Examples
/// ```
/// use stopwhen::{Signal, Thread};
///
/// let enough = Signal::named("enough");
/// let worker = Thread::builder("worker").stop_when(&enough).stack_size(256 << 10).run(|please_stop| please_stop.wait());
/// enough.go();
/// assert_eq!(worker.join(), Ok(()));
/// assert_eq!(worker.please_stop().cause().unwrap().name(), Some("enough"));
/// ```
#[derive(Debug, Clone)]
#[must_use = "it starts nothing before `run`"]
pub struct Builder {
    name: Box<str>,
    stop_when: Option<Signal>,
    stack_size: Option<usize>,
    under: Option<ThreadRef>,
    order: StopOrder,
    grace: Option<Duration>,
}

impl Builder {
    pub(super) fn new(name: &str) -> Builder {
        Builder {
            name: name.into(),
            stop_when: None,
            stack_size: None,
            under: None,
            order: StopOrder::AllReverse,
            grace: None,
        }
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Also asks it to stop when `cond` goes. Its own `stop` does not raise `cond`. Of several, each does.
    pub fn stop_when(mut self, cond: impl Into<Signal>) -> Builder {
        let cond = cond.into();
        self.stop_when = Some(match self.stop_when {
            Some(before) => before | cond,
            None => cond,
        });
        self
    }

    /// The size of its stack in bytes; by default the platform's, or what `RUST_MIN_STACK` says.
    pub fn stack_size(mut self, bytes: usize) -> Builder {
        self.stack_size = Some(bytes);
        self
    }

    /// Starts it under that thread, not under the one that calls.
    ///
    /// ```
    /// use stopwhen::{Root, Thread};
    ///
    /// let server = Root::new("server");
    /// // On a thread of no tree, an executor's say:
    /// let worker = Thread::builder("worker").under(server.as_ref()).run(|please_stop| please_stop.wait());
    /// assert_eq!(worker.path(), "server/worker");
    /// server.stop();
    /// assert_eq!(worker.join(), Ok(()));
    /// ```
    pub fn under(mut self, parent: &ThreadRef) -> Builder {
        self.under = Some(parent.clone());
        self
    }

    /// In which order it stops its own children when it ends.
    pub fn order(mut self, order: StopOrder) -> Builder {
        self.order = order;
        self
    }

    /// How long its children, and what hangs on their ends, may take once its body is over, before that is reported (to standard error,
    /// or `tracing`'s subscriber), once. It waits for them all the same.
    pub fn grace(mut self, d: Duration) -> Builder {
        self.grace = Some(d);
        self
    }

    /// Starts it.
    ///
    /// # Panics
    /// If the platform refuses, or if the parent it was to have has ended: [`try_run`](Builder::try_run) tells.
    #[track_caller]
    pub fn run<R: Send + 'static>(self, f: impl FnOnce(&Signal) -> R + Send + 'static) -> Thread<R> {
        match self.try_run(f) {
            Ok(thread) => thread,
            Err(refused) => panic!("{refused}"),
        }
    }

    /// Starts it, if that can be done.
    ///
    /// ```
    /// use std::time::Duration;
    /// use stopwhen::{Root, Thread};
    ///
    /// let server = Root::new("server");
    /// server.shutdown(Duration::from_secs(10)).expect("nobody is stuck");
    /// let late = Thread::builder("late").under(server.as_ref()).try_run(|_| unreachable!());
    /// println!("{}", late.unwrap_err());
    /// ```
    ///
    /// # Errors
    /// [`SpawnError`] if the platform refuses, or if the thread it was to be [`under`](Builder::under) has ended its body. `f` is
    /// dropped then.
    #[doc(alias = "spawn")]
    #[track_caller]
    pub fn try_run<R: Send + 'static>(
        self,
        f: impl FnOnce(&Signal) -> R + Send + 'static,
    ) -> Result<Thread<R>, SpawnError> {
        let (thread, name, stack, life) = self.prepare(f)?;
        started(thread, || sys::spawn(name, stack, life).map(Some))
    }

    /// A thread in its place in the tree, the platform's name for it, the size of its stack, and what it is to run.
    #[allow(clippy::type_complexity, reason = "the closure has no name")]
    #[track_caller]
    pub(super) fn prepare<'a, R: Send + 'a>(
        self,
        f: impl FnOnce(&Signal) -> R + Send + 'a,
    ) -> Result<(Thread<R>, String, Option<usize>, impl FnOnce() + Send + 'a), SpawnError> {
        let (node, stack) = self.into_node()?;
        let packet = Arc::new(Packet::new());
        let thread = Thread { me: ThreadRef(node.clone()), packet: packet.clone() };
        let (name, heritage) = (os_name(&node.name), Heritage::of_this_thread());
        let life = move || {
            let here = Here::enter(&node, heritage);
            live(node, packet, f, here);
        };
        Ok((thread, name, stack, life))
    }

    /// A node in its place in the tree.
    #[track_caller]
    fn into_node(self) -> Result<(Arc<Node>, Option<usize>), SpawnError> {
        let Builder { name, stop_when, stack_size, under, order, grace } = self;
        let parent = match under {
            Some(parent) => Some(parent.0),
            None => nearest_open(here()),
        };
        let node = Node::new(Plan {
            name,
            kind: Kind::Started,
            family: parent.as_ref().and_then(|parent| parent.family.clone()),
            hangs: parent.as_ref().is_some_and(|parent| parent.tells_children()),
            parent,
            stop_when,
            order,
            grace,
            held: true,
            place: Location::caller(),
        });
        match &node.parent {
            Some(parent) if !parent.adopt(&node) => Err(SpawnError::ParentEnded { path: (&*node.path).into() }),
            _ => Ok((node, stack_size)),
        }
    }
}

/// The nearest that takes children: what hangs on the end of a thread may start others. All have ended: the last, which refuses; none
/// after the end of one that was a root of its own.
pub(super) fn nearest_open(mut at: Option<Arc<Node>>) -> Option<Arc<Node>> {
    while let Some(node) = at {
        match &node.parent {
            Some(parent) if !node.is_open() => at = Some(parent.clone()),
            None if node.kind != Kind::Root && node.has_stopped() => return None,
            _ => return Some(node),
        }
    }
    None
}

/// The whole of a thread's life, on that thread.
fn live<R>(node: Arc<Node>, packet: Arc<Packet<R>>, f: impl FnOnce(&Signal) -> R, mut here: Here) {
    // May unwind: nothing of ours is half done here, nor in what else is caught.
    let result = node.body(|| f(&node.please_stop));
    node.end_children();
    node.caught(|| Packet::fill(packet, result));
    here.last_words();
    // What hangs on its end is of this thread, still.
    Node::end(&node);
    drop(here);
}

/// Has the platform start a thread that was prepared.
pub(super) fn started<R>(
    thread: Thread<R>,
    start: impl FnOnce() -> io::Result<Option<JoinHandle<()>>>,
) -> Result<Thread<R>, SpawnError> {
    let node = &thread.me.0;
    // May unwind: refused, it drops the body, which is foreign.
    match catch_unwind(AssertUnwindSafe(start)) {
        Ok(Ok(os)) => os.into_iter().for_each(|os| node.runs_on(os)),
        Ok(Err(e)) => return Err(refused(node, &e)),
        Err(panic) => {
            refused(node, &io::ErrorKind::Other.into());
            resume_unwind(panic)
        }
    }
    Ok(thread)
}

/// The platform has started no thread for a node.
fn refused(node: &Arc<Node>, e: &io::Error) -> SpawnError {
    node.end_children(); // somebody may have found it in the tree
    Node::end(node);
    node.let_go();
    SpawnError::refused(&node.path, e)
}

/// What the platform is given: at most as many bytes as it keeps, whole characters, and no NUL (H8).
fn os_name(name: &str) -> String {
    /// Of Linux; the others that have a limit keep more.
    const MOST: usize = if cfg!(any(target_os = "linux", target_os = "android")) { 15 } else { 63 };
    let end = (0..=name.len().min(MOST)).rev().find(|&i| name.is_char_boundary(i));
    name[..end.unwrap_or(0)].replace('\0', "_")
}

#[cfg(test)]
mod tests {
    use super::os_name;

    /// H8
    #[test]
    fn h8_names_are_cut_at_a_character() {
        assert_eq!(os_name("worker"), "worker");
        assert_eq!(os_name("a\0b"), "a_b");
        let long = "ü".repeat(40);
        assert!(long.starts_with(&os_name(&long)));
        assert!([14, 62].contains(&os_name(&long).len()));
    }
}
