//! The tour: what streams are for, in five short scenes. All of it happens in memory, now, with fresh keys; nothing
//! that is shown was written down before.

use std::collections::BTreeMap;
use std::io::Write;

use anyhow::{Context, Result, bail, ensure};
use serde::{Deserialize, Serialize};
use streams_core::{
    Action, Authentic, Draft, HashKey, HypotheticalRoot, Ingested, Object, ObjectId, Redactable, Rejected, Rule,
    SigningKey, Stream, Value, to_map,
};

use crate::check::sentence;
use crate::key;
use crate::paint::{self, BAD, BOLD, DIM, GOOD, ID, WARN, paint};

const PROFILE: &str = "example.org/profile";
const PROFILE_SET: &str = "example.org/profile.Set";
const LIST: &str = "example.org/list";
const ITEM_ADDED: &str = "example.org/list.ItemAdded";
const GUEST_ADDED: &str = "example.org/list.GuestAdded";

/// A value of a profile.
#[derive(Serialize, Deserialize)]
struct ProfileSet {
    field: String,
    value: String,
}

/// A thing to buy.
#[derive(Serialize, Deserialize)]
struct ItemAdded {
    item: String,
    count: u32,
}

/// Somebody who comes; how to reach them may be redacted.
#[derive(Serialize, Deserialize)]
struct GuestAdded {
    name: String,
    contact: Redactable<Contact>,
}

#[derive(Serialize, Deserialize)]
struct Contact {
    phone: String,
}

/// What a list of things to buy begins with.
#[derive(Serialize)]
struct Title {
    title: String,
}

/// `streams tour`.
pub fn tour(out: &mut dyn Write) -> Result<bool> {
    let [alice, bob, carol] = [key::fresh()?, key::fresh()?, key::fresh()?];
    let mut tour = Tour { out, scene: 0 };
    tour.say(&format!(
        "{}\nEverything below is computed now, in memory, with fresh keys.",
        paint(BOLD, "A tour of Streams")
    ))?;
    tour.found_by_a_stranger(&alice)?;
    let (mut hers, mut his) = tour.written_by_two(&alice, &bob)?;
    tour.refused(&mut hers, &mut his, &carol)?;
    tour.tampered(&mut hers, &mut his, &bob)?;
    tour.redacted(&mut hers, &alice)?;
    tour.say(&format!(
        "\nThat was the tour. Now yours, with a history you know:\n  {}\n  {}",
        "streams import git PATH", "streams --help"
    ))?;
    Ok(true)
}

/// Who tells it.
struct Tour<'a> {
    out: &'a mut dyn Write,
    scene: usize,
}

impl Tour<'_> {
    fn scene(&mut self, title: &str) -> Result<()> {
        self.scene += 1;
        Ok(writeln!(self.out, "\n{} {}", paint(ID.bold(), self.scene), paint(BOLD, title))?)
    }

    fn say(&mut self, text: &str) -> Result<()> {
        Ok(writeln!(self.out, "{text}")?)
    }

    /// A sentence of a scene.
    fn tell(&mut self, text: &str) -> Result<()> {
        Ok(writeln!(self.out, "  {text}")?)
    }

    /// A fact of a scene: what it is, and what came out.
    fn fact(&mut self, name: &str, value: impl std::fmt::Display) -> Result<()> {
        Ok(writeln!(self.out, "    {} {value}", paint(DIM, format!("{name:<15}")))?)
    }

    /// Scene 1: a key and a type are enough to find a stream.
    fn found_by_a_stranger(&mut self, alice: &SigningKey) -> Result<()> {
        self.scene("A stranger finds a stream that nobody told of")?;
        self.tell("Alice keeps her profile in a stream. Its root is no more than its type and her key:")?;
        let author = alice.verifying_key();
        let root = HypotheticalRoot::new(PROFILE, author)?;
        self.fact("type", PROFILE)?;
        self.fact("author", paint::author(&author))?;
        self.fact("stream", paint(ID, paint::short(root.id())))?;

        let mut hers = Stream::open(root, hash_key()?)?;
        for (field, value) in [("name", "Alice"), ("city", "Lisbon"), ("city", "Porto")] {
            hers.by(alice).append(PROFILE_SET, to_map(&ProfileSet { field: field.into(), value: value.into() })?)?;
        }

        self.tell("Bob has her key and computes the same id. He asks whoever has it, verifies, and replays:")?;
        let computed = HypotheticalRoot::new(PROFILE, author)?;
        ensure!(computed.id() == hers.id(), "two computed one root differently");
        self.fact("stream", format!("{}  {}", paint(ID, paint::short(computed.id())), paint(GOOD, "the same")))?;
        let mut found = Stream::open(computed, hash_key()?)?;
        for entry in hers.entries().skip(1) {
            found.ingest(entry.authentic.object().parts(), 0)?;
        }
        let profile = found.replay(BTreeMap::new(), |mut profile, object| {
            if let Ok(Some(ProfileSet { field, value })) = object.object().data_as() {
                profile.insert(field, value);
            }
            profile
        });
        for (field, value) in &profile {
            self.fact(field, value)?;
        }
        Ok(())
    }

    /// Scene 2: two write beside each other, and read the same.
    fn written_by_two(&mut self, alice: &SigningKey, bob: &SigningKey) -> Result<(Stream, Stream)> {
        self.scene("Two write at once, and read the same list")?;
        self.tell("Alice signs the root of a list. It lets her and Bob append, and everyone read.")?;
        let authors = [alice.verifying_key(), bob.verifying_key()];
        let rules = [Rule::allow([Action::Read]), Rule::allow([Action::Append]).authors(&authors)];
        let root = Draft::root(LIST, key::random()?)
            .policies(rules)
            .data(to_map(&Title { title: "For Saturday".into() })?)
            .sign(alice)?;
        self.fact("stream", paint(ID, paint::short(root.id())))?;
        let mut hers = Stream::open(root.clone(), hash_key()?)?;
        let mut his = Stream::open(root, hash_key()?)?;

        self.tell("Without hearing of each other, each adds three things:")?;
        let from_alice = add(&mut hers, alice, [("bread", 2), ("cheese", 1), ("olives", 3)])?;
        let from_bob = add(&mut his, bob, [("coffee", 1), ("apples", 6), ("rice", 2)])?;
        self.fact("Alice", "2 bread, 1 cheese, 3 olives")?;
        self.fact("Bob", "1 coffee, 6 apples, 2 rice")?;

        self.tell("They exchange. Bob's arrive at Alice's as they were written; hers at his the latest first:")?;
        for object in &from_bob {
            hers.ingest(object.object().parts(), 0)?;
        }
        for object in from_alice.iter().rev() {
            let arrived = match his.ingest(object.object().parts(), 0)? {
                Ingested::Pending { .. } => paint(WARN, "waits for its parent"),
                Ingested::Admitted { then } => paint(GOOD, format!("admitted, and {} that waited", then.len())),
                Ingested::Known => bail!("an object arrived twice"),
            };
            self.fact(&item(object)?, arrived)?;
        }

        self.tell("Both now read the same, in the same order, though nobody is the master:")?;
        let (hers_reads, his_reads) = (items(&hers)?, items(&his)?);
        ensure!(hers_reads == his_reads && hers.order_digest() == his.order_digest(), "two replicas differ");
        self.fact("Alice's list", hers_reads.join(", "))?;
        self.fact("Bob's list", his_reads.join(", "))?;
        self.fact("Alice's order", digest(&hers))?;
        self.fact("Bob's order", format!("{}  {}", digest(&his), paint(GOOD, "the same")))?;
        Ok((hers, his))
    }

    /// Scene 3: who may not write is refused, by everyone alike.
    fn refused(&mut self, hers: &mut Stream, his: &mut Stream, carol: &SigningKey) -> Result<()> {
        self.scene("A third is refused, and told why")?;
        self.tell("Carol may read the list, but no rule lets her append. She signs an object all the same:")?;
        let caviar = ItemAdded { item: "caviar".into(), count: 100 };
        let caviar = hers.draft(ITEM_ADDED, &carol.verifying_key()).data(to_map(&caviar)?).sign(carol)?;
        self.fact("Carol sends", item(&caviar)?)?;
        for (replica, name) in [(hers, "Alice's replica"), (his, "Bob's replica")] {
            let Err(rejected) = replica.ingest(caviar.object().parts(), 0) else { bail!("a stranger was let in") };
            self.verdict(name, &rejected)?;
        }
        self.tell("Neither asked the other: the rules are part of the stream.")
    }

    /// Scene 4: a copy that was changed is dropped, and a good one taken.
    fn tampered(&mut self, hers: &mut Stream, his: &mut Stream, bob: &SigningKey) -> Result<()> {
        self.scene("A copy that was changed on the way is dropped")?;
        let [lemons] = add(his, bob, [("lemons", 4)])?;
        self.tell("Bob adds lemons, and Mallory carries them to Alice. Mallory would rather have melons:")?;
        self.fact("Bob signs", format!("{}  {}", item(&lemons)?, paint(ID, paint::short(lemons.id()))))?;
        let parts = lemons.object().parts();
        let at = parts.windows(6).position(|bytes| bytes == b"lemons").context("the text stands in the parts")?;
        let mut changed = parts.to_vec();
        changed[at..at + 6].copy_from_slice(b"melons");
        let Err(rejected) = hers.ingest(&changed, 1) else { bail!("a changed copy was taken") };
        self.verdict("changed bytes", &rejected)?;

        self.tell("So Mallory computes all hashes anew. But the signature is Bob's, over the lemons:")?;
        let mut map = lemons.object().to_map()?;
        let Some(Value::Map(data)) = map.remove("data") else { bail!("an item has data") };
        let map = map.with("data", data.with("item", "melons".into())?.into())?;
        let signature = lemons.object().signature().context("an item is signed")?;
        let forged = Object::from_map(&map.with("_signature", signature.to_vec().into())?)?;
        let Err(rejected) = hers.ingest(forged.parts(), 1) else { bail!("a forged object was taken") };
        self.verdict("forged object", &rejected)?;

        self.tell("The copy was at fault, not the object. Alice takes it from somebody else:")?;
        let Ingested::Admitted { .. } = hers.ingest(parts, 2)? else { bail!("a good copy was not taken") };
        self.fact("from elsewhere", format!("{}  {}", item(&lemons)?, paint(GOOD, "admitted")))?;
        ensure!(hers.order_digest() == his.order_digest(), "two replicas differ");
        Ok(())
    }

    /// Scene 5: a part of an object goes, and its proof stays.
    fn redacted(&mut self, hers: &mut Stream, alice: &SigningKey) -> Result<()> {
        self.scene("A field is redacted, and the signature holds")?;
        self.tell("Alice adds a guest. How to reach Dave stands in a map of its own, with a salt:")?;
        let contact = Redactable::new(Contact { phone: "+351 21 123 4567".into() }, key::random()?);
        let dave = to_map(&GuestAdded { name: "Dave".into(), contact })?;
        let dave = hers.by(alice).append(GUEST_ADDED, dave)?;
        self.guest(dave.object())?;

        self.tell("Dave asks to be forgotten. The map is dropped; its hash stays in its place:")?;
        let map = contact_map(dave.object())?;
        let redacted = hers.redact(&dave.id(), &map).context("the guest is here")??;
        self.guest(&redacted)?;
        ensure!(redacted.id() == dave.id(), "redaction changed an id");

        self.tell("A newcomer gets the redacted copy, and verifies the signature over the same id:")?;
        let root = hers.entry(&hers.id()).context("the root is here")?.authentic;
        let mut newcomer = Stream::open(root, hash_key()?)?;
        for entry in hers.entries().skip(1) {
            newcomer.ingest(entry.authentic.object().parts(), 0)?;
        }
        let entry = newcomer.entry(&dave.id()).context("the guest was admitted")?;
        ensure!(entry.effective && newcomer.order_digest() == hers.order_digest(), "two replicas differ");
        self.fact("id", format!("{}  {}", paint(ID, paint::short(redacted.id())), paint(GOOD, "the same")))?;
        self.fact("signature", paint(GOOD, "valid"))?;
        self.fact("order", format!("{}  {}", digest(&newcomer), paint(GOOD, "the same")))
    }

    /// What a replica says to what it does not take.
    fn verdict(&mut self, name: &str, rejected: &Rejected) -> Result<()> {
        self.fact(name, format!("{}  {}", paint(BAD, rejected.fate()), paint(BOLD, rejected.code())))?;
        self.fact("", sentence(rejected))
    }

    fn guest(&mut self, object: &Object) -> Result<()> {
        let guest: GuestAdded = object.data_as()?.context("a guest has data")?;
        let contact = match &guest.contact {
            Redactable::Redacted(map) => format!("{} {}", paint(WARN, "redacted"), paint(ID, paint::short(map))),
            whole => whole.value().map(|contact| contact.phone.clone()).unwrap_or_default(),
        };
        self.fact("id", paint(ID, paint::short(object.id())))?;
        self.fact("guest", guest.name)?;
        self.fact("contact", contact)
    }
}

/// Fresh bytes, which keep others from making a replica slow.
fn hash_key() -> Result<HashKey> {
    key::random().map(HashKey::from_bytes)
}

/// Appends things to buy.
fn add<const N: usize>(stream: &mut Stream, key: &SigningKey, items: [(&str, u32); N]) -> Result<[Authentic; N]> {
    let mut added = Vec::new();
    for (item, count) in items {
        added.push(stream.by(key).append(ITEM_ADDED, to_map(&ItemAdded { item: item.into(), count })?)?);
    }
    Ok(added.try_into().expect("one for each"))
}

/// A thing to buy, as it stands in its object.
fn item(object: &Authentic) -> Result<String> {
    let ItemAdded { item, count } = object.object().data_as()?.context("an item has data")?;
    Ok(format!("{count} {item}"))
}

/// The list, as a replica reads it.
fn items(stream: &Stream) -> Result<Vec<String>> {
    stream.replay(Ok(Vec::new()), |items, object| {
        let mut items = items?;
        if object.header().r#type() == ITEM_ADDED {
            items.push(item(object)?);
        }
        Ok(items)
    })
}

/// The digest of the order, as it is shown.
fn digest(stream: &Stream) -> String {
    let digest = paint::hex(&stream.order_digest());
    format!("{}…{}", &digest[..7], &digest[60..])
}

/// The id of the map that tells how to reach a guest.
fn contact_map(guest: &Object) -> Result<ObjectId> {
    let maps = guest.maps();
    Ok(ObjectId::of_block(maps.last().context("a guest has maps")?))
}
