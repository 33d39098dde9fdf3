//! What the crate costs those who use it: time to compile, size of the binary.
//!
//! Builds tiny programs in a directory of its own below the system's temporary one, which it
//! removes, in a smoke run too. They use the versions in this repository's Cargo.lock; nothing is
//! downloaded that the benches themselves did not need.

use std::cell::RefCell;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::rc::Rc;
use stopwhen_benches::time::values;
use stopwhen_benches::{Goal, Row, Suite, Unit, sys};

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");

const CANCEL: &str = "tokio-util = { version = \"0.7\", default-features = false }";
const TOKIO: &str = "tokio = { version = \"1\", features = [\"rt\", \"time\"] }";

fn main() {
    let mut suite = Suite::start("cost");
    let place = Place::new();
    compile(&mut suite, &place);
    size(&mut suite, &place);
    suite.finish();
}

/// Where the programs are built; gone when dropped.
struct Place(PathBuf);

impl Place {
    fn new() -> Rc<Place> {
        let unique = format!("stopwhen-cost-{}", std::process::id());
        Rc::new(Place(std::env::temp_dir().join(unique)))
    }

    /// Writes a package and builds it from nothing; returns its place and cargo's messages.
    fn build(&self, name: &str, dependencies: &str, file: &str, source: &str) -> Built {
        let package = self.0.join(name);
        let _ = fs::remove_dir_all(&package);
        fs::create_dir_all(package.join("src")).expect("temporary files can be written");
        let manifest = format!(
            "[package]\nname = \"{name}\"\nedition = \"2024\"\n[workspace]\n\
             [dependencies]\n{dependencies}\n\
             [profile.release]\nlto = true\ncodegen-units = 1\nstrip = true\n"
        );
        let write = |path: &str, text: &str| fs::write(package.join(path), text).unwrap();
        write("Cargo.toml", &manifest);
        write(&format!("src/{file}"), source);
        fs::copy(Path::new(ROOT).join("Cargo.lock"), package.join("Cargo.lock")).unwrap();
        let before = sys::cpu_time(true);
        let output = Command::new(env!("CARGO"))
            .args(["build", "--release", "--offline", "--message-format=json", "--quiet"])
            .current_dir(&package)
            .env("CARGO_TARGET_DIR", package.join("target"))
            .output()
            .expect("cargo runs");
        let cpu = (sys::cpu_time(true) - before).as_secs_f64();
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{name} does not build: {errors}");
        let messages = String::from_utf8_lossy(&output.stdout).into_owned();
        Built { package, cpu, messages }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

struct Built {
    package: PathBuf,
    cpu: f64,
    messages: String,
}

impl Built {
    /// Crates compiled, without the package itself and without build scripts.
    fn crates(&self) -> usize {
        let compiled = self.messages.lines().filter(|l| l.contains("\"compiler-artifact\""));
        compiled.filter(|l| !l.contains("\"custom-build\"")).count() - 1
    }

    /// Bytes of the stripped program.
    fn size(&self, name: &str) -> u64 {
        fs::metadata(self.package.join("target/release").join(name)).unwrap().len()
    }
}

fn ours() -> String {
    format!("stopwhen = {{ path = {ROOT:?} }}")
}

/// CPU time of cargo and its compilers for an empty library with one dependency, and how many
/// crates that is. More: a dependency came in, or generic code that is compiled twice.
fn compile(suite: &mut Suite, place: &Rc<Place>) {
    let rows = [
        Row::ns("C1", "compile from scratch, CPU").unit(Unit::Seconds).goal(Goal::AtMost(4.0)),
        Row::ns("C1-crates", "crates compiled").unit(Unit::Crates),
    ];
    suite.group(rows, |g| {
        g.rounds(2);
        g.cold();
        let build = |name: &'static str, dependency: String| {
            let place = place.clone();
            values(move || {
                let built = place.build(name, &dependency, "lib.rs", "");
                let loom = built.messages.contains("\"name\":\"loom\"");
                assert!(!loom, "{name} builds loom");
                [built.cpu, built.crates() as f64]
            })
        };
        g.ours(build("compile-ours", ours()));
        g.peer("CancellationToken", build("compile-cancel", CANCEL.to_string()));
        g.peer("tokio time", build("compile-tokio", TOKIO.to_string()));
    });
}

/// A thread ends a wait that would end by itself after a while, by std alone.
const STD_TWIN: &str = r#"
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;
fn main() {
    let stop = Arc::new((Mutex::new(false), Condvar::new()));
    let theirs = stop.clone();
    let other = std::thread::spawn(move || {
        *theirs.0.lock().unwrap() = true;
        theirs.1.notify_all();
    });
    let guard = stop.0.lock().unwrap();
    let wait = stop.1.wait_timeout_while(guard, Duration::from_secs(9), |up| !*up);
    println!("{}", wait.unwrap().1.timed_out());
    other.join().unwrap();
}
"#;

const WITH_TILL: &str = r#"
use stopwhen::{Signal, Till};
fn main() {
    let cancel = Signal::new();
    let stop = &cancel | &Till::secs(9);
    let other = std::thread::spawn(move || cancel.go());
    stop.on_go(|| println!("stopped"));
    stop.wait();
    println!("{}", stop.is_go());
    other.join().unwrap();
}
"#;

/// How the token's programs wait.
const BLOCK_ON: &str = r#"
struct Unpark(std::thread::Thread);
impl std::task::Wake for Unpark {
    fn wake(self: std::sync::Arc<Self>) { self.0.unpark() }
}
fn block_on(future: impl Future<Output = ()>) {
    let waker = std::sync::Arc::new(Unpark(std::thread::current())).into();
    let mut future = std::pin::pin!(future);
    while future.as_mut().poll(&mut std::task::Context::from_waker(&waker)).is_pending() {
        std::thread::park();
    }
}
"#;

const WITH_TOKEN: &str = r#"
fn main() {
    let cancel = tokio_util::sync::CancellationToken::new();
    let theirs = cancel.clone();
    let other = std::thread::spawn(move || theirs.cancel());
    block_on(cancel.cancelled());
    println!("{}", cancel.is_cancelled());
    other.join().unwrap();
}
"#;

const WITH_TOKIO: &str = r#"
use std::time::Duration;
fn main() {
    let cancel = tokio_util::sync::CancellationToken::new();
    let theirs = cancel.clone();
    let other = std::thread::spawn(move || theirs.cancel());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let wait = async { tokio::time::timeout(Duration::from_secs(9), cancel.cancelled()).await };
    println!("{}", runtime.block_on(wait).is_ok());
    other.join().unwrap();
}
"#;

/// A small program beyond the same one by std: stripped, link-time optimised. The token's first
/// program knows no time. More: panics with long messages, formatting, a second copy of a list.
fn size(suite: &mut Suite, place: &Rc<Place>) {
    let row = Row::ns("C2", "binary beyond its std twin, with Till").unit(Unit::Kilobytes);
    let sizes = [
        ("size-ours", ours(), WITH_TILL.to_string()),
        ("size-cancel", CANCEL.to_string(), [BLOCK_ON, WITH_TOKEN].concat()),
        ("size-tokio", [CANCEL, TOKIO].join("\n"), WITH_TOKIO.to_string()),
    ];
    suite.group([row.goal(Goal::AtMost(24.0))], |g| {
        g.rounds(1);
        g.cold();
        let twin: Rc<RefCell<Option<u64>>> = Rc::default();
        let build = |(name, dependency, source): (&'static str, String, String)| {
            let (place, twin) = (place.clone(), twin.clone());
            values(move || {
                let build_twin = || place.build("twin", "", "main.rs", STD_TWIN).size("twin");
                let base = *twin.borrow_mut().get_or_insert_with(build_twin);
                let size = place.build(name, &dependency, "main.rs", &source).size(name);
                [(size as f64 - base as f64) / 1_000.0]
            })
        };
        let [with_till, with_token, with_tokio] = sizes.map(build);
        g.ours(with_till);
        g.peer("CancellationToken, no time", with_token);
        g.peer("tokio time", with_tokio);
    });
}
