//! The shape of the public face: sizes, auto traits, trait impls, every signature used once as it is documented.
mod common;
#[path = "shape/threads.rs"]
mod threads;

use common::*;
use std::error::Error;
use std::fmt::{Debug, Display};
use std::future::{IntoFuture, ready};
use std::hash::Hash;
use std::ops::{BitAnd, BitAndAssign, BitOr, BitOrAssign};
use std::panic::{Location, RefUnwindSafe, UnwindSafe};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};
use stopwhen::barrier::{OnStop, Party, Passed};
use stopwhen::signal::{Cancel, GoOnDrop, Then, WaitAsync};
use stopwhen::{AcquireError, BarrierError, Broken, Cause, Closed, Ended, JoinError, OverRelease, PopError, PushError};
use stopwhen::{Barrier, BoundedSemaphore, Event, OwnedPermit, Permit, Semaphore, Signal, Stopped, Till, TryPopError};
use stopwhen::{Until, clock, error};

/// A handle is a pointer, and an `Option` of it too.
#[test]
fn handles_are_one_pointer() {
    assert_eq!(size_of::<Signal>(), size_of::<usize>());
    assert_eq!(size_of::<Option<Signal>>(), size_of::<usize>());
    assert_eq!(size_of::<Till>(), size_of::<usize>());
    assert!(size_of::<Then>() <= 3 * size_of::<usize>());
    assert!(size_of::<WaitAsync<'_>>() <= 12 * size_of::<usize>());
    assert_eq!(size_of::<Stopped>() + size_of::<Closed>() + size_of::<Broken>() + size_of::<OverRelease>(), 0);
    assert_eq!(size_of::<Result<(), Stopped>>(), 1);
}

fn shared<T: Send + Sync>() {}
fn unwinds<T: UnwindSafe + RefUnwindSafe>() {}
fn moves<T: Unpin>() {}
fn is_static<T: 'static>() {}
fn handle<T: Clone + Debug + Send + Sync + Unpin + 'static>() {}
fn small_error<
    T: Error + Copy + Eq + Hash + Debug + Display + Send + Sync + Unpin + UnwindSafe + RefUnwindSafe + 'static,
>() {
}
fn large_error<
    T: Error + Clone + PartialEq + Debug + Display + Send + Sync + Unpin + UnwindSafe + RefUnwindSafe + 'static,
>() {
}

/// Auto traits of every public type.
#[test]
fn auto_traits_are_as_promised() {
    shared::<Signal>();
    unwinds::<Signal>();
    moves::<Signal>();
    is_static::<Signal>();
    handle::<Signal>();
    shared::<Then>();
    moves::<Then>();
    is_static::<Then>();
    shared::<WaitAsync<'static>>();
    shared::<GoOnDrop>();
    unwinds::<GoOnDrop>();
    moves::<GoOnDrop>();
    handle::<Cause>();
    handle::<Cancel>();
    unwinds::<Cancel>();
    shared::<Semaphore>();
    unwinds::<Semaphore>();
    moves::<Semaphore>();
    shared::<BoundedSemaphore>();
    unwinds::<BoundedSemaphore>();
    moves::<BoundedSemaphore>();
    shared::<Permit<'static>>();
    unwinds::<Permit<'static>>();
    moves::<Permit<'static>>();
    shared::<OwnedPermit>();
    unwinds::<OwnedPermit>();
    moves::<OwnedPermit>();
    is_static::<OwnedPermit>();
}

/// Barrier and Event: what they are, how large, every signature once.
#[test]
fn barriers_and_events_have_the_documented_shape() {
    fn place<T: Send + Sync + Unpin + UnwindSafe + RefUnwindSafe + Debug + 'static>() {}
    fn value<T: Copy + Eq + Hash + Debug + Send + Sync + Unpin + UnwindSafe + 'static>() {}
    place::<Barrier>();
    place::<Event>();
    place::<Party>();
    value::<Passed>();
    value::<OnStop>();
    assert!(size_of::<Barrier>() <= 80 && size_of::<Event>() <= 40 && size_of::<Passed>() <= 16);
    in_time("every signature", || {
        static BARRIER: Barrier = Barrier::new(1);
        let b: Barrier = Barrier::new(1).with_action(|| ()).on_stop(OnStop::Break).on_stop(OnStop::Withdraw);
        let passed: Result<Passed, Broken> = BARRIER.wait();
        let _: (usize, u64, bool) = passed.map(|p| (p.index(), p.generation(), p.is_leader())).unwrap();
        let _: Result<Passed, BarrierError> = b.wait_until((Duration::ZERO, &Signal::done()));
        let (): () = b.abort();
        let (): () = b.reset();
        let _: (bool, usize, usize) = (b.is_broken(), b.waiting(), b.size());
        let mut party: Party = Arc::new(b).party();
        let _: Result<Passed, Broken> = party.wait();
        let _: Result<Passed, BarrierError> = party.wait_until(Duration::ZERO);
        let _: &Arc<Barrier> = party.barrier();
        static EVENT: Event = Event::new();
        let (): () = EVENT.set();
        let (): () = EVENT.wait();
        let _: Result<(), Stopped> = EVENT.wait_until(Duration::ZERO);
        let (): () = EVENT.clear();
        let _: (bool, Event) = (EVENT.is_set(), Event::default());
    });
}

/// Traits of `Signal`, of its parts, of errors.
#[test]
fn traits_are_implemented() {
    fn signal<S>()
    where
        S: Clone + Default + Debug + Display + Eq + Hash + Until + IntoFuture<Output = ()> + for<'a> From<&'a S>,
        S: BitOr<Output = S>
            + for<'a> BitOr<&'a S, Output = S>
            + BitOr<Option<S>, Output = S>
            + for<'a> BitOr<Option<&'a S>, Output = S>,
        S: BitAnd<Output = S>
            + for<'a> BitAnd<&'a S, Output = S>
            + BitAnd<Option<S>, Output = S>
            + for<'a> BitAnd<Option<&'a S>, Output = S>,
        for<'r> &'r S: BitOr<S, Output = S> + BitOr<Option<S>, Output = S> + IntoFuture<Output = ()> + Until,
        for<'r> &'r S: BitAnd<S, Output = S> + BitAnd<Option<S>, Output = S>,
        for<'r, 'a> &'r S: BitOr<&'a S, Output = S> + BitOr<Option<&'a S>, Output = S>,
        for<'r, 'a> &'r S: BitAnd<&'a S, Output = S> + BitAnd<Option<&'a S>, Output = S>,
        Option<S>: BitOr<S, Output = S> + for<'a> BitOr<&'a S, Output = S>,
        Option<S>: BitAnd<S, Output = S> + for<'a> BitAnd<&'a S, Output = S>,
        S: BitOrAssign + for<'a> BitOrAssign<&'a S> + BitOrAssign<Option<S>> + for<'a> BitOrAssign<Option<&'a S>>,
        S: BitAndAssign + for<'a> BitAndAssign<&'a S> + BitAndAssign<Option<S>> + for<'a> BitAndAssign<Option<&'a S>>,
    {
    }
    signal::<Signal>();
    fn cause<C: Clone + Display + Debug + Error>() {}
    cause::<Cause>();
    fn cancel<C: Copy + Eq + Hash + Debug>() {}
    cancel::<Cancel>();
    small_error::<Stopped>();
    small_error::<Closed>();
    small_error::<Broken>();
    small_error::<OverRelease>();
    small_error::<PopError>();
    small_error::<TryPopError>();
    small_error::<BarrierError>();
    small_error::<AcquireError>();
    small_error::<Ended>();
    large_error::<JoinError>();
    large_error::<error::Panic>();
    /// For every `T`, whatever it can do.
    fn gives_back<T: 'static>() {
        fn is_error<E: Error>() {}
        is_error::<PushError<T>>();
    }
    struct Opaque;
    gives_back::<Opaque>();
    gives_back::<Box<dyn FnOnce()>>();
}

/// What may end a wait, and references to it.
#[test]
fn until_is_implemented_for_whatever_ends_a_wait() {
    fn until<U: Until>() {}
    fn any_until<U: Until + ?Sized>() {}
    until::<Signal>();
    until::<Till>();
    until::<Duration>();
    until::<Instant>();
    until::<Option<Signal>>();
    until::<Option<&Duration>>();
    until::<(Signal, Duration)>();
    until::<(&Signal, Option<Instant>, (Duration, &Signal))>();
    until::<&&&Signal>();
    until::<&dyn Until>();
    any_until::<dyn Until>();
    let many: Vec<Box<dyn Until>> = vec![Box::new(Signal::new()), Box::new(Duration::ZERO)];
    assert!(Signal::new().wait_until((&*many[0], &*many[1])).is_err());
}

/// Every signature of the signal, once, as it is documented.
#[test]
fn signals_have_the_documented_signatures() {
    in_time("every signature", || {
        let (s, t): (Signal, Signal) = (Signal::new(), Signal::named("name"));
        let _: Signal = Signal::named(String::from("name"));
        let _: (Signal, Signal) = (Signal::done(), Signal::never());
        let _: Signal = Signal::any([&s, &t]);
        let _: Signal = Signal::any(vec![s.clone(), t.clone()]);
        let both = vec![s.clone(), t.clone()];
        let _: Signal = Signal::all(&both);
        let _: Signal = Signal::all([s.clone(), t.clone()].iter());
        let _: Signal = Signal::at_least(2, &[s.clone(), t.clone()]);
        let _: Signal = Signal::at_least(0_usize, std::iter::empty::<Signal>());
        let _: [Till; 2] = [Till::secs(360_u64), Till::millis(1_u64)];
        let _: Till = Till::after(Duration::ZERO);
        let _: Till = Till::at(Instant::now());
        let _: Till = Till::at_system(SystemTime::now());
        let (child, view, late): (Signal, Signal, Signal) = (s.child(), s.view(), s.delayed(Duration::ZERO));
        let guard: GoOnDrop = child.go_on_drop();
        guard.disarm();
        let _: bool = s.is_go();
        let _: Result<(), Stopped> = s.check();
        let _: Result<(), Stopped> = s.wait_until(Duration::ZERO);
        let future: WaitAsync<'_> = s.wait_async();
        drop(future);
        let futures: (WaitAsync<'_>, WaitAsync<'static>) = ((&s).into_future(), s.clone().into_future());
        drop(futures);
        let done: Result<u8, Stopped> = block_on(s.run_until_go(ready(7_u8)));
        assert_eq!(done, Ok(7));
        let then: Then = s.then(|| ());
        let _: [Cancel; 2] = [then.cancel(), then.cancel_and_wait()];
        let _: [Cancel; 3] = [Cancel::Removed, Cancel::Running, Cancel::Ran];
        let (): () = s.on_go(|| ());
        let _: Option<Instant> = s.deadline();
        let _: Option<Duration> = s.remaining();
        let name: Option<&str> = t.name();
        assert_eq!(name, Some("name"));
        assert!(s.cause().is_none());
        let _: bool = s.go();
        let _: bool = t.go_because("reason");
        let _: bool = t.go_because(String::from("reason")) | t.go_because(Stopped);
        let _: bool = t.go_because(Box::<dyn Error + Send + Sync>::from("reason"));
        let (): () = view.wait();
        late.wait();
        let cause: Cause = t.cause().expect("go");
        let _: (Option<&str>, u64) = (cause.name(), cause.number());
        let _: Option<&(dyn Error + Send + Sync + 'static)> = cause.reason();
        let _: &'static Location<'static> = cause.location();
        let _: Instant = clock::now();
        let _ = Signal::from(&s) | Some(&t) | None::<Signal> | Signal::default();
    });
}

/// Z1: what a place takes, on machines of 64 bits.
#[test]
#[cfg(target_pointer_width = "64")]
fn places_are_small() {
    assert!(size_of::<Semaphore>() <= 32);
    assert!(size_of::<BoundedSemaphore>() <= 48);
    assert!(size_of::<Permit<'_>>() <= 24 && size_of::<OwnedPermit>() <= 24);
}

/// Every signature of the semaphores, once, as it is documented.
#[test]
fn semaphores_have_the_documented_signatures() {
    const N: usize = Semaphore::MAX_PERMITS;
    static PLACES: (Semaphore, BoundedSemaphore) = (Semaphore::new(9), BoundedSemaphore::new(9));
    assert!(N > u32::MAX as usize || usize::BITS < 64);
    let until = (Signal::new(), Duration::from_secs(9));
    let s = &PLACES.0;
    let _: [Permit<'_>; 2] = [s.acquire(), s.acquire_many(2)];
    let _: [Result<Permit<'_>, Stopped>; 2] = [s.acquire_until(&until), s.acquire_many_until(2, &until)];
    let _: [Option<Permit<'_>>; 2] = [s.try_acquire(), s.try_acquire_many(2)];
    let owner = Arc::new(Semaphore::new(9));
    let _: [OwnedPermit; 2] = [owner.acquire_owned(), owner.acquire_many_owned(2)];
    let _: Result<OwnedPermit, Stopped> = owner.acquire_owned_until(&until);
    let _: Result<OwnedPermit, Stopped> = owner.acquire_many_owned_until(2, &until);
    let _: [Option<OwnedPermit>; 2] = [owner.try_acquire_owned(), owner.try_acquire_many_owned(2)];
    let () = s.release(1);
    let _: [usize; 4] = [s.available(), s.waiting(), s.forget_permits(1), s.drain()];
    let b = &PLACES.1;
    let _: [Permit<'_>; 2] = [b.acquire(), b.acquire_many(2)];
    let _: Result<Permit<'_>, Stopped> = b.acquire_until(&until);
    let _: Result<Permit<'_>, AcquireError> = b.acquire_many_until(2, &until);
    let _: [Option<Permit<'_>>; 2] = [b.try_acquire(), b.try_acquire_many(2)];
    let owner = Arc::new(BoundedSemaphore::new(9));
    let _: [OwnedPermit; 2] = [owner.acquire_owned(), owner.acquire_many_owned(2)];
    let _: Result<OwnedPermit, Stopped> = owner.acquire_owned_until(&until);
    let _: Result<OwnedPermit, AcquireError> = owner.acquire_many_owned_until(2, &until);
    let _: [Option<OwnedPermit>; 2] = [owner.try_acquire_owned(), owner.try_acquire_many_owned(2)];
    let _: Result<(), OverRelease> = b.release(1);
    let _: [usize; 5] = [b.bound(), b.available(), b.waiting(), b.forget_permits(1), b.drain()];
    let mut permit: Permit<'_> = owner.acquire();
    let none: Option<Permit<'_>> = permit.split(0);
    let () = permit.merge(none.expect("none are always there"));
    let _: usize = permit.count();
    let () = permit.forget();
}

/// Every error, and what it gives back.
#[test]
fn errors_have_the_documented_shape() {
    let given_back = [PushError::Stopped(1), PushError::Closed(2), PushError::Full(3)].map(PushError::into_inner);
    assert_eq!(given_back, [1, 2, 3]);
    let ends: [Ended; 12] = [
        Stopped.into(),
        Closed.into(),
        Broken.into(),
        OverRelease.into(),
        PopError::Stopped.into(),
        PopError::Closed.into(),
        PushError::Stopped(()).into(),
        PushError::Closed(()).into(),
        BarrierError::Stopped.into(),
        BarrierError::Broken.into(),
        AcquireError::Stopped.into(),
        AcquireError::TooMany.into(),
    ];
    assert_eq!((ends[0], ends[5], ends[9], ends[11]), (Ended::Stopped, Ended::Closed, Ended::Broken, Ended::TooMany));
    let joins = [JoinError::Stopped, JoinError::AlreadyTaken, JoinError::WouldDeadlock, JoinError::Children(vec![])];
    let shown = joins.iter().map(|e| e.to_string()).chain(ends.iter().map(|e| e.to_string()));
    let more = [TryPopError::Empty.to_string(), TryPopError::Closed.to_string(), PushError::Full(()).to_string()];
    for text in shown.chain(more).chain([Stopped.to_string(), Broken.to_string(), OverRelease.to_string()]) {
        assert!(text.starts_with(|c: char| c.is_lowercase() || c.is_numeric()) && !text.ends_with('.'), "{text}");
    }
}
