//! Policies: rules, and the decision by a set of them (spec 8.1, 8.2).
//!
//! Pure: nothing here knows a graph, a store or a clock. Which rules apply to an object is the question of
//! [`stream`](crate::stream); how they decide is answered here.

pub mod rule;

pub mod decide;
