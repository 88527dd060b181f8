//! Archives: cold copies of streams, in files that prove themselves.

mod create;
mod files;
mod list;
mod places;
mod restore;
mod run;
mod show;
mod status;
mod verify;
mod wanted;

pub use self::places::PlaceName;
pub use self::run::{beside, shelf_path};
pub use self::wanted::{Size, Time};

use std::io::Write;

use anyhow::Result;
use clap::Subcommand;

/// What is done with archives.
#[derive(Subcommand)]
pub enum Archive {
    /// Write streams of a store into archives
    Create(create::Create),
    /// Prove that archives are whole
    Verify(verify::Verify),
    /// Bring back into a store what is in archives
    Restore(restore::Restore),
    /// List the archives in a folder
    List(list::List),
    /// Tell what is in an archive
    Show(show::Show),
    /// Keep copies of streams: make them, watch them, replace what is lost
    Run(run::Run),
    /// Tell where the copies of streams are
    Status(status::Status),
}

/// `streams archive`.
pub fn archive(command: &Archive, out: &mut dyn Write) -> Result<bool> {
    match command {
        Archive::Create(args) => create::create(args, out),
        Archive::Verify(args) => verify::verify(args, out),
        Archive::Restore(args) => restore::restore(args, out),
        Archive::List(args) => list::list(args, out),
        Archive::Show(args) => show::show(args, out),
        Archive::Run(args) => run::run(args, out),
        Archive::Status(args) => status::status(args, out),
    }
}
