//! A small server that does what the documents of Kubo's RPC and of the IPFS Pinning Service API say, as far as it is
//! asked for here. It keeps blocks by their CIDs, which it checks.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard};

use data_encoding::BASE32_NOPAD;
use serde_json::{Value as Json, json};
use sha2::{Digest, Sha256};

/// Where the node says that it is.
pub(crate) const ORIGIN: &str = "/ip4/127.0.0.1/tcp/4001/p2p/12D3KooWNode";
/// Where the service says that it is.
pub(crate) const DELEGATE: &str = "/ip4/127.0.0.1/tcp/4002/p2p/12D3KooWService";

/// How the server behaves.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Way {
    #[default]
    Well,
    /// It takes blocks, and says that it cannot pin them.
    NoPin,
    Forbids,
    /// It reads a request and ends the connection.
    HangsUp,
    /// It takes blocks, and says nothing of them.
    SaysNothing,
    /// The service answers so.
    Answers(u16),
}

/// A pin of the service.
#[derive(Clone, Debug)]
pub(crate) struct Pin {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) cid: String,
    pub(crate) origins: Vec<String>,
    pub(crate) meta: Json,
    pub(crate) status: String,
    asked: usize,
}

#[derive(Debug, Default)]
pub(crate) struct State {
    pub(crate) way: Way,
    pub(crate) blocks: BTreeMap<String, Vec<u8>>,
    pub(crate) pinned: BTreeSet<String>,
    pub(crate) pins: Vec<Pin>,
    requests: usize,
    pub(crate) connected: Vec<String>,
    pub(crate) imports: usize,
}

#[derive(Debug)]
pub(crate) struct Server {
    port: u16,
    state: Arc<Mutex<State>>,
}

impl Server {
    /// A server of its own, on a port that was free, until the test ends.
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
        let port = listener.local_addr().expect("a port").port();
        let state = Arc::new(Mutex::new(State::default()));
        let shared = state.clone();
        std::thread::spawn(move || {
            for link in listener.incoming().flatten() {
                let shared = shared.clone();
                std::thread::spawn(move || serve(link, &shared));
            }
        });
        Self { port, state }
    }

    pub(crate) fn address(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

struct Request {
    method: String,
    path: String,
    query: BTreeMap<String, String>,
    token: Option<String>,
    body: Vec<u8>,
}

/// One request a connection.
fn serve(link: TcpStream, state: &Mutex<State>) {
    let mut writer = link.try_clone().expect("a socket");
    let Some(request) = read(&mut BufReader::new(link)) else { return };
    let mut state = state.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    if state.way == Way::HangsUp {
        return;
    }
    let (status, bytes) = state.answer(&request);
    let more = if status == 429 { "Retry-After: 7\r\n" } else { "" };
    let head =
        format!("HTTP/1.1 {status} Answer\r\nContent-Length: {}\r\n{more}Connection: close\r\n\r\n", bytes.len());
    let _ = writer.write_all(head.as_bytes()).and_then(|()| writer.write_all(&bytes));
}

fn read(link: &mut impl BufRead) -> Option<Request> {
    let mut line = String::new();
    link.read_line(&mut line).ok()?;
    let mut words = line.split_whitespace();
    let (method, target) = (words.next()?.to_owned(), words.next()?.to_owned());
    let (mut length, mut is_chunked, mut token) = (0, false, None);
    loop {
        let mut line = String::new();
        link.read_line(&mut line).ok()?;
        let Some((name, value)) = line.trim_end().split_once(": ") else { break };
        match name.to_ascii_lowercase().as_str() {
            "content-length" => length = value.parse().ok()?,
            "transfer-encoding" => is_chunked = value == "chunked",
            "authorization" => token = value.strip_prefix("Bearer ").map(str::to_owned),
            _ => {}
        }
    }
    let mut body = vec![0; length];
    link.read_exact(&mut body).ok()?;
    while is_chunked {
        let mut line = String::new();
        link.read_line(&mut line).ok()?;
        let length = usize::from_str_radix(line.trim(), 16).ok()?;
        let mut chunk = vec![0; length + 2];
        link.read_exact(&mut chunk).ok()?;
        body.extend(&chunk[..length]);
        is_chunked = length > 0;
    }
    let (path, query) = target.split_once('?').unwrap_or((&target, ""));
    let pairs = query.split('&').filter_map(|pair| pair.split_once('='));
    let query = pairs.map(|(name, value)| (name.to_owned(), plain(value))).collect();
    Some(Request { method, path: path.to_owned(), query, token, body })
}

fn plain(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        let mut digit = || rest.next().map(char::from);
        bytes.push(match byte {
            b'%' => u8::from_str_radix(&format!("{}{}", digit().unwrap(), digit().unwrap()), 16).unwrap(),
            byte => byte,
        });
    }
    String::from_utf8(bytes).unwrap()
}

impl State {
    fn answer(&mut self, request: &Request) -> (u16, Vec<u8>) {
        let json = |status, json: Json| (status, json.to_string().into_bytes());
        let arg = request.query.get("arg").cloned().unwrap_or_default();
        let refused = |text: String| json(500, json!({"Message": text, "Code": 0, "Type": "error"}));
        if let Some(path) = request.path.strip_prefix("/psa/pins") {
            return self.service(request, path.trim_start_matches('/'));
        }
        assert_eq!(request.method, "POST", "the RPC is asked by POST alone");
        match request.path.strip_prefix("/api/v0/").unwrap_or_default() {
            _ if self.way == Way::Forbids => json(403, json!("403 - Forbidden")),
            "dag/import" => {
                self.imports += 1;
                let root = self.import(&request.body);
                let error = if self.way == Way::NoPin { "pin: no room" } else { "" };
                if error.is_empty() {
                    self.pinned.insert(root.clone());
                }
                match self.way {
                    Way::SaysNothing => (200, Vec::new()),
                    _ => {
                        let line = json!({"Root": {"Cid": {"/": root}, "PinErrorMsg": error}});
                        (200, format!("{line}\n").into_bytes())
                    }
                }
            }
            "pin/ls" if self.pinned.contains(&arg) => json(200, json!({"Keys": {arg: {"Type": "recursive"}}})),
            "pin/ls" => refused(format!("path '{arg}' is not pinned")),
            "pin/rm" if self.pinned.remove(&arg) => json(200, json!({"Pins": [arg]})),
            "pin/rm" => refused("not pinned or pinned indirectly".into()),
            "cat" => {
                let number = |name: &str| request.query[name].parse::<usize>().unwrap();
                let file = self.file(arg.strip_prefix("/ipfs/").expect("a path"));
                let from = number("offset").min(file.len());
                (200, file[from..(from + number("length")).min(file.len())].to_vec())
            }
            "id" => json(200, json!({"ID": "12D3KooWNode", "Addresses": [ORIGIN]})),
            "swarm/connect" => {
                self.connected.push(arg);
                json(200, json!({"Strings": ["connect success"]}))
            }
            _ => (404, b"404 page not found".to_vec()),
        }
    }

    fn service(&mut self, request: &Request, id: &str) -> (u16, Vec<u8>) {
        let json = |status, json: Json| (status, json.to_string().into_bytes());
        let refused = |status, reason: &str| json(status, json!({"error": {"reason": reason, "details": "a test"}}));
        if let Way::Answers(status) = self.way {
            return refused(status, "SOMETHING");
        }
        if request.token.as_deref() != Some("the token") {
            return refused(401, "UNAUTHORIZED");
        }
        match (request.method.as_str(), id) {
            ("POST", "") => {
                let pin: Json = serde_json::from_slice(&request.body).expect("JSON");
                let text = |name: &str| pin[name].as_str().expect("text").to_owned();
                let origins = pin["origins"].as_array().expect("a list").iter();
                assert!(self.pinned.contains(&text("cid")), "the node has it first");
                self.requests += 1;
                self.pins.push(Pin {
                    id: format!("request-{}", self.requests),
                    name: text("name"),
                    cid: text("cid"),
                    origins: origins.map(|origin| origin.as_str().expect("text").to_owned()).collect(),
                    meta: pin["meta"].clone(),
                    status: "queued".into(),
                    asked: 0,
                });
                json(202, told(self.pins.last().expect("it was pushed")))
            }
            ("GET", "") => {
                assert!(request.query["status"].contains("failed"), "without that word only what succeeded is listed");
                let found: Vec<Json> =
                    self.pins.iter().filter(|pin| pin.name == request.query["name"]).map(told).collect();
                json(200, json!({"count": found.len(), "results": found}))
            }
            ("GET", id) => {
                let Some(pin) = self.pins.iter_mut().find(|pin| pin.id == id) else { return refused(404, "NOT_FOUND") };
                pin.asked += 1;
                if pin.asked == 2 && pin.status == "queued" {
                    pin.status = "pinning".into();
                } else if pin.asked == 3 && pin.status == "pinning" {
                    pin.status = "pinned".into();
                }
                json(200, told(pin))
            }
            ("DELETE", id) => {
                let Some(at) = self.pins.iter().position(|pin| pin.id == id) else { return refused(404, "NOT_FOUND") };
                self.pins.remove(at);
                (202, Vec::new())
            }
            _ => refused(404, "NOT_FOUND"),
        }
    }

    /// Takes the blocks of a CARv1 file inside a form, and returns its root.
    fn import(&mut self, form: &[u8]) -> String {
        let begin = form.windows(4).position(|four| four == b"\r\n\r\n").expect("a part of a form") + 4;
        let boundary = form[..form.windows(2).position(|two| two == b"\r\n").expect("a boundary")].to_vec();
        let end = form.len() - boundary.len() - 6;
        assert_eq!(&form[end..end + 2], b"\r\n");
        let mut car = &form[begin..end];
        let header = section(&mut car).expect("a header");
        let at = header.windows(3).position(|three| three == b"\x58\x25\x00").expect("a root") + 3;
        let root = text(&header[at..at + 36]);
        while let Some(section) = section(&mut car) {
            let (cid, block) = section.split_at(36);
            assert_eq!(cid[4..], Sha256::digest(block)[..], "a block hashes to its CID");
            self.blocks.insert(text(cid), block.to_vec());
        }
        assert!(self.blocks.contains_key(&root), "the root is among the blocks");
        root
    }

    /// The bytes of a file of UnixFS, by its CID, or by its name in a folder.
    pub(crate) fn file(&self, path: &str) -> Vec<u8> {
        let Some((folder, name)) = path.split_once('/') else { return self.bytes(path) };
        let links = fields(&self.blocks[folder]).into_iter().filter(|(number, _)| *number == 2);
        let found = links.map(|(_, link)| fields(&link)).find(|link| link[1].1 == name.as_bytes());
        self.bytes(&text(&found.expect("a file in the folder")[0].1))
    }

    fn bytes(&self, cid: &str) -> Vec<u8> {
        let block = &self.blocks[cid];
        let bytes = BASE32_NOPAD.decode(cid[1..].to_ascii_uppercase().as_bytes()).expect("a CID");
        if bytes[1] == 0x55 {
            return block.clone();
        }
        let links = fields(block).into_iter().filter(|(name, _)| *name == 2);
        links.flat_map(|(_, link)| self.bytes(&text(&fields(&link)[0].1))).collect()
    }
}

fn told(pin: &Pin) -> Json {
    json!({
        "requestid": pin.id, "status": pin.status, "created": "2026-01-01T00:00:00Z", "delegates": [DELEGATE],
        "pin": {"cid": pin.cid, "name": pin.name, "origins": pin.origins, "meta": pin.meta}, "info": {"status_details": "no peers"},
    })
}

fn text(cid: &[u8]) -> String {
    format!("b{}", BASE32_NOPAD.encode(cid).to_ascii_lowercase())
}

fn varint(bytes: &mut &[u8]) -> Option<usize> {
    let (mut number, mut shift) = (0, 0);
    loop {
        let (byte, rest) = bytes.split_first()?;
        *bytes = rest;
        number |= usize::from(byte & 0x7f) << shift;
        shift += 7;
        if byte & 0x80 == 0 {
            return Some(number);
        }
    }
}

fn section<'a>(bytes: &mut &'a [u8]) -> Option<&'a [u8]> {
    let length = varint(bytes)?;
    let (section, rest) = bytes.split_at(length);
    *bytes = rest;
    Some(section)
}

/// The fields of a message that have a length, with their numbers.
fn fields(mut bytes: &[u8]) -> Vec<(usize, Vec<u8>)> {
    let mut fields = Vec::new();
    while let Some(key) = varint(&mut bytes) {
        let number = varint(&mut bytes).expect("a number");
        if key & 7 == 2 {
            let (field, rest) = bytes.split_at(number);
            fields.push((key >> 3, field.to_vec()));
            bytes = rest;
        }
    }
    fields
}
