//! Whoever has the same objects has the same order, leaves and state, whatever the order of their arrival.

use proptest::prelude::*;
use streams_core::{Authentic, Ingested, Stream};

use crate::fixtures::{key, open_root, replica, text};

/// Writers who append beside each other, each to what they have seen: a random graph, and the objects of it.
fn history(root: &Authentic, steps: &[(u8, u8)]) -> Vec<Authentic> {
    let mut replicas: Vec<Stream> = (0..4).map(|_| replica(root)).collect();
    let mut written: Vec<Authentic> = Vec::new();
    for (step, (writer, seen)) in steps.iter().enumerate() {
        let writer = (writer % 4) as usize;
        // Some see all that was written, some only a part of it, so that leaves stand beside each other.
        for object in written.iter().skip((*seen as usize * written.len()) / 255) {
            replicas[writer].admit(object.clone(), 0).expect("honest objects");
        }
        let data = text(&format!("note {step}"));
        let appended = replicas[writer].by(&key(writer as u8 + 1)).append("test/note", data);
        written.push(appended.expect("everyone may append"));
    }
    written
}

/// What everyone must agree on.
fn facts(stream: &Stream) -> String {
    let state = stream.replay(String::new(), |state, object| {
        let data = object.object().data().unwrap_or_default();
        format!("{state}{:?}\n", data.value("text"))
    });
    let facts = (stream.order_digest(), stream.leaves(), stream.frontier(), stream.gaps(), stream.len(), state);
    format!("{facts:?}")
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn any_order_of_arrival_gives_one_order(
        steps in prop::collection::vec((any::<u8>(), any::<u8>()), 1..24),
        shuffles in prop::collection::vec(any::<prop::sample::Index>(), 24),
        batch in 1usize..8,
    ) {
        let root = open_root();
        let written = history(&root, &steps);
        let mut in_order = replica(&root);
        for object in &written {
            in_order.ingest(object.object().parts(), 0).expect("honest objects");
        }

        let mut shuffled: Vec<&Authentic> = written.iter().collect();
        for at in (1..shuffled.len()).rev() {
            shuffled.swap(at, shuffles[at].index(at + 1));
        }
        let mut one_by_one = replica(&root);
        for object in &shuffled {
            one_by_one.ingest(object.object().parts(), 0).expect("honest objects");
        }
        let mut in_batches = replica(&root);
        for batch in shuffled.chunks(batch) {
            let parts = batch.iter().map(|object| &**object.object().parts());
            for answer in in_batches.ingest_batch(parts, 0) {
                answer.expect("honest objects");
            }
        }
        prop_assert_eq!(facts(&in_order), facts(&one_by_one));
        prop_assert_eq!(facts(&in_order), facts(&in_batches));
        prop_assert_eq!(in_order.len(), written.len() + 1);
    }

    #[test]
    fn the_order_extends_the_causal_order(steps in prop::collection::vec((any::<u8>(), any::<u8>()), 1..24)) {
        let root = open_root();
        let mut stream = replica(&root);
        for object in history(&root, &steps) {
            stream.admit(object, 0).expect("honest objects");
        }
        for entry in stream.entries() {
            let header = entry.authentic.header();
            for cited in header.parents().iter().chain(header.previous()) {
                prop_assert!(stream.position(&cited) < Some(entry.position));
            }
            prop_assert_eq!(stream.position(&entry.authentic.id()), Some(entry.position));
        }
    }
}

#[test]
fn every_order_of_arrival_of_a_diamond_gives_one_order() {
    let root = open_root();
    // Two write beside each other after the first note, and the last note joins them.
    let written = history(&root, &[(0, 0), (1, 0), (2, 170), (3, 0), (0, 0)]);
    let mut expected = replica(&root);
    for object in &written {
        expected.admit(object.clone(), 0).expect("honest objects");
    }
    let mut orders = vec![Vec::new()];
    for _ in &written {
        let longer = |order: &Vec<usize>| {
            let order = order.clone();
            let rest = (0..written.len()).filter(|at| !order.contains(at)).collect::<Vec<_>>();
            rest.into_iter().map(move |at| [order.clone(), vec![at]].concat()).collect::<Vec<_>>()
        };
        orders = orders.iter().flat_map(longer).collect();
    }
    assert_eq!(orders.len(), 120);
    for order in orders {
        let mut stream = replica(&root);
        let mut admitted = 0;
        for at in order {
            match stream.admit(written[at].clone(), 0).expect("honest objects") {
                Ingested::Admitted { then } => admitted += 1 + then.len(),
                Ingested::Pending { missing } => assert!(!missing.is_empty()),
                Ingested::Known => unreachable!("each came once"),
            }
        }
        assert_eq!(admitted, written.len());
        assert_eq!(facts(&stream), facts(&expected));
    }
}
