//! Rules: the decision by a set of them, without a stream.

use streams_core::policy::rule::Effect;
use streams_core::{Access, Decision, Rule, RuleError, decide};
use wasm_bindgen::prelude::wasm_bindgen;

use crate::cbor::{In, Out};
use crate::error::Failure;

/// Checks a rule, as it may stand in a root or elsewhere.
#[wasm_bindgen(js_name = checkRule)]
pub fn check_rule(rule: &[u8], in_root: bool) -> Result<(), Failure> {
    Rule::read(&In::new(rule).entries()?, in_root)?;
    Ok(())
}

/// Decides an access by rules: of each its subjects, resources, actions and effect, as they stand. Tells whether it is
/// allowed, and by which.
#[wasm_bindgen(js_name = decide)]
pub fn decide_access(rules: &[u8], subject: &str, action: &str, resource: &str) -> Result<Vec<u8>, Failure> {
    let texts = |input: &mut In<'_>| input.option(|input| input.many(|input| Ok(input.text()?.to_owned())));
    let rules = In::new(rules).many(|input| {
        input.list()?;
        let (subjects, resources, actions) = (texts(input)?, texts(input)?, texts(input)?);
        let effect = Effect::from_name(input.text()?).ok_or(RuleError::Effect)?;
        Ok(Rule { subjects, resources, actions, effect })
    })?;
    let mut out = Out::new();
    let decision = decide(&rules, Access { subject, action, resource });
    out.list(2).bool(decision.is_allowed()).option(
        match decision {
            Decision::Allowed(at) | Decision::Denied(at) => Some(at),
            Decision::NoRule => None,
        },
        |out, at| {
            out.uint(at as u64);
        },
    );
    Ok(out.into_bytes())
}
