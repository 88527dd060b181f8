//! What the specification promises of every stream, whoever judges it: what is final stands, all authority comes from
//! the owner, and equals cannot remove each other.

use std::collections::{BTreeMap, BTreeSet};

use streams_core::{Access, Action, CheckpointState, ObjectId, Rule, Stream, Verdict, decide};

use crate::admitted::Admitted;
use crate::alphabet::Alphabet;
use crate::deliveries::causal_arrivals;
use crate::grow::Dice;
use crate::literal::Literal;
use crate::outcome::{Outcome, same};
use crate::plan::{Deed, Grown, OWNER, PEOPLE, SUBJECTS, Step, allow, deny};
use crate::searches::{Holds, length, search_every, search_random};

// 9.4: what is final stands.

#[test]
fn what_is_final_stands_on_every_stream() {
    let size = if length() < 10 { 3 } else { 4 };
    search_every(Alphabet::finality(), size, |grown| {
        causal_arrivals(grown).iter().try_for_each(|arrival| what_is_final_stands(grown, arrival))
    });
}

#[test]
fn what_is_final_stands_on_random_streams() {
    search_random(300, 16, |grown| {
        let mut arrival: Vec<usize> = (1..grown.objects.len()).collect();
        what_is_final_stands(grown, &arrival)?;
        Dice(grown.plan.nonce).shuffle(&mut arrival);
        what_is_final_stands(grown, &arrival)
    });
}

fn what_is_final_stands(grown: &Grown, arrival: &[usize]) -> Holds {
    let mut stream = grown.replica();
    let mut outcomes = vec![Outcome::of(&stream, &PEOPLE)];
    for &number in arrival {
        let _ = stream.admit(grown.objects[number].clone(), 0);
        if stream.len() > outcomes[outcomes.len() - 1].order.len() {
            outcomes.push(Outcome::of(&stream, &PEOPLE));
        }
    }
    for (step, after) in outcomes.iter().enumerate() {
        for before in &outcomes[..step] {
            stands(grown, before, after).map_err(|wrong| format!("arrived {arrival:?}: {wrong}"))?;
        }
    }
    Ok(())
}

/// Whether what was final before is as it was, where `after` has more objects.
fn stands(grown: &Grown, before: &Outcome, after: &Outcome) -> Holds {
    let force = |outcome: &Outcome| -> Vec<ObjectId> {
        let force =
            |(id, state): &(ObjectId, CheckpointState)| (!matches!(state, CheckpointState::Without(_))).then_some(*id);
        outcome.checkpoints.iter().filter_map(force).collect()
    };
    let accepted = |outcome: &Outcome| -> Vec<ObjectId> {
        let accepted = |(id, state): &(ObjectId, CheckpointState)| (*state == CheckpointState::Accepted).then_some(*id);
        outcome.checkpoints.iter().filter_map(accepted).collect()
    };
    // 9.1: what is no checkpoint leaves the mutual order of others as it is.
    if force(before).iter().collect::<BTreeSet<_>>() == force(after).iter().collect() {
        let others: Vec<ObjectId> = after.order.iter().filter(|id| before.epochs.contains_key(id)).copied().collect();
        same("mutual order", &others, &before.order)?;
    }
    // 9.4: two incomparable checkpoints un-finalize back to the last accepted one below both.
    let is_past = |a: &ObjectId, b: &ObjectId| grown.is_past(a, b);
    let force = force(after);
    let pairs = force.iter().flat_map(|a| force.iter().map(move |b| (a, b)));
    let beside: Vec<_> = pairs.filter(|(a, b)| a != b && !is_past(a, b) && !is_past(b, a)).collect();
    let below_all = |c: &&ObjectId| beside.iter().all(|(a, b)| is_past(c, a) && is_past(c, b));
    let chain = accepted(before);
    let standing = chain.iter().take_while(below_all).count();
    same("accepted", accepted(after).get(..standing).unwrap_or_default(), &chain[..standing])?;

    let is_final = |id: &ObjectId| before.epochs.get(id).is_some_and(|epoch| *epoch as usize <= standing);
    let finals: Vec<ObjectId> = before.order.iter().filter(|id| is_final(id)).copied().collect();
    same("final order", &after.order[..finals.len()], &finals)?;
    for id in &finals {
        same("final epoch", &after.epochs[id], &before.epochs[id])?;
        same("final verdict", &after.verdicts[id], &before.verdicts[id])?;
        for subject in SUBJECTS.iter() {
            let at = (subject.clone(), *id);
            same("final rank", &after.ranks[&at], &before.ranks[&at])?;
        }
    }
    let replayed = |outcome: &Outcome| -> Vec<ObjectId> {
        let by: BTreeMap<_, _> = outcome.adopted.iter().copied().collect();
        let place = |id: &&ObjectId| is_final(by.get(id).unwrap_or(id));
        outcome.replayed.iter().take_while(place).copied().collect()
    };
    same("final replay", &replayed(after), &replayed(before))
}

// 8.3, 8.7: where all authority comes from.

/// Of each id, what is there to be read.
fn by_id(grown: &Grown) -> BTreeMap<ObjectId, &Admitted> {
    grown.read.iter().map(|object| (object.id, object)).collect()
}

/// Whether a rule alone allows the access of an object (8.6).
fn gives(rule: &Rule, object: &Admitted) -> bool {
    let action = match object.r#type.as_str() {
        "streams/policy" => "govern",
        "streams/checkpoint" => "checkpoint",
        _ => "append",
    };
    decide([rule], Access { subject: &object.author, action, resource: &object.r#type }).is_allowed()
}

#[test]
fn who_is_effective_has_a_chain_of_rules_that_leads_to_the_owner() {
    search_random(500, 24, |grown| {
        let outcome = Outcome::of(&grown.stream(), &PEOPLE);
        outcome.order.iter().try_for_each(|id| leads_to_the_owner(grown, &outcome, id))
    });
}

fn leads_to_the_owner(grown: &Grown, outcome: &Outcome, id: &ObjectId) -> Holds {
    let read = by_id(grown);
    let object = read[id];
    let is_owner = object.author == SUBJECTS[OWNER];
    let wrong = match outcome.verdicts[id] {
        Verdict::Owner if !is_owner => "it is not the owner's",
        Verdict::Force
            if !is_owner && !read[&grown.objects[0].id()].rules.iter().flatten().any(|rule| gives(rule, object)) =>
        {
            "the root does not name its holder"
        }
        Verdict::Allowed(deciding) => {
            let rule = &read[&deciding.by].rules.as_ref().expect("a policy object")[deciding.rule];
            let own = outcome.ranks[&(object.author.clone(), *id)];
            if !gives(rule, object) {
                "the rule does not allow it"
            } else if !grown.is_past(&deciding.by, id) {
                "the rule is not in its past"
            } else if outcome.ranks[&(read[&deciding.by].author.clone(), deciding.by)] != Some(deciding.rank) {
                "the rank is another one"
            } else if object.rules.is_some() && own.is_none_or(|own| own <= deciding.rank) {
                "who may govern is no junior of who allows it"
            } else {
                return leads_to_the_owner(grown, outcome, &deciding.by).map_err(|wrong| format!("{id} by {wrong}"));
            }
        }
        _ => return Ok(()),
    };
    Err(format!("{id}, {:?}: {wrong}", outcome.verdicts[id]))
}

#[test]
fn the_owner_is_always_effective() {
    search_random(500, 24, |grown| {
        let outcome = Outcome::of(&grown.stream(), &PEOPLE);
        let read = by_id(grown);
        outcome.verdicts.iter().try_for_each(|(id, verdict)| {
            let is_owners = read[id].author == SUBJECTS[OWNER] && read[id].r#type != "streams/checkpoint";
            same(&format!("the owner's {id}"), &(*verdict == Verdict::Owner), &is_owners)
        })
    });
}

#[test]
fn who_is_admitted_was_born_authorized() {
    search_random(500, 24, |grown| {
        let stream = grown.stream();
        for (number, object) in grown.read.iter().enumerate().skip(1) {
            if object.edges.iter().all(|edge| stream.contains(edge)) {
                let rules = grown.pasts[number].iter().flat_map(|past| grown.read[*past].rules.iter().flatten());
                let authorized = object.author == SUBJECTS[OWNER] || rules.into_iter().any(|rule| gives(rule, object));
                same(&format!("admitted {}", object.id), &stream.contains(&object.id), &authorized)?;
            }
        }
        Ok(())
    });
}

#[test]
fn what_is_refused_never_becomes_effective() {
    search_random(500, 24, |grown| {
        let stream = grown.stream();
        let admitted = grown.read_in(&stream);
        let replayed: BTreeSet<ObjectId> = stream.replayed().into_iter().collect();
        for refused in grown.read.iter().filter(|object| !stream.contains(&object.id)) {
            same(&format!("{} is replayed", refused.id), &replayed.contains(&refused.id), &false)?;
            // Nor would it be, had it been admitted.
            if refused.edges.iter().all(|edge| stream.contains(edge)) {
                let with = admitted.iter().copied().chain([refused]);
                let verdict = Literal::new(with).outcome(&[]).verdicts[&refused.id];
                same(&format!("{} would be effective", refused.id), &verdict.is_effective(), &false)?;
            }
        }
        Ok(())
    });
}

// 8.5, 8.6: equals cannot remove each other.

/// The objects of a stream, in which these policy objects say nothing.
fn muted(grown: &Grown, stream: &Stream, silent: impl Fn(&ObjectId) -> bool) -> Vec<Admitted> {
    let mut objects: Vec<Admitted> = grown.read_in(stream).into_iter().cloned().collect();
    for object in objects.iter_mut().filter(|object| object.rules.is_some() && silent(&object.id)) {
        object.rules = Some(Vec::new());
        object.withdraws = Vec::new();
    }
    objects
}

/// The rank of who wrote an object, at it.
fn own_rank(read: &BTreeMap<ObjectId, &Admitted>, outcome: &Outcome, id: &ObjectId) -> Option<u8> {
    outcome.ranks[&(read[id].author.clone(), *id)]
}

#[test]
fn a_policy_object_changes_no_rank_of_its_own_or_a_lower_number() {
    search_random(60, 16, |grown| {
        let stream = grown.stream();
        let outcome = Outcome::of(&stream, &PEOPLE);
        let read = by_id(grown);
        for id in outcome.order.iter().filter(|id| read[id].rules.is_some()) {
            let Some(rank) = own_rank(&read, &outcome, id) else { continue };
            let without = Literal::new(&muted(grown, &stream, |other| other == id)).outcome(&PEOPLE);
            for (at, before) in &outcome.ranks {
                let lowest = [*before, without.ranks[at]].into_iter().flatten().min();
                if *before != without.ranks[at] && lowest <= Some(rank) {
                    return Err(format!("{id} of rank {rank} changes the rank of {at:?}: {before:?}, {lowest:?}"));
                }
            }
        }
        Ok(())
    });
}

#[test]
fn equals_and_juniors_take_nothing_that_seniors_give() {
    search_random(60, 24, |grown| {
        let stream = grown.stream();
        let outcome = Outcome::of(&stream, &PEOPLE);
        let read = by_id(grown);
        for rank in 1..=16 {
            let governors: Vec<&ObjectId> =
                outcome.order.iter().filter(|id| own_rank(&read, &outcome, id) == Some(rank)).collect();
            if governors.is_empty() {
                continue;
            }
            let is_silent = |other: &ObjectId| own_rank(&read, &outcome, other).is_some_and(|other| other >= rank);
            let without = Literal::new(&muted(grown, &stream, is_silent)).outcome(&[]);
            for id in governors {
                if without.is_effective(id) && !outcome.is_effective(id) {
                    return Err(format!("{id} of rank {rank}: {:?}", outcome.verdicts[id]));
                }
            }
        }
        Ok(())
    });
}

#[test]
fn two_equals_who_deny_each_other_both_stay() {
    let mut grown = Grown::root(0, vec![allow(Action::Govern, &[1, 2])]);
    for (by, whom) in [(1, 2), (2, 1)] {
        let deed = Deed::Governs(vec![deny(&[whom])], BTreeSet::new());
        grown.push(Step { by, after: [0].into(), previous: None, deed });
    }
    let outcome = Outcome::of(&grown.stream(), &PEOPLE);
    assert!(outcome.order.iter().all(|id| outcome.is_effective(id)));
}
