//! Barrier: threads that meet, a number of them at a time.
