//! Semaphore: a door, and what it gives.
