//! What the harness asks of the system: affinity, who waited for a CPU, CPU time, sleepers.
//!
//! Elsewhere than on Linux threads stay where they are, and no sample counts as disturbed.

use std::time::Duration;

/// A thread's number with the system.
pub type ThreadId = i32;

#[cfg(target_os = "linux")]
pub use linux::*;
#[cfg(not(target_os = "linux"))]
pub use other::*;

/// Runs `body` with this thread bound to one CPU, and lets the thread roam again afterwards.
pub fn pinned<R>(cpu: usize, body: impl FnOnce() -> R) -> R {
    let before = Affinity::of_this_thread();
    Affinity::only(cpu).apply();
    let result = body();
    before.apply();
    result
}

/// Looks until the thread sleeps in the kernel.
pub fn until_asleep(thread: ThreadId) {
    // Two looks: a thread may sleep for a moment on a lock on its way to the wait that is meant.
    while !(asleep(thread) && asleep(thread)) {
        std::thread::yield_now();
    }
}

#[cfg(target_os = "linux")]
mod linux {
    use super::{Duration, ThreadId};
    use std::fs;
    use std::mem::{MaybeUninit, size_of};

    /// A set of CPUs.
    pub struct Affinity(libc::cpu_set_t);

    impl Affinity {
        /// The CPUs this thread may run on.
        pub fn of_this_thread() -> Affinity {
            let mut set = MaybeUninit::zeroed();
            // SAFETY: the set is valid for writes of the size given; zeroed bytes are a set.
            unsafe {
                libc::sched_getaffinity(0, size_of::<libc::cpu_set_t>(), set.as_mut_ptr());
                Affinity(set.assume_init())
            }
        }

        /// The CPU number `index` of those that this thread may run on, counted round.
        pub fn only(index: usize) -> Affinity {
            let all = Affinity::cpus();
            let mut set = MaybeUninit::zeroed();
            // SAFETY: zeroed bytes are a set, and the CPU's number came out of one.
            unsafe {
                libc::CPU_SET(all[index % all.len()], set.assume_init_mut());
                Affinity(set.assume_init())
            }
        }

        fn cpus() -> &'static [usize] {
            static CPUS: std::sync::OnceLock<Vec<usize>> = std::sync::OnceLock::new();
            CPUS.get_or_init(|| {
                let set = Affinity::of_this_thread().0;
                // SAFETY: every number asked for is within the set's size.
                let holds = |cpu: &usize| unsafe { libc::CPU_ISSET(*cpu, &set) };
                (0..libc::CPU_SETSIZE as usize).filter(holds).collect()
            })
        }

        /// Binds this thread to the set.
        pub fn apply(&self) {
            // SAFETY: the set is valid for reads of the size given.
            unsafe { libc::sched_setaffinity(0, size_of::<libc::cpu_set_t>(), &self.0) };
        }
    }

    /// How many CPUs this process may use; call it first from a thread that is not pinned.
    pub fn cpus() -> usize {
        Affinity::cpus().len()
    }

    /// This thread's number.
    pub fn thread_id() -> ThreadId {
        // SAFETY: a system call without arguments.
        unsafe { libc::gettid() }
    }

    /// How long this thread has been ready to run without a CPU, in all.
    pub fn waited_for_cpu() -> Duration {
        let text = fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
        let waited = text.split(' ').nth(1).and_then(|n| n.parse().ok());
        Duration::from_nanos(waited.unwrap_or(0))
    }

    /// Whether a thread of this process sleeps in the kernel.
    pub fn asleep(thread: ThreadId) -> bool {
        let text = fs::read_to_string(format!("/proc/self/task/{thread}/stat"));
        // The state follows the name, which stands in parentheses and may hold anything.
        text.is_ok_and(|t| t.rsplit(") ").next().is_some_and(|rest| rest.starts_with('S')))
    }

    /// CPU time of this process, or of its children that were waited for.
    pub fn cpu_time(children: bool) -> Duration {
        let who = if children { libc::RUSAGE_CHILDREN } else { libc::RUSAGE_SELF };
        let mut usage = MaybeUninit::<libc::rusage>::zeroed();
        // SAFETY: valid for writes; zeroed bytes are a valid value.
        let usage = unsafe {
            libc::getrusage(who, usage.as_mut_ptr());
            usage.assume_init()
        };
        let of = |t: libc::timeval| Duration::from_secs(t.tv_sec as u64) + Duration::from_micros(t.tv_usec as u64);
        of(usage.ru_utime) + of(usage.ru_stime)
    }

    /// CPU time of this thread.
    pub fn thread_time() -> Duration {
        let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
        // SAFETY: valid for writes.
        unsafe { libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &mut time) };
        Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
    }

    /// Lets this thread's timed sleeps end when they should, not up to 50 µs later.
    pub fn no_timer_slack() {
        // SAFETY: changes nothing but this thread's slack; the unit is nanoseconds.
        unsafe { libc::prctl(libc::PR_SET_TIMERSLACK, 1 as libc::c_ulong) };
    }
}

#[cfg(not(target_os = "linux"))]
mod other {
    use super::{Duration, ThreadId};

    /// A set of CPUs, unknown here.
    pub struct Affinity;

    impl Affinity {
        /// The CPUs this thread may run on.
        pub fn of_this_thread() -> Affinity {
            Affinity
        }

        /// One of them.
        pub fn only(_index: usize) -> Affinity {
            Affinity
        }

        /// Does nothing.
        pub fn apply(&self) {}
    }

    /// How many CPUs there are.
    pub fn cpus() -> usize {
        std::thread::available_parallelism().map_or(1, |n| n.get())
    }

    /// No number.
    pub fn thread_id() -> ThreadId {
        0
    }

    /// Unknown.
    pub fn waited_for_cpu() -> Duration {
        Duration::ZERO
    }

    /// Gives the other thread the time to fall asleep, and hopes.
    pub fn asleep(_thread: ThreadId) -> bool {
        std::thread::sleep(Duration::from_millis(2));
        true
    }

    /// Unknown.
    pub fn cpu_time(_children: bool) -> Duration {
        Duration::ZERO
    }

    /// Unknown.
    pub fn thread_time() -> Duration {
        Duration::ZERO
    }

    /// Does nothing.
    pub fn no_timer_slack() {}
}
