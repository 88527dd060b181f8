//! Commits: as git keeps them, and as the data of an object.

use std::borrow::Cow;

use anyhow::Result;
use serde::Serialize;
use streams_core::{Bytes, Map, Redactable, to_map};

/// A commit, as far as it is taken over.
pub struct Commit<'a> {
    /// The hash of its tree.
    pub tree: &'a str,
    /// The hashes of its parents, in its order, also of those that the repository does not have.
    pub parents: Vec<&'a str>,
    /// Who wrote it.
    pub author: Stamp<'a>,
    /// Who put it here.
    pub committer: Stamp<'a>,
    /// The encoding of its texts, where that is not UTF-8.
    pub encoding: Option<&'a [u8]>,
    /// Whether it is signed, or merges a signed tag.
    pub signed: bool,
    /// Its message.
    pub message: &'a [u8],
}

/// Who, and when.
#[derive(Default)]
pub struct Stamp<'a> {
    /// The name.
    pub name: &'a [u8],
    /// The e-mail address.
    pub email: &'a [u8],
    /// Seconds since 1970, where they are a number.
    pub time: Option<i64>,
    /// The hours and minutes ahead of UTC, as `+0100`.
    pub zone: &'a [u8],
}

impl<'a> Commit<'a> {
    /// Reads a commit: lines of a word and its value, an empty line, the message. Lines that begin with a space
    /// continue a signature.
    pub fn parse(bytes: &'a [u8]) -> Result<Self> {
        let end = bytes.windows(2).position(|two| two == b"\n\n");
        let (head, message) = end.map_or((bytes, &b""[..]), |end| (&bytes[..end], &bytes[end + 2..]));
        let mut commit = Self {
            tree: "",
            parents: Vec::new(),
            author: Stamp::default(),
            committer: Stamp::default(),
            encoding: None,
            signed: false,
            message,
        };
        for line in head.split(|byte| *byte == b'\n') {
            let space = line.iter().position(|byte| *byte == b' ').unwrap_or(line.len());
            let (word, value) = (&line[..space], line.get(space + 1..).unwrap_or_default());
            match word {
                b"tree" => commit.tree = str::from_utf8(value)?,
                b"parent" => commit.parents.push(str::from_utf8(value)?),
                b"author" => commit.author = Stamp::parse(value),
                b"committer" => commit.committer = Stamp::parse(value),
                b"encoding" => commit.encoding = Some(value),
                b"gpgsig" | b"gpgsig-sha256" | b"mergetag" => commit.signed = true,
                _ => {}
            }
        }
        Ok(commit)
    }
}

impl<'a> Stamp<'a> {
    /// Reads `NAME <EMAIL> SECONDS ZONE`. Old tools wrote all kinds of things there; what is no number is no time.
    fn parse(value: &'a [u8]) -> Self {
        let find = |byte: u8| value.iter().position(|other| *other == byte);
        let open = find(b'<').unwrap_or(value.len());
        let close = value.iter().rposition(|byte| *byte == b'>').filter(|close| *close > open).unwrap_or(open);
        let mut rest = value.get(close + 1..).unwrap_or_default().trim_ascii().splitn(2, |byte| *byte == b' ');
        let time = rest.next().and_then(|time| str::from_utf8(time).ok()?.parse().ok());
        Self {
            name: value[..open].trim_ascii(),
            email: value.get(open + 1..close).unwrap_or_default(),
            time,
            zone: rest.next().unwrap_or_default(),
        }
    }
}

impl Commit<'_> {
    /// The data of its object. What tells who wrote it stands in a map that can be redacted.
    pub fn data(&self, hash: &str, salt: [u8; 16]) -> Result<Map> {
        let (message, message_raw) = text(self.message);
        let (name, name_raw) = text(self.author.name);
        let (email, email_raw) = text(self.author.email);
        Ok(to_map(&Data {
            hash,
            tree: self.tree,
            parents: Some(&self.parents[..]).filter(|parents| !parents.is_empty()),
            message,
            message_raw,
            encoding: self.encoding.map(String::from_utf8_lossy),
            author: Redactable::new(Person { name, name_raw, email, email_raw }, salt),
            author_time: self.author.time,
            author_zone: String::from_utf8_lossy(self.author.zone),
            committer_time: self.committer.time,
            committer_zone: String::from_utf8_lossy(self.committer.zone),
        })?)
    }
}

#[derive(Serialize)]
struct Data<'a> {
    hash: &'a str,
    tree: &'a str,
    /// Absent where there are none.
    parents: Option<&'a [&'a str]>,
    message: Cow<'a, str>,
    message_raw: Option<Bytes>,
    encoding: Option<Cow<'a, str>>,
    author: Redactable<Person<'a>>,
    author_time: Option<i64>,
    author_zone: Cow<'a, str>,
    committer_time: Option<i64>,
    committer_zone: Cow<'a, str>,
}

#[derive(Serialize)]
struct Person<'a> {
    name: Cow<'a, str>,
    name_raw: Option<Bytes>,
    email: Cow<'a, str>,
    email_raw: Option<Bytes>,
}

/// Text to read, and the bytes beside it where they are not the same.
fn text(bytes: &[u8]) -> (Cow<'_, str>, Option<Bytes>) {
    let text = String::from_utf8_lossy(bytes);
    let raw = matches!(text, Cow::Owned(_)).then(|| Bytes::from(bytes));
    (text, raw)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_commit_is_read() {
        let commit = Commit::parse(
            b"tree 4b82\nparent aa\nparent bb\nauthor Ada L. <ada@example.org> 12 +0100\n\
              committer <> -5 -0030\nencoding latin1\ngpgsig -----BEGIN\n \n author no\n\nSubject\n\nBody\n",
        )
        .unwrap();
        assert_eq!((commit.tree, commit.parents), ("4b82", vec!["aa", "bb"]));
        assert_eq!((commit.author.name, commit.author.email), (&b"Ada L."[..], &b"ada@example.org"[..]));
        assert_eq!((commit.author.time, commit.author.zone), (Some(12), &b"+0100"[..]));
        assert_eq!(
            (commit.committer.name, commit.committer.email, commit.committer.time),
            (&b""[..], &b""[..], Some(-5))
        );
        assert_eq!((commit.encoding, commit.signed), (Some(&b"latin1"[..]), true));
        assert_eq!(commit.message, b"Subject\n\nBody\n");
    }

    #[test]
    fn a_broken_stamp_loses_no_more_than_it_must() {
        let stamp = Stamp::parse(b"Ada <a<b>c> tomorrow");
        assert_eq!((stamp.name, stamp.email, stamp.time), (&b"Ada"[..], &b"a<b>c"[..], None));
        let stamp = Stamp::parse(b"Ada");
        assert_eq!((stamp.name, stamp.email, stamp.time), (&b"Ada"[..], &b""[..], None));
    }
}
