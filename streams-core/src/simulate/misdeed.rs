//! Peers that do wrong.

use std::sync::Arc;

use super::link::Link;
use crate::conformance::fixtures::Dice;
use crate::node::Node;
use crate::node::answers::Answers;
use crate::node::peers::Meeting;
use crate::object::id::{ObjectId, StreamId};
use crate::sync::messages::{
    Announcement, Compared, Find, Id, Ids, Message, Objects, Parts, Plea, RangeBytes, Ranges, Request, Response,
    Subscription, Want,
};
use crate::sync::questions::{Answer, Ask, Lacks, Output};
use crate::sync::said::Numbered;
use crate::sync::session::Session;
use crate::transport::Transport;

/// How many messages a flood has.
const FLOOD: usize = 200;

/// What a peer does that does wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Misdeed {
    /// It keeps back some of what it has, whoever asks.
    Withholds,
    /// It tells leaves, samples and keys of what it does not have, and asks for the like.
    Lies,
    /// It says of what it has, and promised to serve, that it never heard of it.
    BreaksPromises,
    /// It states under one number that it has one thing, and another.
    Contradicts,
    /// It sends whatever may be said, asked or not, and reads nothing.
    Floods,
    /// It keeps silent in the middle.
    Stalls,
}

impl Misdeed {
    /// All of them.
    pub const ALL: [Self; 6] =
        [Self::Withholds, Self::Lies, Self::BreaksPromises, Self::Contradicts, Self::Floods, Self::Stalls];
}

/// A session of a peer that does wrong, until its link is at its end.
pub(super) async fn misbehave(
    misdeed: Misdeed,
    node: Arc<Node>,
    link: Arc<Link>,
    meeting: Meeting,
    streams: Vec<StreamId>,
    mut dice: Dice,
) {
    let Meeting { signer, side, nonce, clock, promises, .. } = meeting;
    let Ok(numbered) = node.last_number().await else { return };
    let own = signer.author();
    let mut session = Session::new(own, side, numbered, nonce, link.channel(), clock.now());
    streams.iter().for_each(|stream| session.sync(*stream));
    let answers = Answers { node: &node, own, takes_unknown: true, promises };
    let frames = dice.below(30);
    for number in 0.. {
        while let Some(output) = session.poll() {
            match output {
                Output::Send(frame) => {
                    if link.send(frame).await.is_err() {
                        return;
                    }
                }
                Output::Sign(unsigned) => {
                    let (domain, said) = unsigned.said();
                    let Some(signature) = signer.sign(domain, said).await else { return };
                    if link.send(unsigned.signed(signature)).await.is_err() {
                        return;
                    }
                }
                Output::Ask(number, ask) => {
                    let Ok(answer) = answers.answer(ask.clone(), clock.now()).await else { return };
                    session.answer(number, tamper(misdeed, &ask, answer, numbered, &mut dice));
                }
                Output::Event(_) => {}
                Output::End(_) => return drop(link.close().await),
            }
        }
        let is_proven = session.peer().is_some();
        if misdeed == Misdeed::Floods && is_proven {
            return flood(&link, &streams, &mut dice, clock.now()).await;
        }
        if misdeed == Misdeed::Stalls && number >= frames {
            return std::future::pending().await;
        }
        match link.recv().await {
            Ok(Some(frame)) => session.receive(&frame, clock.now()),
            _ => return drop(link.close().await),
        }
    }
}

/// What is answered instead.
fn tamper(misdeed: Misdeed, ask: &Ask, answer: Answer, numbered: Numbered, dice: &mut Dice) -> Answer {
    match (misdeed, answer) {
        (Misdeed::Withholds, Answer::Compared(mut compared)) => {
            match &mut compared.lacks {
                Lacks::Objects(lacks) => lacks.retain(|_| dice.below(3) > 0),
                Lacks::Ranges(keys) => keys.retain(|_| dice.below(3) > 0),
            }
            Answer::Compared(compared)
        }
        (Misdeed::Withholds, Answer::Objects(objects)) => {
            Answer::Objects(objects.into_iter().map(|parts| parts.filter(|_| dice.below(3) > 0)).collect())
        }
        (Misdeed::Lies, Answer::Summary(mut summary)) => {
            summary.leaves.extend(strangers(dice));
            summary.samples.extend(strangers(dice));
            summary.frontier = stranger(dice);
            Answer::Summary(summary)
        }
        (Misdeed::Lies, Answer::Compared(mut compared)) => {
            compared.summary.leaves = strangers(dice);
            compared.asks_back = true;
            match &mut compared.lacks {
                Lacks::Objects(lacks) => lacks.extend(strangers(dice)),
                Lacks::Ranges(keys) => keys.extend(strangers(dice).iter().map(|id| {
                    let mut key = [0; 40];
                    key[8..].copy_from_slice(id.as_bytes());
                    key
                })),
            }
            Answer::Compared(compared)
        }
        (Misdeed::BreaksPromises, Answer::Objects(objects)) => {
            Answer::Objects(objects.into_iter().map(|parts| parts.filter(|_| dice.below(2) > 0)).collect())
        }
        (Misdeed::BreaksPromises, answer) if matches!(ask, Ask::Compare { .. }) && dice.below(2) == 0 => {
            drop(answer);
            Answer::Unknown { wanted: false }
        }
        (Misdeed::Contradicts, Answer::Compared(mut compared)) => {
            if let Some((number, _)) = &mut compared.numbered {
                *number = numbered;
            }
            if dice.below(2) == 0 {
                compared.summary.leaves = strangers(dice);
                compared.summary.frontier = stranger(dice);
            }
            Answer::Compared(compared)
        }
        (_, answer) => answer,
    }
}

fn stranger(dice: &mut Dice) -> [u8; 32] {
    std::array::from_fn(|_| dice.below(256) as u8)
}

fn strangers(dice: &mut Dice) -> Vec<ObjectId> {
    (0..dice.below(5)).map(|_| ObjectId::from_bytes(stranger(dice))).collect()
}

/// Says whatever may be said, and reads nothing.
async fn flood(link: &Link, streams: &[StreamId], dice: &mut Dice, now: u64) {
    for _ in 0..FLOOD {
        let stream = match streams.get(dice.below(streams.len() + 1)) {
            Some(stream) => *stream,
            None => StreamId::from_bytes(stranger(dice)),
        };
        let message = anything(stream, dice, now);
        if link.send(message.encode()).await.is_err() {
            return;
        }
    }
    std::future::pending().await
}

fn anything(stream: StreamId, dice: &mut Dice, now: u64) -> Message {
    let (number, id) = (dice.below(8) as u32, Id(stream));
    let ranges = RangeBytes((0..dice.below(60)).map(|_| dice.below(256) as u8).collect());
    match dice.below(16) {
        0..=3 => Message::Request(Request {
            number: dice.below(1 << 20) as u32,
            stream: id,
            leaves: Ids(strangers(dice)),
            frontier: stranger(dice),
            samples: Ids(strangers(dice)),
            states: dice.below(2) == 0,
        }),
        4 => Message::Want(Want { number, stream: id, objects: Ids(strangers(dice)), maps: Ids(strangers(dice)) }),
        5 | 6 => {
            Message::Announcement(Announcement { stream: id, leaves: Ids(strangers(dice)), frontier: stranger(dice) })
        }
        7 => Message::Subscription(Subscription { streams: Ids(strangers(dice)), expires: now + 1 }),
        8 => Message::Find(Find { number, streams: Ids(strangers(dice)) }),
        9 => Message::Plea(Plea { stream: id, note: "again".to_owned() }),
        10 => Message::Compare(Ranges { number, ranges }),
        11 => Message::Asking(Ranges { number, ranges }),
        12 => Message::Objects(Objects { number, parts: vec![Parts(vec![0; 40])] }),
        13 => Message::Response(Response {
            number,
            leaves: Ids(strangers(dice)),
            frontier: stranger(dice),
            objects: 1 << 40,
            ranges: Some(ranges),
            statement: None,
        }),
        14 => Message::Compared(Compared { number, more: true }),
        _ => Message::Taken(number),
    }
}
