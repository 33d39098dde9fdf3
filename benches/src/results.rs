//! RESULTS.md: the rows of every room, each binary keeping its own up to date.

use crate::machine;
use crate::report::{Outcome, number, statistic, unit};
use std::fs;

pub(crate) const HEAD: [&str; 2] = [
    "| row | what | unit, by | ours min / median | best peer min / median | ratio | limit min / median | ratio | goal | verdict | date |",
    "|--|--|--|--:|--:|--:|--:|--:|--|--|--|",
];

/// The table's line of a row.
pub(crate) fn line(outcome: &Outcome) -> String {
    let none = || "–".to_string();
    let pair =
        |l: Option<&crate::report::Line>| l.map_or_else(none, |l| format!("{} / {}", number(l.min), number(l.median)));
    let ratio = |r: Option<f64>| r.map_or_else(none, |r| format!("{r:.2}×"));
    let (row, peer, limit) = (&outcome.row, outcome.peer(), outcome.limit());
    let peer_name = peer.map_or(String::new(), |p| format!(" {}", p.who));
    let measure = format!("{}, {}", unit(row.unit), statistic(row.stat));
    let cells = [
        row.id.to_string(),
        row.name.to_string(),
        measure,
        pair(outcome.ours()),
        pair(peer) + &peer_name,
        ratio(outcome.ratio(peer)),
        pair(limit),
        ratio(outcome.ratio(limit)),
        outcome.goals(),
        outcome.verdict().to_string(),
        machine::today(),
    ];
    // A bar inside code would end the cell.
    let cells: Vec<_> = cells.iter().map(|c| c.replace('|', "\\|")).collect();
    format!("| {} |", cells.join(" | "))
}

const INTRODUCTION: &str = "\
# Results

Written by `cargo bench`; which row is which is said in `benches/benches/`.
A goal is a ratio of one run, in which the variants took turns sample by sample; the times only show the scale.
\"Disturbed\": too few samples in which every thread had its CPU all the time.
";

/// Puts the new rows into the file, and keeps the others' if they are comparable.
pub(crate) fn merge(room: &str, order: &[&str], outcomes: &[Outcome], load: f64) {
    let path = machine::root().join("benches/RESULTS.md");
    let old = fs::read_to_string(&path).unwrap_or_default();
    let head = head();
    let mut sections = if comparable(&old, &head) { sections(&old) } else { Vec::new() };
    let title = format!("## {room}");
    let at = sections.iter().position(|s| s.first() == Some(&title)).unwrap_or_else(|| {
        sections.push(vec![title.clone()]);
        sections.len() - 1
    });
    let kept = &sections[at];
    let row_of = |id: &str| {
        let new = outcomes.iter().find(|o| o.row.id == id).map(line);
        new.or_else(|| kept.iter().find(|l| l.starts_with(&format!("| {id} |"))).cloned())
    };
    let mut section = vec![title, String::new()];
    section.push(format!("While these ran last, other processes used {load:.0} % of the machine."));
    section.push(String::new());
    section.extend(HEAD.map(str::to_string));
    section.extend(order.iter().filter_map(|id| row_of(id)));
    sections[at] = section;
    sections.sort_by_key(|s| s.first().cloned());
    let body: Vec<_> = sections.iter().map(|s| s.join("\n")).collect();
    let text = format!("{head}\n{}\n", body.join("\n\n"));
    match fs::write(&path, text) {
        Ok(()) => println!("\nWritten to benches/RESULTS.md"),
        Err(e) => eprintln!("\nbenches/RESULTS.md could not be written: {e}"),
    }
}

/// Everything above the first room.
fn head() -> String {
    let versions = machine::versions();
    let versions: Vec<_> = versions.iter().map(|(name, v)| format!("{name} {v}")).collect();
    let (machine, versions) = (machine::describe(), versions.join(", "));
    format!("{INTRODUCTION}\nMachine: {machine}.\nPeers: {versions}.\n")
}

/// Rows from another machine, or against other versions, are not comparable. New peers of other rows do no harm.
fn comparable(old: &str, head: &str) -> bool {
    let line = |text: &str, key: &str| {
        let line = text.lines().find_map(|l| l.strip_prefix(key)).unwrap_or_default();
        line.trim_end_matches('.').to_string()
    };
    let peers = |text: &str| line(text, "Peers: ").split(", ").map(str::to_string).collect::<Vec<_>>();
    let now = peers(head);
    line(old, "Machine: ") == line(head, "Machine: ") && peers(old).iter().all(|peer| now.contains(peer))
}

/// The file's rooms, each a list of lines that begins with its title.
fn sections(text: &str) -> Vec<Vec<String>> {
    let mut sections: Vec<Vec<String>> = Vec::new();
    for line in text.lines() {
        if line.starts_with("## ") {
            sections.push(Vec::new());
        }
        if let Some(section) = sections.last_mut() {
            section.push(line.to_string());
        }
    }
    for section in &mut sections {
        while section.last().is_some_and(String::is_empty) {
            section.pop();
        }
    }
    sections
}
