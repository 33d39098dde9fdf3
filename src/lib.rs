//! stopwhen
