//! Who may write: born authorized (spec 8.7), and the verdict as far as it depends on the root alone (spec 8.3).

use super::Stream;
use super::content::Content;
use crate::graph::Index;
use crate::object::header::{Header, types};
use crate::policy::decide::{Access, decide, matches};
use crate::policy::rule::{Action, Effect, Rule};

/// A policy object of the stream (spec 8.3).
pub(super) struct PolicyObject {
    index: Index,
    rules: Vec<Rule>,
}

/// What an object does, as rules see it (spec 8.6, 8.7).
fn access<'a>(header: &Header<'a>) -> Access<'a> {
    let resource = header.r#type();
    let action = match resource {
        types::POLICY => Action::Govern,
        types::CHECKPOINT => Action::Checkpoint,
        _ => Action::Append,
    };
    Access { subject: header.author_text(), action: action.name(), resource }
}

impl Stream {
    /// Born authorized (spec 8.7): the owner, and whom a rule in the past allows it. Denials and withdrawals do not
    /// enter, so the answer never changes.
    pub(super) fn is_born_authorized(&self, header: &Header<'_>, edges: &[Index]) -> bool {
        if header.author() == self.owner() {
            return true;
        }
        let access = access(header);
        self.policies.iter().any(|policy| {
            policy.rules.iter().any(|rule| rule.effect == Effect::Allow && matches(rule, access))
                // The root is in every past; to look for it would walk all of it.
                && (policy.index == Self::ROOT || self.graph.is_ancestor(policy.index, edges))
        })
    }

    /// The verdict by the rules of the root. Policies in the graph do not enter yet (spec 8.4 to 8.6).
    pub(super) fn is_allowed_by_root(&self, header: &Header<'_>) -> bool {
        if header.author() == self.owner() {
            return true;
        }
        let access = access(header);
        decide(&self.policies[0].rules, access).is_allowed()
    }

    /// Takes note of the rules of an admitted object. The root counts as a policy object in any case: without rules,
    /// it lets everyone read.
    pub(super) fn note_policies(&mut self, index: Index, content: Content) {
        let rules = match content {
            Content::Application { rules } if index == Self::ROOT && rules.is_empty() => {
                vec![Rule::allow([Action::Read])]
            }
            Content::Application { rules } | Content::Policy { rules, .. } => rules,
            _ => return,
        };
        if !rules.is_empty() {
            self.policies.push(PolicyObject { index, rules });
        }
    }
}
