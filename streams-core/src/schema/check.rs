//! What the form of a text does not tell: that it has no contradictions, and what its words mean.

use std::collections::BTreeSet;

use super::definition::{Definition, FieldType, Flag, Item, KEYWORDS, ObjectDefinition, TYPES, WELL_KNOWN, Word};
use super::fault::{Fault, Wrong};
use crate::object::key::Name;

/// Fills in what words mean, and tells what is wrong.
pub(super) fn check(definition: &mut Definition) -> Vec<Fault> {
    let mut faults = Vec::new();
    let mut names = Names { of: "an import", seen: BTreeSet::new() };
    for import in &definition.imports {
        names.note(&import.alias, &mut faults);
    }
    let mut streams = Names { of: "a stream", seen: BTreeSet::new() };
    let mut loose = Names { of: "an object", seen: BTreeSet::new() };
    for (number, item) in definition.items.iter_mut().enumerate() {
        match item {
            Item::Stream(stream) => {
                streams.note(&stream.path, &mut faults);
                let mut objects = Names { of: "an object", seen: BTreeSet::new() };
                let mut root: Option<String> = None;
                for (place, object) in stream.objects.iter_mut().enumerate() {
                    object.r#type = format!("{}.{}", stream.path.text, object.name.text);
                    definition.by_type.entry(object.r#type.clone()).or_insert((number, place));
                    objects.note(&object.name, &mut faults);
                    check_object(object, &mut faults);
                    if object.is_root() {
                        match &root {
                            None => root = Some(object.name.text.clone()),
                            Some(first) => {
                                let what = Wrong::SecondRoot { first: first.clone() };
                                faults.push(Fault { what, at: object.at.at.clone() });
                            }
                        }
                    }
                }
                if root.is_none() {
                    let what = Wrong::NoRoot(stream.path.text.clone());
                    faults.push(Fault { what, at: stream.path.at.clone() });
                }
            }
            Item::Object(object) => {
                object.r#type.clone_from(&object.name.text);
                definition.by_type.entry(object.r#type.clone()).or_insert((number, 0));
                loose.note(&object.name, &mut faults);
                check_object(object, &mut faults);
                if object.is_root() {
                    faults.push(Fault { what: Wrong::RootOutside, at: object.at.at.clone() });
                }
            }
        }
    }
    check_types(definition, &mut faults);
    resolve(definition, &mut faults);
    faults
}

/// Names of one sort, each of which may be given once.
struct Names {
    of: &'static str,
    seen: BTreeSet<String>,
}

impl Names {
    fn note(&mut self, word: &Word, faults: &mut Vec<Fault>) {
        let name = word.text.clone();
        if KEYWORDS.contains(&name.as_str()) {
            faults.push(Fault { what: Wrong::Keyword(name), at: word.at.clone() });
        } else if !self.seen.insert(name.clone()) {
            faults.push(Fault { what: Wrong::Twice { what: self.of, name }, at: word.at.clone() });
        }
    }
}

/// An object outside streams may have the very type of one in a stream.
fn check_types(definition: &Definition, faults: &mut Vec<Fault>) {
    let is_stream = |item: usize| matches!(definition.items[item], Item::Stream(_));
    for (number, item) in definition.items.iter().enumerate() {
        for object in item.objects() {
            let (first, _) = definition.by_type[&object.r#type];
            if is_stream(first) != is_stream(number) {
                let what = Wrong::Twice { what: "an object", name: object.r#type.clone() };
                faults.push(Fault { what, at: object.name.at.clone() });
            }
        }
    }
}

/// What an object says of itself.
fn check_object(object: &ObjectDefinition, faults: &mut Vec<Fault>) {
    let mut fault = |what| faults.push(Fault { what, at: object.at.at.clone() });
    for (place, flag) in object.flags.iter().enumerate() {
        if object.flags[..place].contains(flag) {
            fault(Wrong::FlagTwice(flag.word()));
        }
    }
    if object.is_root() && object.is_event {
        fault(Wrong::RootEvent);
    }
    if object.is_hypothetical() {
        if !object.is_root() {
            fault(Wrong::NoHypotheticalRoot);
        }
        if object.flags.contains(&Flag::Signed) {
            fault(Wrong::HypotheticalSigned);
        }
        if let Some(first) = object.fields.first() {
            faults.push(Fault { what: Wrong::HypotheticalFields, at: first.name.at.clone() });
        }
    }
    let mut names = Names { of: "a field", seen: BTreeSet::new() };
    for field in &object.fields {
        let Word { text, at } = &field.name;
        match Name::new(text.as_str()) {
            Err(error) => faults.push(Fault { what: Wrong::Name(text.clone(), error), at: at.clone() }),
            Ok(name) if name.is_note() => faults.push(Fault { what: Wrong::Note(text.clone()), at: at.clone() }),
            Ok(_) => names.note(&field.name, faults),
        }
    }
}

/// Finds what the types of fields mean.
fn resolve(definition: &mut Definition, faults: &mut Vec<Fault>) {
    let (known, imports) = (&definition.by_type, &definition.imports);
    let meaning = |word: &str, stream: Option<&str>| -> Result<FieldType, Option<String>> {
        if let Some((_, kind)) = TYPES.iter().find(|(name, _)| *name == word) {
            return Ok(FieldType::Value(*kind));
        }
        // A name of the stream itself, a path behind the name of an import, or a whole path.
        let of_stream = stream.map(|stream| format!("{stream}.{word}")).filter(|path| known.contains_key(path));
        let imported = word.split_once('.').and_then(|(alias, name)| {
            let import = imports.iter().find(|import| import.alias() == alias)?;
            Some(format!("{}.{name}", import.path()))
        });
        let path = of_stream.or(imported).unwrap_or_else(|| word.to_owned());
        if let Some((_, kind)) = WELL_KNOWN.iter().find(|(name, _)| *name == path) {
            return Ok(FieldType::Value(*kind));
        }
        if known.contains_key(&path) || imports.iter().any(|import| import.has(&path)) {
            return Ok(FieldType::Object(path));
        }
        let words = TYPES.iter().chain(&WELL_KNOWN).map(|(name, _)| *name);
        let of_stream = known.keys().filter_map(|path| path.strip_prefix(stream?)?.strip_prefix('.'));
        Err(similar(word, words.chain(of_stream).chain(known.keys().map(String::as_str))))
    };
    for item in &mut definition.items {
        let (stream, objects) = match item {
            Item::Stream(stream) => (Some(stream.path.text.clone()), stream.objects.as_mut_slice()),
            Item::Object(object) => (None, std::slice::from_mut(object)),
        };
        for field in objects.iter_mut().flat_map(|object| &mut object.fields) {
            match meaning(&field.word.text, stream.as_deref()) {
                Ok(r#type) => field.r#type = r#type,
                Err(similar) => {
                    let what = Wrong::UnknownType { name: field.word.text.clone(), similar };
                    faults.push(Fault { what, at: field.word.at.clone() });
                }
            }
        }
    }
}

/// The name that is most like a word, where one is much like it.
fn similar<'a>(word: &str, names: impl Iterator<Item = &'a str>) -> Option<String> {
    let far = |name: &str| strsim::damerau_levenshtein(word, name);
    let nearest = names.map(|name| (far(name), name)).min()?;
    (nearest.0 <= word.len().min(nearest.1.len()) / 3).then(|| nearest.1.to_owned())
}
