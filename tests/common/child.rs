//! An example run for real: a child process, what it prints, how it ends.
//!
//! Every wait for a child, or for a line of its, is under a watchdog that ends the child.
#![allow(dead_code, reason = "each test binary uses a part")]
use std::env;
use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::OnceLock;
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::Duration;

pub const WATCHDOG: Duration = Duration::from_secs(10);

pub const ALL_DONE: Option<i32> = Some(0);
pub const WRONG_USAGE: Option<i32> = Some(2);
pub const STOPPED_BEFORE: Option<i32> = Some(3);

/// Starts the example that the test is named for.
pub fn run<A: AsRef<OsStr>>(args: impl IntoIterator<Item = A>) -> Running {
    Running::start(&mut command(args))
}

pub fn command<A: AsRef<OsStr>>(args: impl IntoIterator<Item = A>) -> Command {
    let mut command = Command::new(binary());
    command.args(args).stdin(Stdio::null()).stdout(Stdio::piped());
    command
}

/// Runs it with each of these, which it must refuse in one line.
pub fn refuses(usages: &[&[&str]]) {
    for args in usages {
        let ended = run(*args).finish();
        assert_eq!(ended.code, WRONG_USAGE, "{args:?} {ended:?}");
        assert_eq!(ended.output, "", "{args:?}");
        assert_eq!(ended.errors.len(), 1, "{args:?} {ended:?}");
    }
}

/// The binary of the example that the test is named for, built as this test was. `cargo test` has built it already, and
/// this changes nothing; `cargo test --test NAME` has not.
pub fn binary() -> &'static Path {
    const NAME: &str = env!("CARGO_CRATE_NAME");
    static BINARY: OnceLock<PathBuf> = OnceLock::new();
    BINARY.get_or_init(|| {
        // <target>[/<triple>]/<profile>/deps/NAME-<hash>
        let exe = env::current_exe().unwrap();
        let place = exe.ancestors().nth(2).unwrap();
        let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap();
        let profile = match place.file_name().unwrap().to_str().unwrap() {
            "debug" => "dev",
            other => other,
        };
        let mut build = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        build.args(["build", "--quiet", "--example", NAME]);
        build.args(["--manifest-path", concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml")]);
        build.args(["--profile", profile, "--target-dir"]).arg(target);
        let triple = place.parent().unwrap().strip_prefix(target).unwrap();
        if triple != Path::new("") {
            build.arg("--target").arg(triple);
        }
        let features = [
            ("test-clock", cfg!(feature = "test-clock")),
            ("os-signals", cfg!(feature = "os-signals")),
            ("tracing", cfg!(feature = "tracing")),
        ];
        for (feature, _) in features.iter().filter(|(_, is_on)| *is_on) {
            build.args(["--features", feature]);
        }
        assert!(build.status().unwrap().success(), "the example builds");
        place.join("examples").join(format!("{NAME}{}", env::consts::EXE_SUFFIX))
    })
}

/// A pipe that is read to its end, whoever listens.
fn lines_of(pipe: Option<impl Read + Send + 'static>) -> Receiver<String> {
    let (to, lines) = mpsc::channel();
    thread::spawn(move || {
        let lines = pipe.into_iter().flat_map(|pipe| BufReader::new(pipe).lines());
        lines.for_each(|line| drop(to.send(line.unwrap())));
    });
    lines
}

/// A child with its two outputs being read.
pub struct Running {
    pub child: Child,
    output: Receiver<String>,
    errors: Receiver<String>,
}

impl Running {
    pub fn start(command: &mut Command) -> Running {
        let mut child = command.stderr(Stdio::piped()).spawn().unwrap();
        let output = lines_of(child.stdout.take());
        let errors = lines_of(child.stderr.take());
        Running { child, output, errors }
    }

    /// The next line of its standard output; what is left makes up `Ended::output`.
    pub fn prints(&self) -> String {
        self.output.recv_timeout(WATCHDOG).expect("a line in time")
    }

    /// The next line of its standard error.
    pub fn says(&self) -> String {
        self.errors.recv_timeout(WATCHDOG).expect("a line in time")
    }

    /// Ctrl-C, once it listens for that: its first line says so.
    #[cfg(unix)]
    pub fn interrupt_once_listening(&self) {
        self.says();
        self.interrupt();
    }

    /// Ctrl-C.
    #[cfg(unix)]
    pub fn interrupt(&self) {
        self.kill("INT");
    }

    /// Sends it a signal.
    #[cfg(unix)]
    pub fn kill(&self, signal: &str) {
        let child = self.child.id().to_string();
        let kill = Command::new("kill").args(["-s", signal, &child]).status();
        assert!(kill.unwrap().success());
    }

    pub fn finish(mut self) -> Ended {
        let rest = |lines: &Receiver<String>| {
            let mut rest = Vec::new();
            loop {
                match lines.recv_timeout(WATCHDOG) {
                    Ok(line) => rest.push(line),
                    Err(mpsc::RecvTimeoutError::Disconnected) => break rest,
                    Err(mpsc::RecvTimeoutError::Timeout) => panic!("the child does not end in time: {rest:?}"),
                }
            }
        };
        let output = rest(&self.output).iter().map(|line| format!("{line}\n")).collect();
        let errors = rest(&self.errors);
        // Both its outputs are closed: it is on its way out.
        let status = self.child.wait().unwrap();
        Ended { code: status.code(), status, output, errors }
    }
}

impl Drop for Running {
    /// After a failed assertion, or the watchdog's word, the child must not live on.
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[derive(Debug)]
pub struct Ended {
    pub code: Option<i32>,
    pub status: ExitStatus,
    pub output: String,
    pub errors: Vec<String>,
}

impl Ended {
    /// Names and values, which stand two blanks or more apart.
    pub fn rows(&self) -> impl Iterator<Item = (&str, &str)> {
        self.output.lines().map(|line| line.split_once("  ").unwrap_or((line, "")))
    }

    pub fn field(&self, name: &str) -> &str {
        let row = self.rows().find(|row| row.0 == name);
        row.unwrap_or_else(|| panic!("no {name} in {self:?}")).1.trim()
    }

    pub fn names(&self) -> String {
        let names: Vec<_> = self.rows().map(|row| row.0).collect();
        names.join(", ")
    }
}

/// A directory of a test's own, gone when the test ends.
pub struct Tree(PathBuf);

impl Tree {
    pub fn new(name: &str) -> Tree {
        let unique = format!("{}-{}-{name}", env!("CARGO_CRATE_NAME"), std::process::id());
        let root = Path::new(env!("CARGO_TARGET_TMPDIR")).join(unique);
        fs::create_dir_all(&root).unwrap();
        Tree(root)
    }

    pub fn path(&self) -> &Path {
        &self.0
    }

    pub fn write(&self, name: &str, content: &[u8]) {
        let path = self.0.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }
}

impl Drop for Tree {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// One file that no machine reads to its end within the watchdog's time. It takes no space.
#[cfg(unix)]
pub fn huge_tree(name: &str) -> Tree {
    const BYTES: u64 = 1 << 40;
    let tree = Tree::new(name);
    let file = File::create(tree.path().join("huge")).unwrap();
    file.set_len(BYTES).unwrap();
    tree
}
