//! RLock: a lock that its owner may take again, to look.
