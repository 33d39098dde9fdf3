//! BoundedSemaphore: a semaphore that never has more permits than it began with.
