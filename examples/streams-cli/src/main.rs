//! The command line of Streams: signed, content-addressed event streams.
//!
//! A command writes its answer to the standard output, and tells whether it is yes. Errors and bars go to the standard
//! error. The exit code is 0 where the answer is yes, or there was nothing to ask; 1 where it is no: refused, dropped,
//! different, failed; 2 where the question could not be understood, or its input not be read.

#![expect(unreachable_pub, reason = "nobody reaches into a program; `pub` marks what a room offers to others")]

use std::io::{self, BufWriter, Write};
use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, Subcommand};
use streams_archive::Kind;
use streams_core::Effect;

use self::peer::evidence;

mod archival;
mod archive;
mod check;
mod export;
mod graph;
mod import;
mod key;
mod ndl;
mod paint;
mod peer;
mod policy;
mod read;
mod replay;
mod show;
mod stats;
mod store;
mod tour;
mod vectors;
mod verify;
mod watch;
mod why;
mod write;

/// Signed, content-addressed event streams
#[derive(Parser)]
#[command(
    name = "streams",
    version,
    max_term_width = 100,
    after_help = "Begin with `streams tour`.

Exit codes: 0 fine; 1 the answer is no (refused, dropped, different, failed); 2 wrong usage, or unreadable input."
)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// See what streams do, in five short scenes
    Tour,
    /// Make a stream of something else, or take one into a store
    #[command(subcommand)]
    Import(Import),
    /// Begin a stream
    New(write::New),
    /// Append an object to a stream
    Append(write::Append),
    /// Write rules, withdraw them, and see them
    #[command(subcommand)]
    Policy(Policy),
    /// List the objects of a stream, in its order
    Log(show::Log),
    /// List the objects that nothing cites
    Leaves(show::Leaves),
    /// Show an object
    Show(show::Show),
    /// Tell why an object is effective or void
    Why(why::WhyArgs),
    /// Tell which verdicts other objects would change
    Simulate(why::Simulate),
    /// Make all that is there final
    Checkpoint(write::Checkpoint),
    /// Take up void objects
    Adopt(write::Adopt),
    /// Drop a map of an object
    Redact(write::Redact),
    /// Draw the graph of a stream
    Graph(graph::Graph),
    /// Deliver a stream in random orders, and compare
    Replay(replay::Replay),
    /// Write a stream of a store into a file
    Export(export::Export),
    /// Tell what is in a store, and what becomes different, as it happens
    Watch(watch::Watch),
    /// Tell what is in a store, in numbers
    Stats(stats::Stats),
    /// Prove that a store holds what was written
    Verify(verify::Verify),
    /// Give back what a store does not use any more
    Compact(verify::Compact),
    /// Cold copies of streams, in files that prove themselves
    #[command(subcommand)]
    Archive(archive::Archive),
    /// Organizations that own streams
    #[command(subcommand)]
    Org(archival::Owners),
    /// People that own streams
    #[command(subcommand)]
    Person(archival::Owners),
    /// Streams of owners: what is kept, from where, and who may read it
    #[command(subcommand)]
    Stream(Box<archival::Streams>),
    /// Secrets: credentials for sources, keys of sealed streams
    #[command(subcommand)]
    Vault(archival::Secrets),
    /// Fetch from sources and keep copies, for all streams of all owners
    #[command(subcommand)]
    Archiver(archival::Archiver),
    /// Search what is here, on a page
    #[command(subcommand)]
    Skin(archival::Skins),
    /// Serve a store to programs over HTTP, and be such a program
    #[command(subcommand)]
    Api(archival::Api),
    /// Serve a store to peers
    Serve(peer::Serve),
    /// Make streams equal here and at a peer
    Sync(peer::Sync),
    /// Keep streams equal here and at a peer, as either changes
    Subscribe(peer::Subscribe),
    /// Tell which peers were met, and what they say of a stream
    Peers(peer::Peers),
    /// Tell what stands between a stream here and at a peer
    WhyNot(peer::WhyNot),
    /// Find who has a stream
    Find(peer::Find),
    /// List, save and check what can be proven of peers and authors
    #[command(subcommand)]
    Evidence(Evidence),
    /// Compute the id of an object
    Id(check::Id),
    /// Tell which rule refuses an object, if any
    Check(check::Check),
    /// Compute the id of a stream from its type and its author
    Root(check::Root),
    /// Make and show keys
    #[command(subcommand)]
    Key(Key),
    /// Declare what is in a stream: check, format, compare and show definitions, and make types of them
    #[command(subcommand)]
    Ndl(ndl::Ndl),
    /// Run cases that every implementation must agree on
    Vectors(check::Vectors),
}

#[derive(Subcommand)]
enum Import {
    /// The commits of a git repository
    Git(import::Git),
    /// A stream file, into a store
    File(import::StreamFile),
}

#[derive(Subcommand)]
enum Policy {
    /// Let authors do something
    Allow(policy::Change),
    /// Forbid authors something; what they did before stays
    Deny(policy::Change),
    /// Take rules back
    Withdraw(policy::Withdraw),
    /// Tell all rules of a stream, in order
    Show(policy::Show),
}

#[derive(Subcommand)]
enum Evidence {
    /// List the evidence about a stream
    List(evidence::List),
    /// Save the evidence about a stream, a file each
    Save(evidence::Save),
    /// Check evidence by itself alone
    Verify(evidence::Verify),
}

#[derive(Subcommand)]
enum Key {
    /// Make a key file; one that exists is never overwritten
    New(key::New),
    /// Print the author that a key file lets one write as
    Show(key::Show),
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    // Not locked: who serves peers tells of them from other threads.
    let mut out = BufWriter::new(anstream::stdout());
    let answer = run(&cli.command, &mut out).and_then(|yes| {
        out.flush()?;
        Ok(yes)
    });
    match answer {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(1),
        Err(error) if is_broken_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            drop(out);
            anstream::eprintln!("{}: {error:#}", paint::paint(paint::BAD.bold(), "error"));
            ExitCode::from(2)
        }
    }
}

/// Runs a command, and tells whether the answer is yes.
fn run(command: &Command, out: &mut dyn Write) -> Result<bool> {
    match command {
        Command::Tour => tour::tour(out),
        Command::Import(Import::Git(args)) => import::git(args, out),
        Command::Import(Import::File(args)) => import::file(args, out),
        Command::Export(args) => export::export(args, out),
        Command::Watch(args) => watch::watch(args, out),
        Command::Stats(args) => stats::stats(args, out),
        Command::Verify(args) => verify::verify(args, out),
        Command::Compact(args) => verify::compact(args, out),
        Command::Archive(command) => archive::archive(command, out),
        Command::Org(command) => archival::owners(Kind::Org, command, out),
        Command::Person(command) => archival::owners(Kind::Person, command, out),
        Command::Stream(command) => archival::streams(command, out),
        Command::Vault(command) => archival::secrets(command, out),
        Command::Archiver(command) => archival::archiver(command, out),
        Command::Skin(command) => archival::skin(command, out),
        Command::Api(command) => archival::api(command, out),
        Command::Serve(args) => peer::serve(args, out),
        Command::Sync(args) => peer::sync(args, out),
        Command::Subscribe(args) => peer::subscribe(args, out),
        Command::Peers(args) => peer::peers(args, out),
        Command::WhyNot(args) => peer::why_not(args, out),
        Command::Find(args) => peer::find(args, out),
        Command::Evidence(Evidence::List(args)) => evidence::list(args, out),
        Command::Evidence(Evidence::Save(args)) => evidence::save(args, out),
        Command::Evidence(Evidence::Verify(args)) => evidence::verify(args, out),
        Command::New(args) => write::new(args, out),
        Command::Append(args) => write::append(args, out),
        Command::Policy(Policy::Allow(args)) => policy::change(Effect::Allow, args, out),
        Command::Policy(Policy::Deny(args)) => policy::change(Effect::Deny, args, out),
        Command::Policy(Policy::Withdraw(args)) => policy::withdraw(args, out),
        Command::Policy(Policy::Show(args)) => policy::show(args, out),
        Command::Log(args) => show::log(args, out),
        Command::Leaves(args) => show::leaves(args, out),
        Command::Show(args) => show::show(args, out),
        Command::Why(args) => why::why(args, out),
        Command::Simulate(args) => why::simulate(args, out),
        Command::Checkpoint(args) => write::checkpoint(args, out),
        Command::Adopt(args) => write::adopt(args, out),
        Command::Redact(args) => write::redact(args, out),
        Command::Graph(args) => graph::graph(args, out),
        Command::Replay(args) => replay::replay(args, out),
        Command::Id(args) => check::id(args, out),
        Command::Check(args) => check::check(args, out),
        Command::Root(args) => check::root(args, out),
        Command::Key(Key::New(args)) => key::new(args, out),
        Command::Key(Key::Show(args)) => key::show(args, out),
        Command::Ndl(command) => ndl::ndl(command, out),
        Command::Vectors(args) => check::vectors(args, out),
    }
}

/// Whoever read the output has seen enough, as `head` does.
fn is_broken_pipe(error: &anyhow::Error) -> bool {
    let broken = |cause: &io::Error| cause.kind() == io::ErrorKind::BrokenPipe;
    error.chain().filter_map(|cause| cause.downcast_ref()).any(broken)
}
