//! Vectors of what peers say.

use anyhow::{Context, Result, bail};
use data_encoding::HEXLOWER;
use serde::Deserialize;
use streams_core::HashKey;
use streams_core::sync::evidence::{Evidence, Shown, ShowsNothing};
use streams_core::sync::reconcile::Reconcile;

use super::{Long, bytes, same};

/// One side of a run of ranges, and what it hears.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ranges {
    secret: String,
    keys: Vec<String>,
    heard: Vec<String>,
    expected: Option<Heard>,
    error: Option<String>,
}

#[derive(Deserialize, Debug, PartialEq)]
#[serde(deny_unknown_fields)]
struct Heard {
    answers: Vec<bool>,
    found: Vec<String>,
}

impl Ranges {
    pub fn run(self) -> Result<()> {
        let secret = bytes(&self.secret)?.try_into().ok().context("a secret has 32 bytes")?;
        let key = |key: &String| bytes(key)?.try_into().ok().context("a key has 40 bytes");
        let mut side = Reconcile::new(&secret, self.keys.iter().map(key).collect::<Result<_>>()?);
        let heard: Vec<Vec<u8>> = self.heard.iter().map(|message| bytes(message)).collect::<Result<_>>()?;
        let answers: Result<Vec<bool>, _> = heard.iter().map(|message| Ok(side.answer(message)?.is_some())).collect();
        match (answers, self.expected, self.error) {
            (Ok(answers), Some(expected), None) => {
                let found = side.found().map(|key| HEXLOWER.encode(key)).collect();
                same(&expected, &Heard { answers, found })
            }
            (Err(error), None, Some(expected)) => {
                let error: streams_core::sync::reconcile::RangesError = error;
                same(expected.as_str(), error.code())
            }
            (got, _, _) => bail!("expected another outcome, got {got:?}"),
        }
    }
}

/// A file of evidence, and what it shows.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Shows {
    file: Long,
    expected: Option<Told>,
    error: Option<String>,
}

#[derive(Deserialize, Debug, PartialEq)]
#[serde(deny_unknown_fields)]
struct Told {
    shows: String,
    who: Vec<String>,
    stream: String,
    objects: Vec<String>,
}

impl Shows {
    pub fn run(self) -> Result<()> {
        let file = self.file.bytes()?;
        let key = HashKey::from_bytes([7; 16]);
        let shown: Result<Shown, ShowsNothing> = Evidence::decode(&file).and_then(|evidence| {
            assert_eq!(evidence.encode(), file, "evidence has one spelling");
            evidence.verify(key)
        });
        match (shown, self.expected, self.error) {
            (Ok(shown), Some(expected), None) => same(&expected, &told(shown)),
            (Err(error), None, Some(expected)) => same(expected.as_str(), error.code()),
            (got, _, _) => bail!("expected another outcome, got {got:?}"),
        }
    }
}

fn told(shown: Shown) -> Told {
    let shows = shown.code().to_owned();
    let (who, stream, objects) = match shown {
        Shown::Fork { author, stream, objects } => (vec![author], stream, objects.to_vec()),
        Shown::Checkpoints { mut holders, stream } => {
            holders.sort_unstable_by_key(|(id, _)| *id);
            let (objects, who) = holders.into_iter().unzip();
            (who, stream, objects)
        }
        Shown::Contradiction { peer, stream, object } => (vec![peer], stream, object.into_iter().collect()),
        Shown::BrokenPromise { peer, stream, object } => (vec![peer], stream, vec![object]),
    };
    let objects = objects.iter().map(ToString::to_string).collect();
    Told { shows, who: who.iter().map(ToString::to_string).collect(), stream: stream.to_string(), objects }
}
