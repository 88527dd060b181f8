//! Deciding (spec 8.2): denied if a deny rule matches, else allowed if an allow rule matches, else denied. The order
//! of the rules plays no part.

use super::rule::{Action, Effect, Rule};

/// What somebody wants to do. Texts are compared as they stand, so a decision is total: names that no rule may have
/// simply match nothing but `*`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Access<'a> {
    /// Who: the text of a key.
    pub subject: &'a str,
    /// `read`, `append`, `govern` or `checkpoint`.
    pub action: &'a str,
    /// The type of an object.
    pub resource: &'a str,
}

/// Whether an access is allowed, and by what.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// This rule allows it (the first of several), and none denies it.
    Allowed(usize),
    /// This rule denies it (the first of several).
    Denied(usize),
    /// No rule matches.
    NoRule,
}

impl Decision {
    /// Whether the access is allowed.
    pub const fn is_allowed(self) -> bool {
        matches!(self, Self::Allowed(_))
    }
}

/// Decides an access by a set of rules. O(rules × their lists).
///
/// ```
/// # use streams_core::{Access, Action, Decision, Rule, decide};
/// let rules = [Rule::allow([Action::Read]), Rule::deny().subjects(["mallory"])];
/// let access = |subject| Access { subject, action: "read", resource: "list.Added" };
/// assert_eq!(decide(&rules, access("alice")), Decision::Allowed(0));
/// assert_eq!(decide(&rules, access("mallory")), Decision::Denied(1));
/// ```
pub fn decide<'r>(rules: impl IntoIterator<Item = &'r Rule>, access: Access<'_>) -> Decision {
    let mut decision = Decision::NoRule;
    for (at, rule) in rules.into_iter().enumerate() {
        match rule.effect {
            _ if !matches(rule, access) => {}
            Effect::Deny => return Decision::Denied(at),
            Effect::Allow if decision == Decision::NoRule => decision = Decision::Allowed(at),
            Effect::Allow => {}
        }
    }
    decision
}

/// Whether a rule matches an access, whatever its effect (spec 8.1).
pub fn matches(rule: &Rule, access: Access<'_>) -> bool {
    covers(&rule.subjects, |subject| subject == access.subject) && matches_deed(rule, access.action, access.resource)
}

/// Whether a rule matches an action on a type, whoever the subject is.
pub fn matches_deed(rule: &Rule, action: &str, resource: &str) -> bool {
    let by_action = if action == Action::Checkpoint.name() {
        // By name only, so that who may checkpoint is written down.
        rule.actions.as_ref().is_some_and(|actions| actions.iter().any(|named| named == action))
    } else {
        covers(&rule.actions, |named| named == action)
    };
    let by_resource = if action == Action::Govern.name() {
        // Who governs does not govern a part.
        covers(&rule.resources, |_| false)
    } else {
        covers(&rule.resources, |named| match named.strip_suffix('*') {
            Some(prefix) => resource.starts_with(prefix),
            None => named == resource,
        })
    };
    by_action && by_resource
}

/// Whether a list is absent or holds `*`, which is everything, or has an element that fits.
fn covers(list: &Option<Vec<String>>, fits: impl Fn(&str) -> bool) -> bool {
    list.as_ref().is_none_or(|list| list.iter().any(|element| element == "*" || fits(element)))
}
