//! When turns are due: arithmetic, and no thread.
//!
//! Turns are due at `first + k · period`. Moments are absolute, so nothing drifts; what lies beyond the end of the clock is never due.
use crate::sys::Moment;
use std::time::Duration;

/// What a [`PeriodicThread`](super::PeriodicThread) does about turns whose time has passed because an earlier one took too long.
///
/// Turns are due at *first + k · period*. If the next one's time has not passed when a turn ends, the three are the same: the thread
/// sleeps until then. If it has passed:
///
/// | | takes place | [`due`](super::Turn::due) | those after it | [`missed`](super::Turn::missed) |
/// |--|--|--|--|--|
/// | `Skip` | the latest of those whose time has passed, at once | its own time | at their own times | those before it that were left out |
/// | `Burst` | each of them, at once, one after the other | its own time | at their own times | 0 |
/// | `Delay` | the next one, at once | now | each a period later than that | 0 |
///
/// For example, with a period of 10, a first turn that takes 25 and others that take none, turns begin at:
///
/// | | begins at (due at) | | | | |
/// |--|--|--|--|--|--|
/// | `Skip` | 0 (0) | 25 (20), missed 1 | 30 (30) | 40 (40) | 50 (50) |
/// | `Burst` | 0 (0) | 25 (10) | 25 (20) | 30 (30) | 40 (40) |
/// | `Delay` | 0 (0) | 25 (25) | 35 (35) | 45 (45) | 55 (55) |
///
/// A thread that the system wakes late for a turn takes it, late; with `Skip`, if more have passed by then, the latest of them.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Hash)]
#[doc(alias = "MissedTickBehavior")]
#[non_exhaustive]
pub enum Missed {
    /// Of the turns whose time has passed only the latest takes place. For whoever looks at what is there now.
    #[default]
    Skip,
    /// Each takes place, as fast as can be until they have caught up. For whoever counts turns.
    #[doc(alias = "scheduleAtFixedRate")]
    Burst,
    /// The late one takes place, and the others are put off. For whoever must not be hurried.
    #[doc(alias = "scheduleWithFixedDelay")]
    Delay,
}

/// When the turns of one thread are due.
#[derive(Debug)]
pub(super) struct Schedule {
    /// When the next one is.
    next: Moment,
    /// When the last one was.
    last: Option<Moment>,
    period: Duration,
    missed: Missed,
    /// A new period has made the next one due at once: it is not late by that.
    hastened: bool,
}

impl Schedule {
    pub(super) fn new(first: Moment, period: Duration, missed: Missed) -> Schedule {
        Schedule { next: first, last: None, period, missed, hastened: false }
    }

    /// When the next turn is due.
    pub(super) fn next(&self) -> Moment {
        self.next
    }

    /// A turn begins: when it was due, and how many were left out before it.
    pub(super) fn begin(&mut self, now: Moment) -> (Moment, u64) {
        let first = self.last.is_none();
        let left_out = if first || self.missed != Missed::Skip { 0 } else { self.passed(now) };
        // No overflow: that is at most `now`.
        let due = Moment::from_nanos(self.next.nanos() + left_out * self.nanos());
        self.last = Some(due);
        self.hastened = false;
        self.next = due.after(self.period);
        (due, left_out)
    }

    /// A turn has ended.
    pub(super) fn end(&mut self, now: Moment) {
        if self.missed == Missed::Delay {
            self.next = self.next.max(now);
        }
    }

    /// From now on that is the period.
    pub(super) fn change(&mut self, period: Duration, now: Moment) {
        if period == self.period {
            return;
        }
        self.period = period;
        let Some(last) = self.last else { return };
        let as_missed = self.next <= now && !self.hastened && self.missed != Missed::Delay;
        let next = last.after(period);
        self.hastened = !as_missed && next <= now;
        self.next = if as_missed { next } else { next.max(now) };
    }

    /// How many periods have passed since the next turn was due.
    fn passed(&self, now: Moment) -> u64 {
        now.nanos().saturating_sub(self.next.nanos()) / self.nanos()
    }

    fn nanos(&self) -> u64 {
        u64::try_from(self.period.as_nanos()).unwrap_or(u64::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(nanos: u64) -> Moment {
        Moment::from_nanos(nanos)
    }

    /// Said while the thread sleeps, before it has begun the turn that is due by the first.
    #[test]
    fn p3_the_same_period_said_again_changes_nothing() {
        for missed in [Missed::Skip, Missed::Burst, Missed::Delay] {
            let mut schedule = Schedule::new(at(0), Duration::from_nanos(1000), missed);
            schedule.begin(at(0));
            schedule.end(at(0));
            schedule.change(Duration::from_nanos(100), at(500));
            schedule.change(Duration::from_nanos(100), at(501));
            assert_eq!((schedule.next(), schedule.begin(at(510))), (at(500), (at(500), 0)), "{missed:?}");
            assert_eq!(schedule.next(), at(600), "{missed:?}: none is made up for");
        }
    }

    /// Nor is a turn that a new period has made due at once late by one that is said after it.
    #[test]
    fn p3_of_several_new_periods_none_makes_turns_late() {
        for missed in [Missed::Skip, Missed::Burst, Missed::Delay] {
            let mut schedule = Schedule::new(at(0), Duration::from_nanos(1000), missed);
            schedule.begin(at(0));
            schedule.end(at(0));
            schedule.change(Duration::from_nanos(100), at(500));
            schedule.change(Duration::from_nanos(50), at(501));
            assert_eq!(schedule.begin(at(501)), (at(501), 0), "{missed:?}");
            schedule.change(Duration::from_nanos(900), at(502));
            schedule.change(Duration::from_nanos(20), at(700));
            schedule.change(Duration::from_nanos(2000), at(701));
            assert_eq!(schedule.next(), at(2501), "{missed:?}: not due at once any more");
        }
    }
}
