//! The rules of the house, one function each: the lines that break it.
use crate::source::{Source, has_word, is_word};

/// Lines that a file may have.
pub const LONGEST: usize = 420;
/// How far above an unsafe block its SAFETY line may stand.
const NEAR: usize = 8;

/// What each room may name of the others: those listed before it.
const STAIRS: [&[&str]; 8] = [
    &["sys", "order"],
    &["wait", "error", "report"],
    &["signal"],
    &["till", "os"],
    &["lock", "semaphore", "barrier", "event", "queue"],
    &["condition", "rlock", "bounded_semaphore"],
    &["thread"],
    &["loops"],
];
/// Names that the root re-exports, and the room they live in.
const AT_ROOT: [(&str, &str); 20] = [
    ("Signal", "signal"),
    ("Cause", "signal"),
    ("Until", "signal"),
    ("Till", "till"),
    ("clock", "till"),
    ("Stopped", "error"),
    ("Closed", "error"),
    ("Broken", "error"),
    ("Ended", "error"),
    ("Lock", "lock"),
    ("LockGuard", "lock"),
    ("Condition", "condition"),
    ("Semaphore", "semaphore"),
    ("BoundedSemaphore", "bounded_semaphore"),
    ("Permit", "semaphore"),
    ("OwnedPermit", "semaphore"),
    ("Queue", "queue"),
    ("Thread", "thread"),
    ("ThreadRef", "thread"),
    ("Root", "thread"),
];

/// Files outside wait and sys with an atomic of their own, and what for.
pub const OWN_ATOMICS: [(&str, &str); 5] = [
    ("bounded_semaphore.rs", "how many permits were forgotten"),
    ("barrier/plain.rs", "who has arrived, in which generation: the plain barrier"),
    ("event.rs", "whether it is set, and whether somebody may sleep"),
    ("till/process.rs", "whether the clock's thread was started; the earliest deadline of a shard"),
    ("queue/late.rs", "whether a value is there that is set once"),
];

const ORDERINGS: [&str; 5] = ["Relaxed", "Acquire", "Release", "AcqRel", "SeqCst"];
const OPERATIONS: [&str; 7] = [".load(", ".store(", ".swap(", "compare_exchange", "fetch_", "fence(", ".exchange("];

pub type Rule = (&'static str, fn(&Source) -> Vec<usize>);

pub const RULES: [Rule; 16] = [
    ("only sys names what synchronizes", only_sys_names_what_synchronizes),
    ("unsafe only in wait and lock", unsafe_only_in_wait_and_lock),
    ("memory orderings only in wait and sys", orderings_only_in_wait_and_sys),
    ("only wait stores a Waker", |s| {
        if ["wait", "sys"].contains(&s.room()) { vec![] } else { s.lines_with(&["Waker", "RawWaker"]) }
    }),
    ("signal knows no time", signal_knows_no_time),
    ("stairs lead only downwards", stairs_lead_only_downwards),
    ("no SeqCst but in fences", no_seq_cst_but_in_fences),
    ("only report knows who listens", |s| {
        // In a model nobody listens: it is told of when it can go on no further.
        if s.room() == "report" || s.path == "sys/model.rs" { vec![] } else { s.lines_with(&["tracing::", "stderr"]) }
    }),
    ("only os hears the system's signals", |s| {
        if s.room() == "os" { vec![] } else { s.lines_with(&["signal_hook", "ctrlc"]) }
    }),
    ("no let chains", no_let_chains),
    ("unsafe blocks say why", unsafe_blocks_say_why),
    ("unsafe functions list duties", unsafe_functions_list_duties),
    ("atomics say why", atomics_say_why),
    ("files stay short", |s| if s.raw.len() > LONGEST { vec![LONGEST] } else { vec![] }),
    ("no leftovers", |s| s.lines_with(&["dbg!", "todo!", "unimplemented!", "println!"])),
    ("only the system ends the process", |s| if s.path == "os.rs" { vec![] } else { s.lines_with(&["process::exit"]) }),
];

fn only_sys_names_what_synchronizes(s: &Source) -> Vec<usize> {
    const WORDS: [&str; 10] = [
        "std::sync",
        "core::sync",
        "std::thread::park",
        "std::thread::sleep",
        "std::thread::spawn",
        "loom",
        "shuttle",
        "parking_lot",
        "crossbeam_utils",
        "atomic_waker",
    ];
    if s.room() == "sys" {
        return vec![];
    }
    // A gate names loom, and nothing of it.
    let gate = |l: &str| l.contains("cfg(") || l.contains("cfg!(");
    let named = |l: &str| WORDS.iter().any(|w| has_word(l, w) && !(*w == "loom" && gate(l)));
    let thread = |l: &str| l == "std::thread" || l.starts_with("std::thread::{") || l.starts_with("std::thread::self");
    s.paths().into_iter().filter(|(_, p)| named(p) || thread(p)).map(|(i, _)| i).collect()
}

fn unsafe_only_in_wait_and_lock(s: &Source) -> Vec<usize> {
    let free = s.room() == "wait" || s.room() == "lock";
    if free { vec![] } else { s.lines_with(&["unsafe"]) }
}

fn orderings_only_in_wait_and_sys(s: &Source) -> Vec<usize> {
    if ["wait", "sys"].contains(&s.room()) || OWN_ATOMICS.iter().any(|(file, _)| *file == s.path) {
        return vec![];
    }
    let mut lines = s.lines_with(&ORDERINGS);
    lines.extend(s.lines_with(&["Ordering::*", "atomic"]));
    lines.extend((0..s.code.len()).filter(|&i| OPERATIONS.iter().any(|op| s.code[i].contains(op))));
    lines
}

fn signal_knows_no_time(s: &Source) -> Vec<usize> {
    if s.room() != "signal" || s.path == "signal/until.rs" {
        return vec![];
    }
    s.lines_with(&["Instant", "Duration", "SystemTime", "std::time", "Moment"])
}

fn stairs_lead_only_downwards(s: &Source) -> Vec<usize> {
    let step = |room: &str| STAIRS.iter().position(|rooms| rooms.contains(&room));
    let Some(here) = step(s.room()) else { return vec![] };
    let upwards = |path: &str| {
        path.match_indices("crate::").any(|(i, m)| {
            let name: String = path[i + m.len()..].chars().take_while(|c| is_word(*c)).collect();
            let room = AT_ROOT.iter().find(|(n, _)| *n == name).map_or(name.as_str(), |(_, room)| room);
            // Whoever is new here takes a step of his own first.
            room != s.room() && step(room).is_none_or(|there| there >= here && !(here == there && room == "error"))
        })
    };
    s.paths().into_iter().filter(|(_, p)| upwards(p)).map(|(i, _)| i).collect()
}

fn no_seq_cst_but_in_fences(s: &Source) -> Vec<usize> {
    let spared = |i: &usize| s.code[*i].contains("fence(SeqCst)") || s.code[*i].contains("fence(Ordering::SeqCst)");
    let lines = if s.path == "sys/model.rs" { vec![] } else { s.lines_with(&["SeqCst"]) };
    lines.into_iter().filter(|i| !spared(i)).collect()
}

/// They came after the `rust-version` of the crate.
fn no_let_chains(s: &Source) -> Vec<usize> {
    let text = s.code.join("\n");
    let mut lines = Vec::new();
    for (i, _) in text.match_indices("let ") {
        let line = text[..i].matches('\n').count();
        let before = text[..i].trim_end();
        if before.ends_with("&&") || before.ends_with("||") && before.contains("if ") && !before.ends_with("= ||") {
            lines.push(line);
        }
        if !(has_word_at_end(before, "if") || has_word_at_end(before, "while")) {
            continue;
        }
        let mut depth = 0;
        let mut condition = text[i..].char_indices().take_while(|(_, c)| {
            depth += match c {
                '(' | '[' => 1,
                ')' | ']' => -1,
                _ => 0,
            };
            depth >= 0 && !(*c == '{' && depth == 0)
        });
        let mut level = 0;
        let chained = condition.any(|(k, c)| {
            level += match c {
                '(' | '[' => 1,
                ')' | ']' => -1,
                _ => 0,
            };
            level == 0 && text[i + k..].starts_with("&& ")
        });
        if chained {
            lines.push(line);
        }
    }
    lines
}

fn has_word_at_end(text: &str, word: &str) -> bool {
    text.strip_suffix(word).is_some_and(|rest| !rest.ends_with(is_word))
}

fn unsafe_blocks_say_why(s: &Source) -> Vec<usize> {
    let block = |i: &usize| {
        let line = &s.code[*i];
        has_word(line, "unsafe") && (line.contains("unsafe {") || line.contains("unsafe impl"))
    };
    let said = |i: &usize| s.raw[i.saturating_sub(NEAR)..=*i].iter().any(|l| l.contains("SAFETY:"));
    (0..s.code.len()).filter(block).filter(|i| !said(i)).collect()
}

fn unsafe_functions_list_duties(s: &Source) -> Vec<usize> {
    let declares = |i: &usize| {
        let line = s.code[*i].trim_start();
        line.contains("unsafe fn ") && !line.starts_with("type ")
    };
    (0..s.code.len()).filter(declares).filter(|&i| !docs_above(s, i).any(|l| l.contains("# Safety"))).collect()
}

/// The comments and attributes right above a line.
fn docs_above<'s>(s: &'s Source, i: usize) -> impl Iterator<Item = &'s str> {
    s.raw[..i].iter().rev().map(|l| l.trim_start()).take_while(|l| l.starts_with("//") || l.starts_with("#["))
}

/// Each function with an atomic operation says ORDERING, in it or above it; or the header speaks for all of them.
fn atomics_say_why(s: &Source) -> Vec<usize> {
    let header = || s.raw.iter().take_while(|l| l.starts_with("//"));
    if s.room() == "sys" || header().any(|l| l.contains("# Orderings")) && s.path != "wait/mod.rs" {
        return vec![];
    }
    let is_fn = |i: &usize| {
        let line = s.code[*i].trim_start();
        has_word(line, "fn") && line.contains('(') && !line.contains("type ")
    };
    let starts: Vec<usize> = (0..s.code.len()).filter(is_fn).collect();
    let mut lines = Vec::new();
    for (n, &from) in starts.iter().enumerate() {
        let to = starts.get(n + 1).copied().unwrap_or(s.code.len());
        let uses = |i: &usize| {
            let line = &s.code[*i];
            OPERATIONS.iter().any(|op| line.contains(op)) && ORDERINGS.iter().any(|o| has_word(line, o))
        };
        let Some(first) = (from..to).find(uses) else { continue };
        let why = |l: &str| l.contains("ORDERING:");
        if !s.raw[from..to].iter().any(|l| why(l)) && !docs_above(s, from).any(why) {
            lines.push(first);
        }
    }
    lines
}
