//! Where a server of the API is, and who it is: `http://KEY@HOST:PORT`.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use streams_core::VerifyingKey;
use url::{Host, Url};

/// The address of a server. It has the key of the server, so that a request is made for it alone, and nobody else can
/// pass it on to another.
///
/// ```
/// use streams_archive::api::address::Address;
/// let text = "http://z6MkgUVAuupCTywVA628qqqSn199CH9eCQvvaaHxtWtNqmZi@127.0.0.1:7712";
/// let address: Address = text.parse()?;
/// assert_eq!(address.to_string(), text);
/// assert!("http://127.0.0.1:7712".parse::<Address>().is_err());
/// # Ok::<(), streams_archive::api::address::AddressError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    key: VerifyingKey,
    /// Without the key, a path, and what may follow one.
    url: Url,
}

/// Why a text is no address of a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// It is not of the form.
    #[error("an address is as http://KEY@HOST:PORT, and nothing follows; `streams api serve` tells its own")]
    Form,
    /// The key is lacking, or none.
    #[error("the address lacks the key of the server, as in http://z6Mk…@HOST:PORT; `streams api serve` tells it")]
    Key,
}

impl AddressError {
    /// The code.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Form => "address",
            Self::Key => "address-key",
        }
    }
}

impl FromStr for Address {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        let mut url = Url::parse(text).map_err(|_| AddressError::Form)?;
        let has_more = url.path() != "/" || url.query().is_some() || url.fragment().is_some();
        if !matches!(url.scheme(), "http" | "https") || has_more || url.password().is_some() {
            return Err(AddressError::Form);
        }
        let key = url.username().parse().map_err(|_| AddressError::Key)?;
        url.set_username("").map_err(|()| AddressError::Form)?;
        Ok(Self { key, url })
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rest = &self.url.as_str()[self.url.scheme().len() + 3..];
        write!(f, "{}://{}@{}", self.url.scheme(), self.key, rest.trim_end_matches('/'))
    }
}

impl Address {
    /// The server: who a request is for.
    pub const fn key(&self) -> VerifyingKey {
        self.key
    }

    /// Whether nobody on the way can read along: it is encrypted, or does not leave this machine.
    pub fn is_safe(&self) -> bool {
        let is_here = match self.url.host() {
            Some(Host::Domain(name)) => name == "localhost",
            Some(Host::Ipv4(ip)) => IpAddr::from(ip).is_loopback(),
            Some(Host::Ipv6(ip)) => IpAddr::from(ip).is_loopback(),
            None => false,
        };
        is_here || self.url.scheme() == "https"
    }

    /// The address of something on the server: a path, and a query.
    pub(super) fn join(&self, target: &str) -> Url {
        self.url.join(target).expect("a path")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_says_who_is_there() {
        let key = "z6MkgUVAuupCTywVA628qqqSn199CH9eCQvvaaHxtWtNqmZi";
        let parse = |text: String| text.parse::<Address>();
        for (text, is_safe) in [
            (format!("http://{key}@127.0.0.1:7712"), true),
            (format!("http://{key}@[::1]:7712"), true),
            (format!("http://{key}@localhost:7712"), true),
            (format!("https://{key}@archive.example.org"), true),
            (format!("http://{key}@archive.example.org"), false),
            (format!("http://{key}@192.0.2.7:7712"), false),
        ] {
            let address = parse(text.clone()).unwrap();
            assert_eq!((address.to_string(), address.is_safe()), (text, is_safe));
            assert!(!address.join("/streams").as_str().contains(key), "the key is no password");
        }
        for text in [
            format!("ftp://{key}@example.org"),
            format!("http://{key}@example.org/path"),
            format!("http://{key}@example.org/?a=b"),
            format!("http://{key}:secret@example.org/"),
            "example.org:7712".to_owned(),
            String::new(),
        ] {
            assert_eq!(parse(text).unwrap_err().code(), "address");
        }
        for text in ["http://example.org", "http://ada@example.org", "http://z6Mk@example.org"] {
            assert_eq!(parse(text.to_owned()).unwrap_err().code(), "address-key");
        }
    }
}
