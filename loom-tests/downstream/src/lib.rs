//! What a user of stopwhen might write: a worker that publishes its result and says when.
use stopwhen::Signal;

/// Runs `work`, then says that it is done.
pub fn run_then_say<T>(done: &Signal, work: impl FnOnce() -> T) -> T {
    let result = work();
    done.go();
    result
}
