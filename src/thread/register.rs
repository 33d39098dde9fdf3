//! Threads that were started elsewhere, and belong to the tree for a while.
use super::here::{Here, Heritage, here};
use super::node::{Kind, Node, Plan, StopOrder};
use super::reference::ThreadRef;
use super::root::{Root, program};
use crate::signal::Signal;
use crate::sys::Arc;
use std::fmt;
use std::panic::Location;

/// Membership of a thread that was started elsewhere. Made by [`register`] and [`Root::register`].
///
/// As long as it lives, threads that this thread starts are below it, [`current`](super::current) and [`sleep`](super::sleep) know it, and a
/// shutdown waits for it. Dropping it stops and joins those threads; in a [`scope`](fn@super::scope) that this thread is in, those of the
/// scope, too, which takes no more.
///
/// # Blocking
/// Dropping it does, until the threads below have stopped.
#[must_use = "the thread leaves the tree when this is dropped"]
pub struct Registration {
    me: ThreadRef,
    /// `None`: it was in a tree before.
    here: Option<Here>,
}

/// Makes the calling thread, which was started elsewhere, part of the program's tree, until what this returns is dropped.
///
/// It is put below the root whose [`run`](crate::run) is at work (of several, as there may be in tests, the latest: use
/// [`Root::register`]); if there is none it is a root of its own. On a thread that is in a tree already this changes nothing.
///
/// ```
/// use stopwhen::{Thread, thread};
///
/// // Called by a library, on a thread of its own:
/// fn callback() {
///     let registration = thread::register("callback");
///     let helper = Thread::run("helper", |please_stop| please_stop.wait());
///     assert_eq!(helper.path(), "callback/helper");
/// } // the helper is stopped and joined here
/// std::thread::spawn(callback).join().unwrap();
/// ```
#[doc(alias = "RegisterThread")]
#[track_caller]
pub fn register(name: impl AsRef<str>) -> Registration {
    Registration::new(name.as_ref(), program)
}

impl Root {
    /// Makes the calling thread, which was started elsewhere, part of this tree, until what this returns is dropped.
    ///
    /// On a thread that is in a tree already this changes nothing.
    #[track_caller]
    pub fn register(&self, name: impl AsRef<str>) -> Registration {
        Registration::new(name.as_ref(), || Some(self.node().clone()))
    }
}

impl Registration {
    #[track_caller]
    fn new(name: &str, parent: impl FnOnce() -> Option<Arc<Node>>) -> Registration {
        if let Some(node) = here() {
            return Registration { me: ThreadRef(node), here: None };
        }
        let name = Box::<str>::from(name);
        let (parent, place) = (parent(), Location::caller());
        let node = |parent: Option<Arc<Node>>, stop_when| {
            Node::new(Plan {
                name: Box::clone(&name),
                kind: Kind::Registered,
                family: parent.as_ref().and_then(|parent| parent.family.clone()),
                hangs: parent.as_ref().is_some_and(|parent| parent.tells_children()),
                parent,
                stop_when,
                order: StopOrder::AllReverse,
                grace: None,
                held: false,
                place,
            })
        };
        let mut me = node(parent.clone(), None);
        if let Some(parent) = parent {
            if !parent.adopt(&me) {
                // Shut down: it is in nobody's way, and has been asked to stop.
                me = node(None, Some(parent.please_stop.view()));
            }
        }
        let here = Here::enter(&me, Heritage::default());
        Registration { me: ThreadRef(me), here: Some(here) }
    }

    /// What asks the thread to stop.
    pub fn please_stop(&self) -> &Signal {
        self.me.please_stop()
    }
}

impl Drop for Registration {
    fn drop(&mut self) {
        if let Some(here) = self.here.take() {
            self.me.0.end_children();
            drop(here);
            Node::end(&self.me.0);
        }
    }
}

impl AsRef<ThreadRef> for Registration {
    fn as_ref(&self) -> &ThreadRef {
        &self.me
    }
}

impl fmt::Debug for Registration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Registration").field(&self.me).finish()
    }
}
