//! The harness of the benches.
