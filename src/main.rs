//! The provider's process entry.
fn main() {}
