//! What a thread sleeps on, for whoever asks why it does not end.
//!
//! A thread that has a watch leaves a note there when it is about to sleep, and takes it back when it wakes: two steps of a small
//! lock that hardly anybody else wants. It lies in the sleeper's own frames, so nothing is allocated. Threads without a
//! watch pay a look at a thread-local.
//!
//! # Invariants
//! - Y1  What a note points at lives until its `Posting` is dropped, which takes the watch's lock. Whoever looks does so under that
//!   lock, and takes counted users along.
use super::clock::thread_clock;
use super::core::Core;
use super::handle::{Handle, User};
use super::mutex::Mutex;
use super::term::{Leaf, Leaves, Term};
use crate::sys::{self, Moment, Shared};
use std::cell::RefCell;
use std::marker::PhantomData;

/// Where one thread says what it sleeps on.
pub(crate) struct Watch(Mutex<Option<Note>>);

/// Y1.
#[derive(Clone, Copy)]
struct Note {
    what: &'static str,
    name: Option<*const str>,
    on: Option<*const Core>,
    until: Option<*const Term<'static>>,
    end: Moment,
    since: Moment,
}

// SAFETY: followed under the watch's lock alone, while the sleeper keeps what it points at (Y1).
unsafe impl Send for Note {}

/// What a thread sleeps on.
pub(crate) struct Sleep {
    /// In words: `in Queue::pop`, `for its next turn`.
    pub what: &'static str,
    /// The name of the thing, if it has one.
    pub name: Option<String>,
    /// The signal itself that is waited for.
    pub on: Option<User>,
    /// What else ends it.
    pub until: Vec<User>,
    /// When time does; `NEVER`: it does not.
    pub end: Moment,
    /// When the wait first slept, by the clock that the thread lives by.
    pub since: Moment,
}

sys::thread_local! {
    #[allow(clippy::missing_const_for_thread_local, reason = "loom's has no const form")]
    static WATCH: RefCell<Option<Shared<Watch>>> = RefCell::new(None);
}

/// Has this thread leave its notes there from now on; says where it did so before.
pub(crate) fn watch_here(watch: Option<Shared<Watch>>) -> Option<Shared<Watch>> {
    WATCH.try_with(|mine| mine.replace(watch)).unwrap_or(None)
}

/// The time by which this thread lives.
fn moment() -> Moment {
    thread_clock().map_or_else(sys::now, |clock| clock.now())
}

impl Watch {
    pub(crate) fn new() -> Watch {
        Watch(Mutex::new(None))
    }

    /// What the thread sleeps on; `None`: it is awake, or sleeps elsewhere.
    pub(crate) fn look(&self) -> Option<Sleep> {
        let held = self.0.lock();
        let note = (*held)?;
        let mut until = Vec::new();
        // SAFETY: Y1, under the lock.
        let (name, on) = unsafe {
            if let Some(term) = note.until {
                (*term).visit(&mut |leaf| {
                    if let Leaf::Signal(signal) = leaf {
                        until.push(signal.user());
                    }
                });
            }
            (note.name.map(|name| String::from(&*name)), note.on.map(|core| User::of(&*core)))
        };
        drop(held);
        Some(Sleep { what: note.what, name, on, until, end: note.end, since: note.since })
    }
}

/// A note that is taken back when this is dropped.
pub(super) struct Posting<'a> {
    /// Where it is to be taken back.
    watch: Option<Shared<Watch>>,
    _there: PhantomData<&'a ()>,
}

impl<'a> Posting<'a> {
    /// About to sleep at a signal's own gate.
    pub fn at_gate(core: &'a Core, end: Moment, since: &mut Option<Moment>) -> Posting<'a> {
        Posting::new(|| {
            let since = *since.get_or_insert_with(moment);
            Note { what: "for a signal", name: None, on: Some(core), until: None, end, since }
        })
    }

    /// About to sleep until that term, and perhaps on one signal more.
    pub fn in_line(term: &'a Term<'_>, more: Option<&'a Handle>) -> Posting<'a> {
        Posting::new(|| {
            let term = term.asked();
            let (what, name) = term.subject();
            Note {
                what,
                name: name.map(|name| name as *const str),
                on: more.map(|signal| signal.core() as *const Core),
                until: Some((term as *const Term<'_>).cast()),
                end: term.end(),
                since: term.since(moment),
            }
        })
    }

    fn new(note: impl FnOnce() -> Note) -> Posting<'a> {
        let watch = WATCH.try_with(|mine| mine.borrow().clone()).ok().flatten();
        let watch = watch.filter(|watch| {
            let note = note();
            let mut noted = watch.0.lock();
            let mine = noted.is_none(); // else this is part of a longer wait, as a shutdown is, whose note stays
            noted.get_or_insert(note);
            mine
        });
        Posting { watch, _there: PhantomData }
    }
}

impl Drop for Posting<'_> {
    fn drop(&mut self) {
        if let Some(watch) = &self.watch {
            *watch.0.lock() = None;
        }
    }
}

/// Runs `f`, which blocks in ways of its own: what a person is told of it is that term.
pub(crate) fn blocked_on<R>(term: &Term<'_>, f: impl FnOnce() -> R) -> R {
    let posting = Posting::in_line(term, None);
    let result = f();
    drop(posting);
    result
}
