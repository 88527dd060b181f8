//! Archives: cold copies of streams in files that prove themselves.

mod show;

use std::io::Write;

use anyhow::Result;
use clap::Subcommand;

/// What is done with archives.
#[derive(Subcommand)]
pub enum Archive {
    /// Tell what an archive says that is in it
    Show(show::Show),
}

/// `streams archive`.
pub fn archive(command: &Archive, out: &mut dyn Write) -> Result<bool> {
    match command {
        Archive::Show(args) => show::show(args, out),
    }
}
