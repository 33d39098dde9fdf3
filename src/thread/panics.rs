//! Panics: what can be told of one, and where it happened.
use crate::error::Panic;
use crate::report;
use crate::sys::{self, OnceLock};
use std::any::Any;
use std::cell::RefCell;
use std::panic::{self, AssertUnwindSafe, catch_unwind};

pub(super) type Payload = Box<dyn Any + Send>;

sys::thread_local! {
    /// With what text this thread last panicked, and where, if the hook is there to tell.
    #[allow(clippy::missing_const_for_thread_local, reason = "loom's has no const form")]
    static PLACE: RefCell<Option<(Option<String>, String)>> = RefCell::new(None);
}

/// Has the panic hook note where panics happen, on top of what it does. Once in a process.
pub(super) fn note_places() {
    if cfg!(all(loom, feature = "loom")) {
        return; // a model's threads share the hook with what runs the model, where loom's thread-locals are not to be had
    }
    if std::thread::panicking() {
        return; // the hook cannot be had now
    }
    static ONCE: OnceLock<()> = OnceLock::new();
    ONCE.get_or_init(|| {
        let tell = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            let text = text(info.payload()).map(ToOwned::to_owned);
            let place = info.location().map(|place| (text, place.to_string()));
            let _ = PLACE.try_with(|p| p.replace(place));
            tell(info);
        }));
    });
}

/// What can be told of a panic that was caught on this thread just now.
pub(super) fn of(path: &str, payload: Payload) -> Panic {
    let place = PLACE.try_with(RefCell::take).ok().flatten();
    let text = text(&*payload);
    // A panic that was resumed passes no hook: what was noted then is another's.
    let place = place.filter(|(noted, _)| noted.as_deref() == text).map(|(_, place)| place);
    let panic = Panic::new(path, text.unwrap_or("a value that is no text"), place.as_deref());
    drop_quietly(payload);
    panic
}

fn text(payload: &(dyn Any + Send)) -> Option<&str> {
    payload.downcast_ref::<&str>().copied().or_else(|| payload.downcast_ref::<String>().map(|s| &**s))
}

/// At once, by the hook of its tree or by a line on standard error.
pub(super) fn report(panic: &Panic, hook: Option<&(dyn Fn(&Panic) + Send + Sync)>) {
    match hook {
        None => report::panicked(panic),
        Some(hook) => {
            if let Err(payload) = catch_unwind(AssertUnwindSafe(|| hook(panic))) {
                report::warn(format_args!("the hook that was told of this panicked itself: {panic}"));
                drop_quietly(payload);
            }
        }
    }
}

/// A payload may panic when dropped; what that leaves is forgotten.
pub(super) fn drop_quietly<T>(value: T) {
    if let Err(payload) = catch_unwind(AssertUnwindSafe(|| drop(value))) {
        std::mem::forget(payload);
    }
}
