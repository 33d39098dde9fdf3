//! The command line: `cargo bench --bench signal -- [--quick] [row …]`.

use std::sync::OnceLock;
use std::time::Duration;

/// What one run was asked to do.
#[derive(Debug)]
pub struct Args {
    /// A smoke run: few and short samples, no large sizes, nothing written.
    pub quick: bool,
    /// Rows to run, all if empty.
    pub rows: Vec<String>,
}

/// Parses the command line, once.
pub fn args() -> &'static Args {
    static ARGS: OnceLock<Args> = OnceLock::new();
    ARGS.get_or_init(|| {
        let given: Vec<String> = std::env::args().skip(1).collect();
        let has = |flag: &str| given.iter().any(|a| a == flag);
        Args {
            // `cargo test --benches` starts benches without `--bench`: then a smoke run will do.
            quick: has("--quick") || !has("--bench"),
            rows: given.iter().filter(|a| !a.starts_with("--")).cloned().collect(),
        }
    })
}

impl Args {
    /// Says whether the row was asked for: `S1` means S1, S1-2c and S1x, but not S12.
    pub fn wants(&self, id: &str) -> bool {
        self.rows.is_empty()
            || self.rows.iter().any(|wanted| {
                id.strip_prefix(wanted.as_str()).is_some_and(|rest| !rest.starts_with(|c: char| c.is_ascii_digit()))
            })
    }

    /// How long one sample lasts, well below a scheduler's time slice.
    pub fn sample(&self) -> Duration {
        Duration::from_micros(if self.quick { 20 } else { 400 })
    }

    /// Rounds for a group that would like `full` of them.
    pub fn rounds(&self, full: usize) -> usize {
        if self.quick { full.min(3) } else { full }
    }
}
