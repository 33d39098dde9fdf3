//! What the numbers were measured on and against, without names of hosts or places.

use crate::sys;
use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// The repository's root.
pub(crate) fn root() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
}

/// Cores, architecture, clock rate and compiler, in words.
pub(crate) fn describe() -> String {
    let info = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let mhz = info.lines().find(|l| l.starts_with("cpu MHz")).and_then(|l| l.split(": ").nth(1));
    let ghz = mhz.and_then(|m| m.parse::<f64>().ok()).map(|m| format!(" at {:.1} GHz", m / 1e3));
    let (arch, os) = (std::env::consts::ARCH, std::env::consts::OS);
    let virtually = if info.contains("hypervisor") { ", virtual machine" } else { "" };
    let compiler = Command::new("rustc").arg("--version").output();
    let compiler = compiler.map(|o| String::from_utf8_lossy(&o.stdout).into_owned());
    let compiler = compiler.unwrap_or_default();
    let compiler: Vec<_> = compiler.split_whitespace().take(2).collect();
    let (cpus, ghz) = (sys::cpus(), ghz.unwrap_or_default());
    format!("{cpus} cores {arch}{ghz}, {os}{virtually}, {}", compiler.join(" "))
}

/// Name and version of each package the benches are built against by name.
pub(crate) fn versions() -> Vec<(String, String)> {
    let read = |path: &str| fs::read_to_string(root().join(path)).unwrap_or_default();
    let (manifest, lock) = (read("benches/Cargo.toml"), read("Cargo.lock"));
    let direct: Vec<_> = manifest
        .lines()
        .skip_while(|l| !l.starts_with("[dev-dependencies]"))
        .skip(1)
        .take_while(|l| !l.starts_with('['))
        .filter_map(|l| l.split_once(" = "))
        .map(|(name, _)| name)
        .collect();
    let mut found = Vec::new();
    for package in lock.split("[[package]]") {
        let value = |key: &str| {
            let line = package.lines().find_map(|l| l.strip_prefix(key))?;
            Some(line.trim_matches([' ', '=', '"']).to_string())
        };
        if let (Some(name), Some(version)) = (value("name"), value("version")) {
            if direct.contains(&name.as_str()) && name != "stopwhen" {
                found.push((name, version));
            }
        }
    }
    found
}

/// Today, in UTC.
pub(crate) fn today() -> String {
    const DAY: u64 = 24 * 60 * 60;
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let (mut year, mut day) = (1970, now.as_secs() / DAY);
    let leap = |y: u64| y % 4 == 0 && (y % 100 != 0 || y % 400 == 0);
    let days_in = |y| if leap(y) { 366 } else { 365 };
    while day >= days_in(year) {
        day -= days_in(year);
        year += 1;
    }
    let february = if leap(year) { 29 } else { 28 };
    let mut month = 1;
    for length in [31, february, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31] {
        if day < length {
            break;
        }
        day -= length;
        month += 1;
    }
    format!("{year}-{month:02}-{:02}", day + 1)
}

/// How much of the machine others used while a suite ran.
pub(crate) struct Load {
    start: Instant,
    busy: Duration,
    own: Duration,
}

impl Load {
    pub(crate) fn start() -> Load {
        Load { start: Instant::now(), busy: busy(), own: own() }
    }

    /// The share of all CPU time that went to other processes, in percent.
    pub(crate) fn others(&self) -> f64 {
        let others = (busy() - self.busy).saturating_sub(own() - self.own);
        let all = self.start.elapsed().as_secs_f64() * sys::cpus() as f64;
        100.0 * others.as_secs_f64() / all
    }
}

fn own() -> Duration {
    sys::cpu_time(false) + sys::cpu_time(true)
}

/// CPU time of everybody since the machine started.
fn busy() -> Duration {
    /// Hundredths of a second: what /proc/stat counts in.
    const TICK: Duration = Duration::from_millis(10);
    let text = fs::read_to_string("/proc/stat").unwrap_or_default();
    let all = text.lines().next().unwrap_or_default();
    // cpu user nice system idle iowait irq …
    let ticks: Vec<u32> = all.split_whitespace().skip(1).filter_map(|n| n.parse().ok()).collect();
    TICK * ticks.iter().take(3).sum()
}
