//! The simulator's process entry.
fn main() {}
