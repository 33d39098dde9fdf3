//! Groups of variants, run interleaved, judged row by row.

use crate::args::args;
use crate::machine::Load;
use crate::report::Outcome;
use crate::results;
use std::thread::JoinHandle;

/// What a row's numbers are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// Nanoseconds for one operation.
    Ns,
    /// Microseconds.
    Us,
    /// Bytes of heap.
    Bytes,
    /// Kilobytes of a binary.
    Kilobytes,
    /// Seconds of CPU.
    Seconds,
    /// Instructions of the processor.
    Instructions,
    /// Memory accesses that lock their line.
    Locked,
    /// How many crates.
    Crates,
    /// Looks per second, of all waiters together.
    Looks,
    /// The largest share over the smallest.
    Shares,
}

/// Which statistic of its samples a row is judged by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stat {
    /// One thread, no sleeping: noise only ever adds.
    Min,
    /// Several cores, or sleeping: the fastest sample is luck.
    Median,
}

/// What "flat" means among many: a cold line or two, but no walk and no search.
pub const FLAT: f64 = 1.25;

/// What a row has to reach.
#[derive(Clone, Debug)]
pub enum Goal {
    /// At most so many times the best peer.
    Peer(f64),
    /// At most so many times the hand-written limit.
    Limit(f64),
    /// At most so many times the variant of that name.
    Than(&'static str, f64),
    /// At most so many times the row of that id, as measured earlier in this run.
    Flat(&'static str, f64),
    /// At most this, in the row's unit.
    AtMost(f64),
}

/// One line of the table.
#[derive(Clone, Debug)]
pub struct Row {
    pub(crate) id: &'static str,
    pub(crate) name: &'static str,
    pub(crate) unit: Unit,
    pub(crate) stat: Stat,
    pub(crate) goals: Vec<Goal>,
    large: bool,
}

impl Row {
    /// A row in nanoseconds, judged by its minimum.
    pub fn ns(id: &'static str, name: &'static str) -> Row {
        Row { id, name, unit: Unit::Ns, stat: Stat::Min, goals: Vec::new(), large: false }
    }

    /// Changes the unit.
    pub fn unit(mut self, unit: Unit) -> Row {
        self.unit = unit;
        self
    }

    /// Leaves the row, and its group, out of smoke runs.
    pub fn large(mut self) -> Row {
        self.large = true;
        self
    }

    /// Judges by the median.
    pub fn median(mut self) -> Row {
        self.stat = Stat::Median;
        self
    }

    /// Adds a goal; all of them must be met.
    pub fn goal(mut self, goal: Goal) -> Row {
        self.goals.push(goal);
        self
    }
}

/// What a variant is to its row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    Ours,
    Peer,
    /// The least code that does the job, written by hand.
    Limit,
    /// Measured and shown, not judged.
    Note,
}

/// What a variant measured, one list for each row of its group.
#[derive(Clone, Debug, Default)]
pub struct Samples {
    clean: Vec<Vec<f64>>,
    disturbed: Vec<Vec<f64>>,
}

/// With fewer clean samples than this the disturbed ones count too.
const ENOUGH: usize = 5;

impl Samples {
    /// Records a sample for the group's row number `row`.
    pub fn put(&mut self, row: usize, value: f64) {
        push_at(&mut self.clean, row, value);
    }

    /// Records a sample during which a thread had to wait for a CPU.
    pub fn put_disturbed(&mut self, row: usize, value: f64) {
        push_at(&mut self.disturbed, row, value);
    }

    /// The samples to judge by, sorted, and whether they are the clean ones.
    pub(crate) fn of(&self, row: usize) -> (Vec<f64>, bool) {
        let list = |all: &[Vec<f64>]| all.get(row).cloned().unwrap_or_default();
        let (mut kept, disturbed) = (list(&self.clean), list(&self.disturbed));
        let clean = kept.len() >= ENOUGH || disturbed.is_empty();
        if !clean {
            kept.extend(disturbed);
        }
        kept.sort_by(f64::total_cmp);
        (kept, clean)
    }
}

fn push_at(lists: &mut Vec<Vec<f64>>, row: usize, value: f64) {
    if lists.len() <= row {
        lists.resize(row + 1, Vec::new());
    }
    lists[row].push(value);
}

/// Takes the samples of one round.
type Round = Box<dyn FnMut(&mut Samples)>;

pub(crate) struct Variant {
    pub(crate) who: &'static str,
    pub(crate) role: Role,
    round: Round,
    pub(crate) samples: Samples,
}

/// Rounds of a group that asks for nothing else.
const ROUNDS: usize = 150;

/// Variants that do the same job.
pub struct Group {
    variants: Vec<Variant>,
    rounds: usize,
    warm_up: bool,
}

impl Group {
    fn add(&mut self, who: &'static str, role: Role, round: impl FnMut(&mut Samples) + 'static) {
        let samples = Samples::default();
        self.variants.push(Variant { who, role, round: Box::new(round), samples });
    }

    /// Adds the variant to be judged.
    pub fn ours(&mut self, round: impl FnMut(&mut Samples) + 'static) {
        self.add("ours", Role::Ours, round);
    }

    /// Adds somebody else's way to do the same job.
    pub fn peer(&mut self, who: &'static str, round: impl FnMut(&mut Samples) + 'static) {
        self.add(who, Role::Peer, round);
    }

    /// Adds the hand-written least.
    pub fn limit(&mut self, who: &'static str, round: impl FnMut(&mut Samples) + 'static) {
        self.add(who, Role::Limit, round);
    }

    /// Adds a variant that is shown, and judged only by goals that name it.
    pub fn note(&mut self, who: &'static str, round: impl FnMut(&mut Samples) + 'static) {
        self.add(who, Role::Note, round);
    }

    /// Sets how often each variant gets its turn.
    pub fn rounds(&mut self, rounds: usize) {
        self.rounds = rounds;
    }

    /// Counts the first round too, for variants that calibrate nothing and take long.
    pub fn cold(&mut self) {
        self.warm_up = false;
    }

    fn run(&mut self) {
        // This one calibrates, fills the caches, and does not count.
        if self.warm_up {
            self.variants.iter_mut().for_each(|v| (v.round)(&mut Samples::default()));
        }
        for _ in 0..args().rounds(self.rounds) {
            self.variants.iter_mut().for_each(|v| (v.round)(&mut v.samples));
        }
    }
}

/// One bench binary's run: its rows in order, and what came out.
pub struct Suite {
    room: &'static str,
    rows: Vec<Row>,
    outcomes: Vec<Outcome>,
    parked: JoinHandle<()>,
    load: Load,
}

impl Suite {
    /// Starts the run of one room, and the thread that is parked throughout.
    pub fn start(room: &'static str) -> Suite {
        println!("\n# {room}");
        let parked = std::thread::spawn(std::thread::park);
        Suite { room, rows: Vec::new(), outcomes: Vec::new(), parked, load: Load::start() }
    }

    /// Runs the variants that `build` adds, if any of `rows` was asked for.
    pub fn group<const N: usize>(&mut self, rows: [Row; N], build: impl FnOnce(&mut Group)) {
        self.rows.extend(rows.iter().cloned());
        let wanted = rows.iter().any(|row| args().wants(row.id));
        if !wanted || args().quick && rows.iter().any(|row| row.large) {
            return;
        }
        let mut group = Group { variants: Vec::new(), rounds: ROUNDS, warm_up: true };
        build(&mut group);
        group.run();
        for (index, row) in rows.into_iter().enumerate() {
            let outcome = Outcome::of(row, index, &group.variants, &self.outcomes);
            outcome.print();
            self.outcomes.push(outcome);
        }
    }

    /// Prints the table and, unless this is a smoke run, merges it into RESULTS.md.
    pub fn finish(self) {
        let load = self.load.others();
        crate::report::print_table(&self.outcomes, load);
        if !args().quick {
            let order: Vec<_> = self.rows.iter().map(|row| row.id).collect();
            results::merge(self.room, &order, &self.outcomes, load);
        }
        self.parked.thread().unpark();
        self.parked.join().expect("the parked thread only parks");
    }
}
