//! People, a club, and what they do in it.

use std::collections::BTreeSet;

use streams_core::{
    Authentic, CheckpointState, Content, Deciding, Draft, Edges, Entry, HashKey, Ingested, Map, ObjectId, Set,
    SigningKey, Stream, Value, Verdict,
};

pub(crate) const NOTE: &str = "example.org/club.Note";

/// As many people as the story asks for.
pub(crate) fn people<const N: usize>() -> [SigningKey; N] {
    std::array::from_fn(|number| SigningKey::from_bytes([number as u8 + 1; 32]))
}

/// A club whose root has no rules: everyone reads, and nobody but its owner writes.
pub(crate) fn club(owner: &SigningKey) -> Stream {
    open(Draft::root("example.org/club", [1; 16]).sign(owner).expect("a root"))
}

pub(crate) fn open(root: Authentic) -> Stream {
    Stream::open(root, HashKey::from_bytes([9; 16])).expect("a root")
}

/// Somebody writes a note.
pub(crate) fn note(club: &mut Stream, author: &SigningKey, text: &str) -> Authentic {
    club.by(author).append(NOTE, words(text)).expect("it is admitted")
}

pub(crate) fn words(text: &str) -> Map {
    Map::new().with("text", Value::Text(text.into())).expect("a name")
}

/// A draft that claims to have seen nothing later than this one object.
pub(crate) fn as_if_after(club: &Stream, seen: &Authentic, r#type: &str) -> Draft {
    let generation = seen.header().generation() + 1;
    Draft::event(r#type, Edges { stream: club.id(), parents: vec![seen.id()], previous: None, generation })
}

/// Two replicas tell each other all that they have.
pub(crate) fn meet(a: &mut Stream, b: &mut Stream) {
    tell(a, b);
    tell(b, a);
}

fn tell(from: &Stream, to: &mut Stream) {
    for entry in from.entries() {
        to.admit(entry.authentic, 0).expect("what one admits, all admit");
    }
}

/// The verdict on an object, and who decided.
pub(crate) fn why(club: &Stream, object: &Authentic) -> Verdict {
    club.explain(&object.id()).expect("it is here")
}

/// Effective: the first rule of this policy object, known to the author, allows it.
pub(crate) fn allowed(by: &Authentic, rank: u8) -> Verdict {
    Verdict::Allowed(Deciding { by: by.id(), rule: 0, rank, set: Set::Known })
}

/// Void: the first rule of this policy object denies it.
pub(crate) fn denied(by: &Authentic, rank: u8, set: Set) -> Verdict {
    Verdict::Denied(Deciding { by: by.id(), rule: 0, rank, set })
}

/// Void: what allowed it is withdrawn.
pub(crate) fn withdrawn(by: &Authentic, rank: u8, set: Set) -> Verdict {
    Verdict::Withdrawn { by: by.id(), rank, set }
}

/// The rank of somebody who came now; `None` is who does not govern.
pub(crate) fn rank(club: &Stream, of: &SigningKey) -> Option<u8> {
    let mut now = club.clone();
    let last = note(&mut now, of, "Where do I stand?");
    now.rank(&of.verifying_key(), &last.id()).expect("it is here")
}

/// The texts that replay hands out, in its order.
pub(crate) fn told(club: &Stream) -> Vec<String> {
    club.replay(Vec::new(), |mut told, object| {
        let data = object.object().data().unwrap_or_default();
        if let Some(Value::Text(text)) = data.value("text") {
            told.push(text.clone());
        }
        told
    })
}

/// The policy objects that are withdrawn now, as spec 8.4 says it: an effective one withdraws them, has them in its
/// past, and is of no higher rank.
fn withdrawn_literally(club: &Stream) -> Vec<ObjectId> {
    let rank =
        |entry: &Entry| club.rank(&entry.authentic.header().author(), &entry.authentic.id()).expect("it is here");
    let policies = || {
        let read = |entry: Entry| match Content::read(&entry.authentic) {
            Ok(Content::Policy { withdraws, .. }) => Some((entry, withdraws)),
            _ if entry.authentic.id() == club.id() => Some((entry, Vec::new())),
            _ => None,
        };
        club.entries().filter(|entry| entry.effective).filter_map(read)
    };
    let is_withdrawn = |policy: &Entry| {
        let id = policy.authentic.id();
        let withdraws = |(by, ids): (Entry, Vec<ObjectId>)| {
            ids.contains(&id) && past(club, &by).contains(&id) && rank(&by) <= rank(policy)
        };
        policies().any(withdraws)
    };
    policies().filter(|(policy, _)| is_withdrawn(policy)).map(|(policy, _)| policy.authentic.id()).collect()
}

/// The past of an object: all that its header cites, and what that cites.
fn past(club: &Stream, entry: &Entry) -> BTreeSet<ObjectId> {
    let cited = |entry: &Entry| {
        let header = entry.authentic.header();
        header.parents().iter().chain(header.previous()).collect::<Vec<_>>()
    };
    let (mut past, mut ways) = (BTreeSet::new(), cited(entry));
    while let Some(id) = ways.pop() {
        if past.insert(id) {
            ways.extend(cited(&club.entry(&id).expect("what is cited is here")));
        }
    }
    past
}

/// All that everyone must agree on.
#[derive(Debug, PartialEq)]
struct Agreed {
    verdicts: Vec<(ObjectId, Verdict)>,
    replayed: Vec<ObjectId>,
    adopted: Vec<(ObjectId, ObjectId)>,
    removed: Vec<(ObjectId, ObjectId)>,
    withdrawn: Vec<ObjectId>,
    checkpoints: Vec<(ObjectId, CheckpointState)>,
    finals: usize,
}

impl Agreed {
    fn of(club: &Stream) -> Self {
        Self {
            verdicts: club.order().map(|id| (id, club.explain(&id).expect("it is here"))).collect(),
            replayed: club.replayed(),
            adopted: club.adopted(),
            removed: club.removed(),
            withdrawn: club.withdrawn(),
            checkpoints: club.checkpoints(),
            finals: club.final_len(),
        }
    }
}

/// Delivers the objects of a club in every order where they are few, and in 1,000 orders where they are more: each
/// time the order, the verdicts with their reasons, and what is final are the same, and replay hands out what
/// `explain` calls effective. What is withdrawn, and what is in whose past, is so by the letter.
pub(crate) fn all_agree(club: &Stream) {
    let mut objects: Vec<Authentic> = club.entries().map(|entry| entry.authentic).collect();
    let root = objects.remove(0);
    let expected = Agreed::of(club);
    for order in orders(objects.len()) {
        let mut replica = open(root.clone());
        let mut here = 1;
        for at in order {
            if let Ingested::Admitted { then } = replica.admit(objects[at].clone(), 0).expect("it was admitted before")
            {
                here += 1 + then.len();
            }
        }
        assert_eq!(here, club.len());
        assert_eq!(Agreed::of(&replica), expected);
    }
    assert_eq!(club.withdrawn(), withdrawn_literally(club));
    for entry in club.entries() {
        assert_eq!(entry.effective, why(club, &entry.authentic).is_effective());
        let past = past(club, &entry);
        for id in club.order() {
            assert_eq!(club.is_ancestor(&id, &entry.authentic.id()), past.contains(&id));
        }
    }
}

/// The orders of so many things: all up to 5, else 1,000 shuffles, the same in every run.
fn orders(len: usize) -> Vec<Vec<usize>> {
    let in_order: Vec<usize> = (0..len).collect();
    if len > 5 {
        let mut seed = 0x9e37_79b9_7f4a_7c15_u64;
        let mut below = |end: usize| {
            seed ^= seed << 13;
            seed ^= seed >> 7;
            seed ^= seed << 17;
            (seed % end as u64) as usize
        };
        let mut shuffled = || {
            let mut order = in_order.clone();
            (1..len).rev().for_each(|at| order.swap(at, below(at + 1)));
            order
        };
        return (0..1000).map(|_| shuffled()).collect();
    }
    let mut orders = vec![Vec::new()];
    for _ in 0..len {
        let longer = |order: &Vec<usize>| {
            let order = order.clone();
            let rest: Vec<usize> = in_order.iter().copied().filter(|at| !order.contains(at)).collect();
            rest.into_iter().map(move |at| [order.clone(), vec![at]].concat()).collect::<Vec<_>>()
        };
        orders = orders.iter().flat_map(longer).collect();
    }
    orders
}
