//! The safe doors of the engine room: what the rest of the crate holds instead of pointers.
use super::callback::Hook;
use super::compose::Comp;
use super::core::{Core, Kind, less};
use super::fire::Work;
use super::firing::Firing;
use super::peek::Peek;
use super::release;
use super::tale::Reason;
use super::timed::wait_until_open;
use super::when::when;
use super::word::{Story, Word};
use crate::sys::{Moment, Ordering::*};
use std::panic::Location;
use std::ptr::NonNull;

/// A handle of a signal: a hand if the signal has hands (W7), else a user.
pub struct Handle(NonNull<Core>);

// SAFETY: a core is shared by design; see `Core`. Closures and wakers on it are Send.
unsafe impl Send for Handle {}
// SAFETY: as above.
unsafe impl Sync for Handle {}

/// One user of a signal: who looks at it, keeps it, and cannot raise it.
pub struct User(NonNull<Core>);

// SAFETY: as for Handle.
unsafe impl Send for User {}
// SAFETY: as for Handle.
unsafe impl Sync for User {}

impl User {
    pub(super) fn of(core: &Core) -> User {
        Core::one_more(&core.users);
        User(NonNull::from(core))
    }

    #[inline(always)]
    pub(super) fn core(&self) -> &Core {
        // SAFETY: our user keeps it alive.
        unsafe { self.0.as_ref() }
    }

    pub(crate) fn again(&self) -> User {
        User::of(self.core())
    }

    pub(crate) fn peek(&self) -> Peek<'_> {
        Peek::of(self.core())
    }

    pub(super) fn into_raw(self) -> *mut Core {
        std::mem::ManuallyDrop::new(self).0.as_ptr()
    }

    fn into_ptr(self) -> NonNull<Core> {
        std::mem::ManuallyDrop::new(self).0
    }
}

impl Drop for User {
    #[inline]
    fn drop(&mut self) {
        let core = self.core();
        if core.kind.is_composite() || core.kind.is_timed() || less(&core.users, 1) {
            release_slow(self.0.as_ptr());
        }
    }
}

/// One user less of what hangs on others or tells a clock; or the end of a leaf, whose last user is gone.
#[inline(never)]
fn release_slow(core: *mut Core) {
    // SAFETY: the user that is dropped keeps it alive; the last user of a leaf is the last of all.
    let kind = unsafe { (*core).kind };
    if !kind.is_composite() && !kind.is_timed() {
        // SAFETY: as above.
        return unsafe { release::free(core) };
    }
    let mut work = Work::new();
    work.release(core);
    work.finish();
}

impl Handle {
    pub(super) fn adopt(core: *mut Core) -> Handle {
        // SAFETY: callers pass what a Box or an allocation gave them.
        Handle(unsafe { NonNull::new_unchecked(core) })
    }

    fn alloc(core: Core) -> Handle {
        let core = Box::into_raw(Box::new(core));
        core.expose_provenance();
        Handle::adopt(core)
    }

    #[inline]
    pub(crate) fn leaf() -> Handle {
        Handle::alloc(Core::new(Kind::Leaf, Word::NEW))
    }

    pub(crate) fn named(name: String) -> Handle {
        let leaf = Handle::leaf();
        leaf.core().name_it(name);
        leaf
    }

    /// Go from the start.
    #[track_caller]
    pub(crate) fn done() -> Handle {
        Handle::alloc(Core::new(Kind::Fixed, Word::up(Story::At(Location::caller()))))
    }

    /// Dead from the start.
    pub(crate) fn never() -> Handle {
        Handle::alloc(Core::new(Kind::Fixed, Word::DEAD))
    }

    #[inline]
    fn composite(kind: Kind, need: usize, inputs: impl ExactSizeIterator<Item = NonNull<Core>>) -> Handle {
        Handle(Comp::create(kind, need, inputs)).ready()
    }

    /// The same for any number, once for all.
    #[inline(never)]
    fn composite_of(kind: Kind, need: usize, inputs: &[NonNull<Core>]) -> Handle {
        Handle::composite(kind, need, inputs.iter().copied())
    }

    /// A composite just made: if it is heavy it is observed.
    #[inline]
    fn ready(self) -> Handle {
        if self.core().as_comp().is_some_and(Comp::is_heavy) {
            self.core().observe(true); // C5
        }
        self
    }

    #[inline]
    pub(crate) fn child(&self) -> Handle {
        Handle::composite(Kind::Child, 1, [self.user().into_ptr()].into_iter())
    }

    /// A child with a name, which it has before anybody meets it.
    pub(crate) fn named_child(&self, name: String) -> Handle {
        let child = Handle(Comp::create(Kind::Child, 1, [self.user().into_ptr()].into_iter()));
        child.core().name_it(name);
        child.ready()
    }

    /// What answers as its one input does.
    pub(crate) fn view_of(input: User) -> Handle {
        Handle::composite_of(Kind::Expr, 1, &[input.into_ptr()])
    }

    /// A Till that also goes when `release` does; its hand is the Till's.
    pub(crate) fn either(till: Handle, release: &Handle) -> Handle {
        let inputs = [till.into_user().into_ptr(), release.user().into_ptr()];
        Handle::composite_of(Kind::Switch, 1, &inputs)
    }

    /// At least `k` of two.
    #[inline]
    pub(crate) fn of_two(k: usize, inputs: [User; 2]) -> Handle {
        Handle::composite(Kind::Expr, k, inputs.map(User::into_ptr).into_iter())
    }

    /// At least `k` of `inputs`; 0 < k <= n.
    pub(crate) fn at_least(k: usize, inputs: Vec<User>) -> Handle {
        let inputs: Vec<NonNull<Core>> = inputs.into_iter().map(User::into_ptr).collect();
        Handle::composite_of(Kind::Expr, k, &inputs)
    }

    #[inline(always)]
    pub(super) fn core(&self) -> &Core {
        // SAFETY: our hand or user keeps it alive.
        unsafe { self.0.as_ref() }
    }

    #[inline]
    pub(crate) fn user(&self) -> User {
        User::of(self.core())
    }

    /// Gives up the hand, if it was one, and goes on as a user.
    pub(crate) fn into_user(self) -> User {
        if self.core().kind.has_hands() {
            return self.user();
        }
        User(std::mem::ManuallyDrop::new(self).0)
    }

    pub(crate) fn peek(&self) -> Peek<'_> {
        Peek::of(self.core())
    }

    /// When it goes by time alone.
    pub(crate) fn when(&self) -> Option<Moment> {
        when(self.peek())
    }

    pub(crate) fn address(&self) -> usize {
        self.0.as_ptr().addr()
    }

    #[inline(always)]
    pub(crate) fn is_go(&self) -> bool {
        self.core().poll()
    }

    /// The word's own answer: nobody is asked.
    #[cfg(any(feature = "os-signals", all(loom, feature = "loom")))]
    pub(crate) fn settled(&self) -> bool {
        self.core().is_up()
    }

    #[inline]
    pub(crate) fn go(&self, place: &'static Location<'static>) -> bool {
        let core = self.core();
        let story = Story::At(place);
        // Nothing hangs, sleeps or looks: one step is the whole of it.
        // ORDERING: Relaxed: a user that came just now counts this as the earlier (S11).
        if core.kind == Kind::Leaf && core.users.load(Relaxed) == 1 && core.rise_alone(story) {
            return true;
        }
        core.go_slow(story, None)
    }

    pub(crate) fn go_because(&self, reason: Reason, place: &'static Location<'static>) -> bool {
        self.core().go_slow(Story::At(place), Some(reason))
    }

    /// As `go` or `go_because` of a leaf or child, but foreign code (callbacks, wakers of tasks) is left to the caller, if there is
    /// any.
    pub(crate) fn go_but_callbacks(&self, reason: Option<Reason>, place: &'static Location<'static>) -> Option<Firing> {
        self.core().raise_and_unpark(Story::At(place), reason).filter(Firing::has_callbacks)
    }

    /// As `go` of a leaf or child, but all that may be foreign is left to the caller, what is let go of included. `None`: it had gone.
    pub(crate) fn begin_go(&self, place: &'static Location<'static>) -> Option<Firing> {
        self.core().raise_and_unpark(Story::At(place), None)
    }

    pub(crate) fn then<F: FnOnce() + Send + 'static>(&self, f: F) -> Hook {
        Hook::new(self.user(), f)
    }

    #[inline]
    pub(crate) fn on_go<F: FnOnce() + Send + 'static>(&self, f: F) {
        self.core().attach_free(f);
    }

    pub(crate) fn name(&self) -> Option<&str> {
        self.core().name().map(|n| &**n)
    }
}

/// For models of the engine.
#[cfg(all(loom, feature = "loom"))]
impl Handle {
    pub(crate) fn locked(&self, f: impl FnOnce()) {
        let _held = self.core().lock();
        f();
    }
}

impl Clone for Handle {
    #[inline]
    fn clone(&self) -> Handle {
        let core = self.core();
        Core::one_more(if core.kind.has_hands() { &core.hands } else { &core.users });
        Handle(self.0)
    }
}

impl Drop for Handle {
    #[inline]
    fn drop(&mut self) {
        let core = self.core();
        // Alone: no other hand, no user, nothing hung; nobody can become one but through us. No step is needed.
        // ORDERING: Acquire pairs with the Release of those who let go before.
        if core.kind == Kind::Leaf
            && core.hands.load(Acquire) == 1
            && core.users.load(Acquire) == 1
            && core.look().head().is_null()
        {
            // SAFETY: as above.
            return unsafe { release::free(self.0.as_ptr()) };
        }
        if !core.kind.has_hands() && core.users.load(Acquire) == 1 {
            return drop_last(self.0.as_ptr());
        }
        drop_slow(self.0.as_ptr());
    }
}

/// The last of all that look at a core without hands.
#[inline(never)]
fn drop_last(core: *mut Core) {
    // SAFETY: the last user is ours.
    let this = unsafe { &*core };
    if this.kind.is_timed() {
        wait_until_open(this);
    }
    match this.as_comp() {
        // SAFETY: alone, and hung nowhere.
        Some(c) if !c.is_linked() => return unsafe { release::free_alone(core) },
        // SAFETY: the last user of what holds no other signal is the last of all.
        None if this.kind != Kind::Delayed => return unsafe { release::free(core) },
        _ => {}
    }
    let mut work = Work::new();
    work.last_user(core);
    work.finish();
}

fn drop_slow(core: *mut Core) {
    // SAFETY: the handle that is dropped keeps it alive until its count is lowered.
    let this = unsafe { &*core };
    if this.kind.has_hands() && !less(&this.hands, 1) {
        return;
    }
    // Of an UP leaf nothing is left but a count.
    if this.kind == Kind::Leaf && this.is_up() {
        return drop(User(this.into()));
    }
    let mut work = Work::new();
    if this.kind.has_hands() {
        this.abandon(&mut work);
    }
    work.release(core);
    work.finish();
}
