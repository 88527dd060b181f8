//! The vault, from the command line: that of the system, or a file under a passphrase.

use std::io::{self, BufRead, IsTerminal, Write};
use std::path::PathBuf;
use std::sync::OnceLock;
use std::{env, fs};

use anyhow::{Context, Result, bail, ensure};
use clap::Subcommand;
use serde_json::json;
use streams_archive::vault::{Entry, ExposeSecret, Keychain, Reference, SealedFile, SecretString, Vault, VaultError};

use crate::key;
use crate::paint::{self, BOLD, DIM, GOOD, ID, paint};

/// Secrets.
#[derive(Subcommand)]
pub enum Secrets {
    /// Put a secret in, and tell by what it is known
    Add(Add),
    /// List what is there, without the secrets
    List(List),
    /// Destroy a secret
    Forget(Forget),
}

/// `streams vault`.
pub fn secrets(command: &Secrets, out: &mut dyn Write) -> Result<bool> {
    match command {
        Secrets::Add(args) => add(args, out),
        Secrets::List(args) => list(args, out),
        Secrets::Forget(args) => forget(args, out),
    }
}

/// The variable of the environment with the passphrase.
const PASSPHRASE: &str = "STREAMS_PASSPHRASE";

/// Where secrets are.
#[derive(clap::Args, Clone, Debug, Default)]
pub struct VaultArgs {
    /// A vault in this file, under a passphrase; by default the keychain of the system, or else streams/vault.age
    #[arg(long, value_name = "FILE", display_order = 85)]
    vault: Option<PathBuf>,
    /// A file with the passphrase of the vault; or it is in STREAMS_PASSPHRASE, or asked for
    #[arg(long, value_name = "FILE", display_order = 86)]
    passphrase_file: Option<PathBuf>,
}

/// Puts a secret in.
#[derive(clap::Args)]
#[command(after_help = "The secret is asked for, or read from the standard input; it is no argument, which others on \
this machine could see. What is printed is what a source is given with --credential.

Examples:
  streams vault add github
  pass show github | streams vault add github
  streams stream add notes http:https://api.github.com/users/octocat/events --credential cred-…")]
pub struct Add {
    /// What you call it; that stays in the vault, too
    #[arg(value_name = "LABEL")]
    label: String,
    #[command(flatten)]
    at: VaultArgs,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Lists what is there.
#[derive(clap::Args)]
pub struct List {
    #[command(flatten)]
    at: VaultArgs,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Destroys a secret.
#[derive(clap::Args)]
#[command(after_help = "What is sealed to the key of a stream is then read by nobody, wherever it is.")]
pub struct Forget {
    /// By what it is known
    #[arg(value_name = "REFERENCE")]
    reference: Reference,
    #[command(flatten)]
    at: VaultArgs,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// A vault that is opened when something is asked of it: who needs no secret is asked for no passphrase.
#[derive(Debug)]
pub struct LazyVault {
    args: VaultArgs,
    opened: OnceLock<Result<Box<dyn Vault>, String>>,
}

impl VaultArgs {
    /// The vault.
    pub fn lazy(&self) -> LazyVault {
        LazyVault { args: self.clone(), opened: OnceLock::new() }
    }

    fn open(&self) -> Result<Box<dyn Vault>> {
        let path = match &self.vault {
            Some(path) => path.clone(),
            None => {
                let usual = usual_path()?;
                // Whoever has a file goes on with it.
                if !usual.exists()
                    && let Ok(keychain) = Keychain::open()
                {
                    return Ok(Box::new(keychain));
                }
                usual
            }
        };
        Ok(Box::new(SealedFile::new(path.clone(), self.passphrase(&path)?)))
    }

    fn passphrase(&self, path: &std::path::Path) -> Result<SecretString> {
        let given = match &self.passphrase_file {
            Some(file) => Some(fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?),
            None => env::var(PASSPHRASE).ok(),
        };
        let given = match given {
            Some(given) => given.trim_end_matches(['\r', '\n']).to_owned(),
            None if io::stdin().is_terminal() => {
                let new = !path.exists();
                let asked = rpassword::prompt_password(if new {
                    format!("A passphrase for the new vault {}: ", path.display())
                } else {
                    format!("The passphrase of the vault {}: ", path.display())
                })?;
                if new {
                    ensure!(rpassword::prompt_password("Once more: ")? == asked, "the two are different");
                }
                asked
            }
            None => bail!(
                "there is no keychain, and the vault {} wants a passphrase: set {PASSPHRASE}, or name a file with \
                 --passphrase-file",
                path.display()
            ),
        };
        ensure!(!given.is_empty(), "an empty passphrase protects nothing");
        Ok(given.into())
    }
}

impl LazyVault {
    fn opened(&self) -> Result<&dyn Vault, VaultError> {
        let opened = self.opened.get_or_init(|| self.args.open().map_err(|error| format!("{error:#}")));
        match opened {
            Ok(vault) => Ok(&**vault),
            Err(reason) => Err(VaultError::Closed(reason.clone())),
        }
    }
}

impl Vault for LazyVault {
    fn name(&self) -> String {
        self.opened().map_or_else(|_| "the vault".into(), |vault| vault.name())
    }

    fn put_new(&self, reference: &Reference, entry: Entry) -> Result<Entry, VaultError> {
        self.opened()?.put_new(reference, entry)
    }

    fn entry(&self, reference: &Reference) -> Result<Option<Entry>, VaultError> {
        self.opened()?.entry(reference)
    }

    fn forget(&self, reference: &Reference) -> Result<bool, VaultError> {
        self.opened()?.forget(reference)
    }

    fn list(&self) -> Result<Vec<(Reference, String)>, VaultError> {
        self.opened()?.list()
    }
}

/// `streams/vault.age` in the user's folder for settings.
fn usual_path() -> Result<PathBuf> {
    Ok(key::settings()?.join("vault.age"))
}

/// `streams vault add`.
pub fn add(args: &Add, out: &mut dyn Write) -> Result<bool> {
    let secret: SecretString = if io::stdin().is_terminal() {
        rpassword::prompt_password("The secret: ")?.into()
    } else {
        let mut line = String::new();
        io::stdin().lock().read_line(&mut line).context("cannot read the secret from the standard input")?;
        line.trim_end_matches(['\r', '\n']).to_owned().into()
    };
    ensure!(!secret.expose_secret().is_empty(), "the secret is empty");
    let (vault, reference) = (args.at.lazy(), Reference::credential()?);
    vault.put_new(&reference, Entry { label: args.label.clone(), secret })?;
    if args.json {
        writeln!(out, "{}", json!({"reference": reference.to_string(), "vault": vault.name()}))?;
    } else {
        writeln!(out, "{}", paint(ID, &reference))?;
        writeln!(io::stderr(), "It is in {}.", vault.name())?;
    }
    Ok(true)
}

/// `streams vault list`.
pub fn list(args: &List, out: &mut dyn Write) -> Result<bool> {
    let vault = args.at.lazy();
    let listed = vault.list()?;
    for (reference, label) in &listed {
        if args.json {
            writeln!(out, "{}", json!({"reference": reference.to_string(), "label": label}))?;
        } else {
            writeln!(out, "{}  {}", paint(ID, reference), paint(BOLD, paint::clip(label, 60)))?;
        }
    }
    if listed.is_empty() && !args.json {
        writeln!(
            out,
            "{}",
            paint(DIM, format!("There is nothing in {}; `streams vault add LABEL` puts something in.", vault.name()))
        )?;
    }
    Ok(true)
}

/// `streams vault forget`.
pub fn forget(args: &Forget, out: &mut dyn Write) -> Result<bool> {
    let was_there = args.at.lazy().forget(&args.reference)?;
    if args.json {
        writeln!(out, "{}", json!({"forgotten": was_there}))?;
    } else if was_there {
        writeln!(out, "{} {} is destroyed", paint(GOOD, "✓"), args.reference)?;
    } else {
        writeln!(out, "{} was not there", args.reference)?;
    }
    Ok(was_there)
}
