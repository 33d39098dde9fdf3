//! Moments: nanoseconds on the monotonic clock, in one word.
use super::OnceLock;
use std::time::{Duration, Instant};

/// Nanoseconds since an epoch an hour before the first use in this process. `NEVER` is the last one.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub(crate) struct Moment(u64);

/// How long before its first use the epoch lies: moments of the recent past keep their place.
const BEFORE: Duration = Duration::from_secs(3600);

/// Instant zero of the moments of this process.
pub(super) fn epoch() -> Instant {
    static EPOCH: OnceLock<Instant> = OnceLock::new();
    *EPOCH.get_or_init(|| {
        let now = Instant::now();
        now.checked_sub(BEFORE).unwrap_or(now)
    })
}

impl Moment {
    /// Later than every other.
    pub const NEVER: Moment = Moment(u64::MAX);

    pub const fn from_nanos(n: u64) -> Moment {
        Moment(n)
    }

    pub const fn nanos(self) -> u64 {
        self.0
    }

    /// The moment of an instant: one before the epoch is at the epoch, one past the end is `NEVER`.
    pub fn of(t: Instant) -> Moment {
        Moment(0).after(t.saturating_duration_since(epoch()))
    }

    /// The instant of a moment; `None` for `NEVER` and for what the platform cannot express.
    pub fn instant(self) -> Option<Instant> {
        if self == Moment::NEVER { None } else { epoch().checked_add(Duration::from_nanos(self.0)) }
    }

    /// `d` later, `NEVER` if that does not fit.
    pub fn after(self, d: Duration) -> Moment {
        match u64::try_from(d.as_nanos()) {
            Ok(n) => Moment(self.0.saturating_add(n)),
            Err(_) => Moment::NEVER,
        }
    }

    /// The time from `earlier` to here; zero if it lies the other way.
    pub fn since(self, earlier: Moment) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }
}
