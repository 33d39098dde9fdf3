//! Signals of the system, sent to real child processes: this very binary, which is the tests and their children.
#[cfg(all(unix, not(any(miri, loom))))]
#[path = "common/child.rs"]
mod child;
#[cfg(all(unix, not(any(miri, loom))))]
#[path = "os/hold.rs"]
mod hold;
#[cfg(all(unix, not(any(miri, loom))))]
#[path = "os/programs.rs"]
mod programs;
#[cfg(all(unix, not(any(miri, loom))))]
#[path = "os/tests.rs"]
mod tests;

use std::process::ExitCode;

#[cfg(not(all(unix, not(any(miri, loom)))))]
fn main() -> ExitCode {
    ExitCode::SUCCESS
}

#[cfg(all(unix, not(any(miri, loom))))]
fn main() -> ExitCode {
    match std::env::var(programs::NAME) {
        Ok(name) => programs::run(&name),
        Err(_) => tests::run(),
    }
}
