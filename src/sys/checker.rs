//! Who runs the models: loom, which tries every order there is; or shuttle, which throws dice, for scenes of more threads than loom
//! can hold.
//!
//! shuttle is for the crate's own tests, under a cfg of its own on top of loom's: all else is as in the models. It knows no weak memory,
//! no leaks, and no cells.
#[cfg(not(stopwhen_shuttle))]
#[path = "checker/exhaustive.rs"]
mod tool;
#[cfg(stopwhen_shuttle)]
#[path = "checker/random.rs"]
mod tool;

pub(crate) use tool::*;
