//! What happens in a group, told in stories: who is let in, who is removed, who quarrels, and what stays.
//!
//! Alice owns every club. To be offline is to be a clone that meets the others later. Every story ends in
//! [`fixtures::all_agree`]: its objects are delivered in other orders, and everyone comes to the same verdicts.

mod checkpoints;
mod content;
mod elsewhere;
mod fixtures;
mod members;
mod moderators;
mod reading;
