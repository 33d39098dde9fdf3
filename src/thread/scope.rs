//! Threads that borrow.
use super::handle::Thread;
use super::here::{Runs, here};
use super::node::{Kind, Node, Plan, StopOrder};
use super::reference::ThreadRef;
use super::start::{Builder, nearest_open, started};
use crate::error::SpawnError;
use crate::signal::Signal;
use crate::sys::{self, Arc};
use std::fmt;
use std::panic::{AssertUnwindSafe, Location, catch_unwind, resume_unwind};

/// Where threads are started that may borrow from their parent. Given by [`scope`].
///
/// It is a handle: a clone may be moved into a thread of the scope, which starts others there.
#[doc(alias = "JoinSet")]
#[doc(alias = "TaskGroup")]
#[derive(Clone)]
pub struct Scope<'scope, 'env: 'scope> {
    threads: &'scope sys::Scope<'scope, 'env>,
    me: ThreadRef,
}

/// Runs `f`, whose threads may borrow what lives longer than this call, and waits for them.
///
/// The threads are in the tree, below the one that calls. They are asked to stop when that is, or by [`Scope::stop`]; the end of the scope
/// joins them and does not stop them, unless `f` panics.
///
/// ```
/// use stopwhen::thread;
///
/// let numbers = [1, 2, 3, 4];
/// let (left, right) = numbers.split_at(2);
/// let sum: i32 = thread::scope(|scope| {
///     let left = scope.run("left", |_| left.iter().sum::<i32>());
///     let right = scope.run("right", |_| right.iter().sum::<i32>());
///     left.join().unwrap() + right.join().unwrap()
/// });
/// assert_eq!(sum, 10);
/// ```
///
/// # Blocking
/// Until all threads of the scope have stopped: for ever, where it is attached to a thread's [`stopped`](Thread::stopped), if one of them
/// joins that thread.
///
/// # Panics
/// If `f` does, once its threads have stopped; else if one of the threads did that nobody had joined.
#[doc(alias = "WaitGroup")]
#[doc(alias = "JoinSet")]
#[track_caller]
pub fn scope<'env, R>(f: impl for<'scope> FnOnce(&Scope<'scope, 'env>) -> R) -> R {
    let parent = nearest_open(here());
    let family = parent.as_ref().and_then(|parent| parent.family.clone());
    let place = Location::caller();
    let node = |parent: Option<Arc<Node>>, stop_when| {
        Node::new(Plan {
            name: "scope".into(),
            kind: Kind::Scope,
            family: family.clone(),
            parent,
            stop_when,
            hangs: true, // whatever the order: until the scope is over the parent's body is not
            order: StopOrder::AllReverse,
            grace: None,
            held: true,
            place,
        })
    };
    let mut me = node(parent.clone(), None);
    if let Some(parent) = parent.as_ref().filter(|parent| !parent.adopt(&me)) {
        // All above are about to end, and do not wait for this; but it hears of what they are told.
        me = node(None, Some(parent.please_stop.view()));
    }
    let me = ThreadRef(me);
    let _runs = Runs::enter(&me.0);
    // May unwind: as std's scope does if a thread of its panics beyond its body.
    let play = || {
        sys::scope(|threads| {
            let scope = Scope { threads, me: me.clone() };
            // May unwind: nothing is half done, and that goes on when the threads have stopped.
            let result = catch_unwind(AssertUnwindSafe(|| f(&scope)));
            if result.is_err() {
                me.0.ask(&me.0, "its scope panicked");
            }
            me.0.join_children();
            result
        })
    };
    let result = catch_unwind(AssertUnwindSafe(play)).unwrap_or_else(Err);
    let (_, panics) = me.0.account(); // before anybody sees that it has ended, and takes them
    Node::end(&me.0);
    match result {
        Err(panic) => {
            Node::tell_above(parent.as_ref(), panics);
            resume_unwind(panic)
        }
        Ok(_) if !panics.is_empty() => {
            let all: Vec<_> = panics.iter().map(ToString::to_string).collect();
            panic!("nobody has joined, of this scope: {}", all.join("; "))
        }
        Ok(result) => result,
    }
}

impl<'scope> Scope<'scope, '_> {
    /// Starts a thread.
    ///
    /// # Panics
    /// If the platform refuses, or if the scope takes no more: it is over, or a [`Registration`](super::Registration) of its thread was
    /// dropped in it. [`try_run`](Scope::try_run) tells instead.
    #[doc(alias = "spawn")]
    #[track_caller]
    pub fn run<R: Send + 'scope>(
        &self,
        name: impl AsRef<str>,
        f: impl FnOnce(&Signal) -> R + Send + 'scope,
    ) -> Thread<R> {
        match self.try_run(Builder::new(name.as_ref()), f) {
            Ok(thread) => thread,
            Err(refused) => panic!("{refused}"),
        }
    }

    /// Starts a thread as the builder says, but [`under`](Builder::under) this scope.
    ///
    /// # Errors
    /// [`SpawnError`] if the platform refuses, or the scope takes no more.
    #[track_caller]
    pub fn try_run<R: Send + 'scope>(
        &self,
        builder: Builder,
        f: impl FnOnce(&Signal) -> R + Send + 'scope,
    ) -> Result<Thread<R>, SpawnError> {
        let (thread, name, stack, life) = builder.under(&self.me).prepare(f)?;
        started(thread, || sys::spawn_scoped(self.threads, name, stack, life).map(|()| None))
    }

    /// Asks all threads of the scope to stop; true for the one call that did.
    ///
    /// ```
    /// use stopwhen::thread;
    ///
    /// thread::scope(|scope| {
    ///     scope.run("ticker", |please_stop| please_stop.wait()).release();
    ///     scope.stop(); // or the end of the scope would wait for ever
    /// });
    /// ```
    ///
    /// # Panics
    /// As [`Signal::go`]: if a callback of a please_stop does.
    #[track_caller]
    pub fn stop(&self) -> bool {
        self.me.stop()
    }

    /// What asks the threads of the scope to stop.
    pub fn please_stop(&self) -> &Signal {
        self.me.please_stop()
    }
}

impl AsRef<ThreadRef> for Scope<'_, '_> {
    fn as_ref(&self) -> &ThreadRef {
        &self.me
    }
}

impl fmt::Debug for Scope<'_, '_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Scope").field(&self.me).finish()
    }
}
