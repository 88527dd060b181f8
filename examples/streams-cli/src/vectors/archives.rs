//! Vectors of archives.

use anyhow::{Result, bail, ensure};
use serde::Deserialize;
use streams_core::archive::manifest::Manifest;
use streams_core::archive::read::{Event, Reader};
use streams_core::archive::vouch::Vouching;
use streams_core::archive::write::Writer;
use streams_core::{Authentic, HashKey};

use super::{Long, bytes, same};

/// An archive, and what is in it, or what is told first that is wrong.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Archive {
    archive: Long,
    expected: Option<Whole>,
    error: Option<String>,
    sealed: Option<Vec<String>>,
    #[serde(default)]
    early: bool,
}

#[derive(Deserialize, Debug, PartialEq)]
#[serde(deny_unknown_fields)]
struct Whole {
    manifest: String,
    stream: String,
    previous: Option<String>,
    objects: Vec<String>,
    redacted: Vec<String>,
}

impl Archive {
    pub fn run(self) -> Result<()> {
        let file = self.archive.bytes()?;
        // In one piece, and byte by byte.
        for piece in [file.len().max(1), 1] {
            let (manifest, objects, fault) = read(&file, piece);
            let texts = |objects: &[Authentic]| objects.iter().map(|object| object.id().to_string()).collect();
            match (&self.expected, &self.error, fault) {
                (Some(expected), None, None) => {
                    let Some(manifest) = manifest else { bail!("no manifest was told") };
                    let redacted: Vec<Authentic> =
                        objects.iter().filter(|object| object.object().is_redacted()).cloned().collect();
                    let got = Whole {
                        manifest: manifest.id().to_string(),
                        stream: manifest.stream.to_string(),
                        previous: manifest.previous.map(|id| id.to_string()),
                        objects: texts(&objects),
                        redacted: texts(&redacted),
                    };
                    same(expected, &got)?;
                    if !self.early {
                        ensure!(write(&manifest, &objects)? == file, "written again, it has other bytes");
                    }
                }
                (None, Some(error), Some((code, before))) => {
                    same(error.as_str(), code)?;
                    same(&self.sealed.clone().unwrap_or_default(), &texts(&objects[..before]))?;
                }
                (_, _, Some((code, _))) => bail!("expected it whole, got {code}"),
                (_, _, None) => bail!("expected {:?}, got it whole", self.error),
            }
        }
        Ok(())
    }
}

type Read = (Option<Manifest>, Vec<Authentic>, Option<(&'static str, usize)>);

/// The manifest, the objects, and the first fault with how many objects came before it.
fn read(file: &[u8], piece: usize) -> Read {
    let mut reader = Reader::new(HashKey::from_bytes([7; 16]));
    let (mut manifest, mut objects, mut first) = (None, Vec::new(), None);
    for piece in file.chunks(piece) {
        reader.push(piece);
        while let Some(event) = reader.poll() {
            match event {
                Event::Manifest(told) => manifest = Some(told),
                Event::Objects(told) => objects.extend(told),
                Event::Fault(fault) => drop(first.get_or_insert((fault.what.code(), objects.len()))),
            }
        }
    }
    for event in reader.finish() {
        if let Event::Fault(fault) = event {
            first.get_or_insert((fault.what.code(), objects.len()));
        }
    }
    (manifest, objects, first)
}

fn write(manifest: &Manifest, objects: &[Authentic]) -> Result<Vec<u8>> {
    let mut writer = Writer::new(manifest);
    for object in objects {
        writer.push(object.object().parts())?;
    }
    writer.finish();
    let mut file = Vec::new();
    writer.take(&mut file);
    Ok(file)
}

/// A vouching, and what it is for.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Vouched {
    vouching: String,
    expected: Option<For>,
    error: Option<String>,
}

#[derive(Deserialize, Debug, PartialEq)]
#[serde(deny_unknown_fields)]
struct For {
    author: String,
    archive: String,
    seals: Vec<String>,
}

impl Vouched {
    pub fn run(self) -> Result<()> {
        let got = Vouching::verify(&bytes(&self.vouching)?).map(|vouching| For {
            author: vouching.author().to_string(),
            archive: vouching.archive().to_string(),
            seals: vouching.seals().iter().map(ToString::to_string).collect(),
        });
        same(
            (self.expected, self.error.as_deref()),
            match got {
                Ok(got) => (Some(got), None),
                Err(error) => (None, Some(error.code())),
            },
        )
    }
}
