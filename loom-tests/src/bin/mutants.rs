//! `cargo mutants-loom`: breaks the crate, and wants a model to notice.
//!
//! *orderings* weakens every memory ordering in `src/` outside `sys/`, one at a time, and removes every fence. `orderings.txt`
//! says of each which model notices; or that none can, and why. One that is not listed there is shown to all models, or to
//! those that have the word of `--among`, and its line is printed.
//! *plants* puts in the bugs listed in `plants/`, the negative controls of the suite; with `--gate` those few that CI
//! puts in every time. A plant names the models that are to notice it.
//!
//! Where each of the words that name models begins with `room::`, only those rooms are built. Each time the models run over
//! a copy of the tree until one fails, the shortest first if `cargo loom` has left their times. A change that is not noticed
//! as its list says fails the run; so does a line of `orderings.txt` whose ordering is gone. A WORD, such as a file's name,
//! picks the changes whose description has it.
mod ask;

use std::collections::{HashMap, HashSet};
use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::time::Instant;

/// Seconds that one model may take over a changed tree, unless `--limit` says otherwise.
const LIMIT: u64 = 60;

const USAGE: &str = "\
Breaks the crate, one change at a time, and wants a model to notice.

Usage: cargo mutants-loom orderings|plants [--limit SECONDS] [--among WORD] [--list] [--gate | WORD ...]

  orderings        weaken every memory ordering, remove every fence
  plants           put in the bugs of loom-tests/plants
  WORD             only the changes that have one of the words in their description; all if none is given
  --list           tell the descriptions, and change nothing
  --gate           the few plants that CI puts in every time
  --limit SECONDS  what has not failed by then has not noticed; 60 if not given
  --among WORD     show what orderings.txt does not list only to models with this word in their name
  -h, --help       print this

Exit code: 0 all were noticed, 1 one was not, 2 wrong usage.
";

/// One change to one file.
struct Change {
    /// Says where and what, in words that survive the moving of lines.
    key: String,
    file: PathBuf,
    at: usize,
    old: String,
    new: String,
    notice: Notice,
    /// One of the few that every change of the crate must pass by.
    gate: bool,
}

/// Who notices a change, as its list says.
enum Notice {
    /// One of the models with these words.
    By(String),
    /// No model can, for that reason.
    Nobody(String),
    /// It is not listed.
    Unknown,
}

/// What was asked for on the command line.
struct Wish {
    orderings: bool,
    /// Changes whose description has one of these; none: all.
    words: Vec<String>,
    limit: String,
    /// The models to which a change is shown whose list does not say who notices; empty: all.
    among: String,
    gate: bool,
    list: bool,
}

impl Wish {
    /// `None`: help was asked for.
    fn of(mut args: impl Iterator<Item = String>) -> Result<Option<Wish>, String> {
        let (mut limit, mut among, mut words) = (LIMIT, String::new(), Vec::new());
        let (mut gate, mut list) = (false, false);
        while let Some(arg) = args.next() {
            match arg.as_str() {
                "-h" | "--help" => return Ok(None),
                "--gate" => gate = true,
                "--list" => list = true,
                "--limit" => {
                    let seconds = args.next().and_then(|n| n.parse().ok());
                    limit = seconds.ok_or("--limit takes a whole number of seconds")?;
                }
                "--among" => among = args.next().ok_or("--among takes the name of a model, or a part of it")?,
                flag if flag.starts_with('-') => return Err(format!("unknown flag {flag}")),
                _ => words.push(arg),
            }
        }
        let orderings = match words.first().map(String::as_str) {
            Some("orderings") => true,
            Some("plants") => false,
            Some(other) => return Err(format!("unknown word {other}: `orderings` or `plants` comes first")),
            None => return Err("`orderings` or `plants` comes first".into()),
        };
        words.remove(0);
        Ok(Some(Wish { orderings, words, limit: limit.to_string(), among, gate, list }))
    }

    fn asks_for(&self, change: &Change) -> bool {
        if self.gate { change.gate } else { self.words.is_empty() || self.words.iter().any(|w| change.key.contains(w)) }
    }
}

fn main() -> ExitCode {
    let wish = match Wish::of(env::args().skip(1)) {
        Ok(Some(wish)) => wish,
        Ok(None) => return ask::tell(USAGE),
        Err(why) => return ask::refuse(&format!("{why}\n\n{USAGE}")),
    };
    // Asked now, not when this was built: a build may have been copied together with its tree.
    let package = env::var_os("CARGO_MANIFEST_DIR").expect("started by cargo, as its alias does");
    let root = Path::new(&package).join("..").canonicalize().expect("our own directory");
    let (changes, stale) = if wish.orderings { orderings(&root) } else { (plants(&root), Vec::new()) };
    let names: Vec<&str> = changes.iter().map(|c| c.key.as_str()).collect();
    let tool = if wish.orderings { "cargo mutants-loom orderings" } else { "cargo mutants-loom plants" };
    if let Some(why) = ask::unknown(&wish.words, &names, tool) {
        return ask::refuse(&why);
    }
    let asked = changes.iter().filter(|c| wish.asks_for(c));
    if wish.list {
        return ask::tell(&asked.map(|c| format!("{}\n", c.key)).collect::<String>());
    }
    let mut keys = HashSet::new();
    changes.iter().for_each(|c| assert!(keys.insert(&c.key), "two changes are called {}", c.key));
    stale.iter().for_each(|key| println!("FAILED: orderings.txt: there is no {key} any more"));
    let (mut passed, mut failed) = (0, stale.len());
    let copy = Copy::of(&root);
    let mut sound = HashSet::new();
    for change in asked {
        let models = if let Notice::By(models) = &change.notice { models } else { &wish.among };
        // What fails by itself would notice everything. The gate stands behind `cargo loom`, which has just shown that.
        let asks = !wish.gate && sound.insert(models);
        if let Some(by) = asks.then(|| copy.noticed(models, &wish.limit)).flatten() {
            println!("FAILED: {by}, and nothing was changed: mend that first");
            return ExitCode::FAILURE;
        }
        let begin = Instant::now();
        let caught = copy.with(change, |copy| copy.noticed(models, &wish.limit));
        let (seconds, key) = (begin.elapsed().as_secs(), &change.key);
        let good = match (&caught, &change.notice) {
            (Some(by), Notice::By(_)) => Ok(format!("noticed: {key}, by {by}")),
            (None, Notice::Nobody(why)) => Ok(format!("by nobody: {key}: {why}")),
            (Some(by), Notice::Nobody(_)) => Err(format!("{key}: noticed by {by}, and by nobody, says orderings.txt")),
            (Some(by), Notice::Unknown) => Err(format!("orderings.txt has no line for it:\n{key} => {by}")),
            (None, _) => Err(format!("{key}: no model noticed")),
        };
        match &good {
            Ok(said) => println!("{said} ({seconds} s)"),
            Err(said) => println!("FAILED: {said} ({seconds} s)"),
        }
        *(if good.is_ok() { &mut passed } else { &mut failed }) += 1;
    }
    println!("{passed} passed, {failed} failed");
    if failed == 0 && passed > 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

// ---- what to change --------------------------------------------------------------------------------------

/// Every ordering weakened, one at a time; and what `orderings.txt` lists that is not there.
fn orderings(root: &Path) -> (Vec<Change>, Vec<String>) {
    let text = fs::read_to_string(root.join("loom-tests/orderings.txt")).expect("the list of orderings");
    let lines = text.lines().filter(|l| !l.starts_with('#') && !l.trim().is_empty());
    let mut listed: HashMap<String, &str> = lines
        .map(|l| l.split_once("`) => ").expect("`key => room::model`"))
        .map(|(key, by)| (format!("{key}`)"), by))
        .collect();
    let mut files = Vec::new();
    rust_files(&root.join("src"), &mut files);
    files.retain(|f| !f.starts_with(root.join("src/sys")) && !f.ends_with("tests.rs"));
    files.sort();
    let mut changes: Vec<Change> = files.iter().flat_map(|file| weakenings(root, file)).collect();
    for change in &mut changes {
        change.notice = match listed.remove(&change.key).map(|by| by.strip_prefix("nobody: ").ok_or(by)) {
            Some(Ok(why)) => Notice::Nobody(why.into()),
            Some(Err(models)) => Notice::By(models.into()),
            None => Notice::Unknown,
        };
    }
    (changes, listed.into_keys().collect())
}

fn weakenings(root: &Path, file: &Path) -> Vec<Change> {
    let text = fs::read_to_string(file).expect("a source file");
    let name = file.strip_prefix(root).expect("below the root").to_path_buf();
    let (mut changes, mut function, mut at) = (Vec::new(), String::new(), 0);
    for line in text.split_inclusive('\n') {
        let code = line.split("//").next().unwrap_or_default();
        if let Some(f) = code.split("fn ").nth(1).filter(|_| code.contains("fn ")) {
            function = f.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
        }
        for (old, new) in [
            ("fence(Acquire);", ""),
            ("AcqRel", "Acquire"),
            ("AcqRel", "Release"),
            ("Acquire", "Relaxed"),
            ("Release", "Relaxed"),
        ] {
            for (i, _) in code.match_indices(old).filter(|(i, _)| is_argument(code, *i, old)) {
                let nth = code[..i].matches(old).count();
                let what = code.trim();
                let key = format!("{}::{function}: {old} -> {new} ({nth} in `{what}`)", name.display());
                // Whole: the file may not have imported it.
                let new = if new.is_empty() { String::new() } else { format!("crate::sys::Ordering::{new}") };
                let old = old.to_string();
                changes.push(Change {
                    key,
                    file: name.clone(),
                    at: at + i,
                    old,
                    new,
                    notice: Notice::Unknown,
                    gate: false,
                });
            }
        }
        at += line.len();
    }
    changes
}

/// Whether an ordering at `i` is one that an operation is given: not an import, not part of another word, no fence's.
fn is_argument(code: &str, i: usize, word: &str) -> bool {
    if word.starts_with("fence") {
        return true;
    }
    let before = &code[..i];
    let after = code[i + word.len()..].chars().next();
    !code.trim_start().starts_with("use ")
        && !before.ends_with("fence(")
        && before.ends_with([' ', '(', ','])
        && after.is_some_and(|c| c == ')' || c == ',')
}

/// The bugs of `plants/`, a file for each room: blocks of `name:`, `models:`, `file:`, `old:` and `new:` lines.
fn plants(root: &Path) -> Vec<Change> {
    let mut files: Vec<PathBuf> = fs::read_dir(root.join("loom-tests/plants"))
        .expect("the lists of plants")
        .map(|entry| entry.expect("a list of plants").path())
        .collect();
    files.sort();
    let texts: Vec<String> = files.iter().map(|file| fs::read_to_string(file).expect("a list of plants")).collect();
    let blocks = texts.iter().flat_map(|text| text.split("\n\n"));
    blocks.filter(|block| !block.trim().is_empty()).map(|block| plant(root, block)).collect()
}

fn plant(root: &Path, block: &str) -> Change {
    let field = |name: &str| -> String {
        let lines = block.lines().filter_map(|l| l.strip_prefix(name)?.strip_prefix(": "));
        lines.collect::<Vec<_>>().join("\n")
    };
    let (key, file, old) = (field("name"), PathBuf::from(field("file")), field("old"));
    let source = fs::read_to_string(root.join(&file)).expect("a plant's file");
    let found: Vec<usize> = source.match_indices(&old).map(|(at, _)| at).collect();
    let [at] = found[..] else {
        panic!("plant {key}: its old text stands {} times in {}", found.len(), file.display())
    };
    Change { key, file, at, old, new: field("new"), notice: Notice::By(field("models")), gate: field("gate") == "yes" }
}

// ---- how to try it ---------------------------------------------------------------------------------------

fn rust_files(dir: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(dir).expect("a directory of sources").flatten() {
        let path = entry.path();
        if path.is_dir() {
            rust_files(&path, files);
        } else if path.extension().is_some_and(|e| e == "rs") {
            files.push(path);
        }
    }
}

fn copy(from: &Path, to: &Path) {
    if from.is_dir() {
        fs::create_dir_all(to).expect("a directory of the copy");
        for entry in fs::read_dir(from).expect("a directory").flatten().filter(|e| e.file_name() != "target") {
            copy(&entry.path(), &to.join(entry.file_name()));
        }
        // What is not there any more would be built all the same.
        for entry in fs::read_dir(to).expect("the copy's").flatten().filter(|e| !from.join(e.file_name()).exists()) {
            let path = entry.path();
            let gone = if path.is_dir() { fs::remove_dir_all(&path) } else { fs::remove_file(&path) };
            gone.expect("the copy is ours");
        }
        return;
    }
    let new = fs::read(from).unwrap_or_default();
    if fs::read(to).ok().as_deref() != Some(&new) {
        fs::create_dir_all(to.parent().expect("a file has a directory")).expect("a directory of the copy");
        fs::write(to, new).expect("a file of the copy");
    }
}

/// A copy of the tree as it is when the run begins, with a target directory of its own: who goes on working beside it
/// does not disturb it.
struct Copy {
    tree: PathBuf,
    target: PathBuf,
}

impl Copy {
    /// Files that are the same keep their age, so that little is built anew.
    fn of(root: &Path) -> Copy {
        const PARTS: [&str; 9] =
            ["Cargo.toml", "Cargo.lock", "README.md", ".cargo", "src", "tests", "examples", "loom-tests", "benches"];
        let (tree, target) = (root.join("target/mutants/tree"), root.join("target/mutants/target"));
        // What is gone must go: a stale file of models would run with the others.
        PARTS.iter().for_each(|part| prune(&root.join(part), &tree.join(part)));
        PARTS.iter().for_each(|part| copy(&root.join(part), &tree.join(part)));
        let times = "loom/seconds.txt";
        if root.join("target").join(times).exists() {
            copy(&root.join("target").join(times), &target.join(times));
        }
        Copy { tree, target }
    }

    /// Makes a change, does `f`, and takes the change back.
    fn with<T>(&self, change: &Change, f: impl FnOnce(&Copy) -> T) -> T {
        let path = self.tree.join(&change.file);
        let text = fs::read_to_string(&path).expect("a file of the copy");
        assert!(text[change.at..].starts_with(&change.old), "{}: the source has moved", change.key);
        let after = &text[change.at + change.old.len()..];
        let changed = format!("{}{}{after}", &text[..change.at], change.new);
        fs::write(&path, changed).expect("a file of the copy");
        let answer = f(self);
        fs::write(&path, text).expect("a file of the copy");
        answer
    }

    /// Runs the models until one fails, and names it.
    fn noticed(&self, models: &str, limit: &str) -> Option<String> {
        let cargo = env::var_os("CARGO").unwrap_or("cargo".into());
        let out = Command::new(cargo)
            .args(["loom", "--first", "--limit", limit])
            .args(models.split_whitespace())
            .current_dir(&self.tree)
            .env("CARGO_TARGET_DIR", &self.target)
            .output()
            .expect("cargo starts");
        let text = String::from_utf8_lossy(&out.stdout);
        // A change that does not compile, or has no models, shows nothing.
        let ran =
            text.lines().any(|l| l.starts_with("stopped ") || l.ends_with(" failed") && !l.starts_with("0 passed, 0"));
        assert!(ran, "the changed tree does not build: {}", String::from_utf8_lossy(&out.stderr));
        text.lines().find_map(|l| l.strip_prefix("FAILED ")?.split_once(": ")).map(|(model, _)| model.to_string())
    }
}

/// Removes from a copy what the original does not have.
fn prune(original: &Path, copy: &Path) {
    if !copy.is_dir() {
        return;
    }
    for entry in fs::read_dir(copy).expect("a directory of the copy").flatten() {
        let (of, path) = (original.join(entry.file_name()), entry.path());
        if path.is_dir() {
            prune(&of, &path);
        } else if !of.exists() {
            fs::remove_file(path).expect("a file of the copy");
        }
    }
}
