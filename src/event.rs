//! Event: a condition that may be set and cleared.
