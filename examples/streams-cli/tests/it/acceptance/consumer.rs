//! A consumer of all of it, the search application: killed again and again, and compared with one that never was.

use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use serde_json::Value as Json;
use tantivy::postings::Postings;
use tantivy::schema::IndexRecordOption;
use tantivy::{DocSet, TERMINATED};

use super::world::{Dice, World};

/// The command that follows the store with an index in this folder.
fn command(world: &World, index: &str) -> Command {
    let mut command = world.home.command(env!("CARGO_BIN_EXE_streams"));
    command.args(["skin", "serve", "--json", "--store", "s.db", "--key", "reader.key", "--listen", "127.0.0.1:0"]);
    command.args(["--index", index]);
    command
}

/// Kills a consumer so often, each time that it has begun anew, and each at another moment.
pub(super) fn kill(world: &World, kills: usize, seed: u64) -> JoinHandle<()> {
    fs::write(world.home.path("reader.key"), "07".repeat(32)).unwrap();
    let log = world.home.path("consumer.log");
    let said = File::create(&log).unwrap();
    let (mut command, mut dice) = (command(world, "index"), Dice(seed));
    thread::spawn(move || {
        for _ in 0..kills {
            command.stdout(said.try_clone().unwrap()).stderr(said.try_clone().unwrap());
            let mut child = command.spawn().unwrap();
            thread::sleep(Duration::from_millis(dice.throw(300)));
            let ended = child.try_wait().unwrap();
            assert!(ended.is_none(), "it ended by itself: {}", fs::read_to_string(&log).unwrap());
            child.kill().unwrap();
            child.wait().unwrap();
        }
    })
}

/// Lets a consumer go on until it has all that there is, and returns what it says then.
pub(super) fn catch_up(world: &World, index: &str) -> Json {
    let said = File::create(world.home.path(&format!("{index}.log"))).unwrap();
    let mut child = command(world, index).stdout(Stdio::piped()).stderr(said).spawn().unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut told = lines.map_while(Result::ok).filter_map(|line| serde_json::from_str::<Json>(&line).ok());
    let told = told.find(|told| !told["items"].is_null());
    child.kill().unwrap();
    child.wait().unwrap();
    told.expect("it tells when it has all")
}

/// All documents of an index, sorted: each with all terms by which it is found, and its time.
pub(super) fn documents(folder: &Path) -> Vec<Document> {
    let index = tantivy::Index::open_in_dir(folder).unwrap();
    let mut all = Vec::new();
    for segment in index.reader().unwrap().searcher().segment_readers() {
        let times = segment.fast_fields().u64("time").unwrap();
        let mut documents: Vec<Document> = (0..segment.max_doc()).map(|at| (Vec::new(), times.first(at))).collect();
        for (field, entry) in index.schema().fields().filter(|(_, entry)| entry.is_indexed()) {
            let inverted = segment.inverted_index(field).unwrap();
            let mut terms = inverted.terms().stream().unwrap();
            while terms.advance() {
                let option = IndexRecordOption::WithFreqs;
                let mut postings = inverted.read_postings_from_terminfo(terms.value(), option).unwrap();
                while postings.doc() != TERMINATED {
                    let term = (entry.name().to_owned(), terms.key().to_vec(), postings.term_freq());
                    documents[postings.doc() as usize].0.push(term);
                    postings.advance();
                }
            }
        }
        all.extend(segment.doc_ids_alive().map(|at| std::mem::take(&mut documents[at as usize])));
    }
    all.sort();
    all
}

/// The terms of a document, each with its field and how often it is there; and its time.
pub(super) type Document = (Vec<(String, Vec<u8>, u32)>, Option<u64>);
