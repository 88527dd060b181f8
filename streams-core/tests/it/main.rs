//! The tests that cross rooms, in one binary.

mod archives;
mod codes;
mod convergence;
mod definitions;
mod evidence;
mod fixtures;
mod hostile;
mod keeping;
mod meetings;
mod peers;
mod planning;
mod reconcile;
mod schema;
mod sessions;
mod signatures;
mod stores;
mod tidy;
