//! A PostgreSQL server of one's own: in a folder that goes with it, on a port of the loopback that was free.

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::chown;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

/// A server that runs until it is dropped.
#[derive(Debug)]
pub(crate) struct Server {
    programs: PathBuf,
    folder: TempDir,
    /// The server refuses to be root; where we are, it is somebody else.
    user: Option<u32>,
    port: u16,
}

impl Server {
    /// A new server, with nothing in it.
    ///
    /// # Panics
    ///
    /// Where PostgreSQL is not installed, or does not start: in a sentence.
    pub(crate) fn start() -> Self {
        let programs = programs().expect(
            "these tests start a PostgreSQL server, and there is none: install it, on Debian with \
             `apt-get install --no-install-recommends postgresql`",
        );
        let folder = tempfile::tempdir().expect("a temporary folder");
        let user = (id(&["-u"]) == Some(0)).then(|| id(&["-u", "postgres"]).unwrap_or(65_534));
        if let Some(user) = user {
            chown(folder.path(), Some(user), None).expect("root may give a folder away");
        }
        let port = TcpListener::bind(("127.0.0.1", 0)).and_then(|free| free.local_addr()).expect("a free port").port();
        let server = Self { programs, folder, user, port };
        // Making the folder need not be durable; the server itself keeps what it was told.
        let data = server.data();
        server.run("initdb", &["-D", &data, "-U", "streams", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync"]);
        server.go_on();
        server
    }

    /// Starts it again after [`kill`](Self::kill).
    pub(crate) fn go_on(&self) {
        let options = format!(
            "-p {} -c listen_addresses=127.0.0.1 -c unix_socket_directories={}",
            self.port,
            self.folder.path().display()
        );
        let log = self.folder.path().join("log").display().to_string();
        self.run("pg_ctl", &["-D", &self.data(), "-l", &log, "-o", &options, "-w", "-t", "30", "start"]);
    }

    /// Ends it as a crash would: nothing is written any more.
    pub(crate) fn kill(&self) {
        self.run("pg_ctl", &["-D", &self.data(), "-m", "immediate", "-w", "stop"]);
    }

    /// Where its one database is.
    pub(crate) fn address(&self) -> String {
        format!("postgres://streams@127.0.0.1:{}/postgres", self.port)
    }

    fn data(&self) -> String {
        self.folder.path().join("data").display().to_string()
    }

    fn run(&self, program: &str, arguments: &[&str]) {
        let said = self.folder.path().join("said");
        let output = fs::File::create(&said).expect("a file");
        let mut command = Command::new(self.programs.join(program));
        command.args(arguments).current_dir(self.folder.path()).env("LC_ALL", "C");
        // Not a pipe: the server inherits it, and would keep it open.
        command.stdout(output.try_clone().expect("a file")).stderr(output);
        if let Some(user) = self.user {
            command.uid(user);
        }
        let status = command.status().unwrap_or_else(|error| panic!("{program} cannot be run: {error}"));
        let read = |path: &Path| fs::read_to_string(path).unwrap_or_default();
        assert!(status.success(), "{program}: {}{}", read(&said), read(&self.folder.path().join("log")));
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let mut command = Command::new(self.programs.join("pg_ctl"));
        command.args(["-D", &self.data(), "-m", "immediate", "-s", "stop"]).current_dir(self.folder.path());
        if let Some(user) = self.user {
            command.uid(user);
        }
        let _ = command.status();
    }
}

/// What `id` answers.
fn id(arguments: &[&str]) -> Option<u32> {
    let output = Command::new("id").args(arguments).stderr(std::process::Stdio::null()).output().ok()?;
    std::str::from_utf8(&output.stdout).ok()?.trim().parse().ok()
}

/// Where the programs of the newest PostgreSQL are, if there is one.
pub(crate) fn programs() -> Option<PathBuf> {
    let newest = |folder: &str| {
        let versions = fs::read_dir(folder).ok()?.filter_map(|entry| Some(entry.ok()?.path()));
        let number = |path: &PathBuf| path.file_name().and_then(|name| name.to_str()?.parse::<u32>().ok());
        let newest = versions.filter(|path| path.join("bin/initdb").exists()).max_by_key(number)?;
        Some(newest.join("bin"))
    };
    let in_path = || {
        let path = std::env::var_os("PATH")?;
        std::env::split_paths(&path).find(|folder| folder.join("initdb").exists())
    };
    newest("/usr/lib/postgresql").or_else(in_path)
}
