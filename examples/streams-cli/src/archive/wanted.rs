//! What is wanted: from a file in TOML, or from the command line.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use serde::Deserialize;
use streams_core::archive::plan::Policy;

use super::places::PlaceName;

/// A file that says what is wanted. What it does not say is as on the command line.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Wanted {
    /// The streams; all of the store, where none is named.
    #[serde(default)]
    pub streams: Vec<String>,
    /// The places.
    #[serde(rename = "place", default)]
    pub places: Vec<WantedPlace>,
    every: Option<Time>,
    renew_before: Option<Time>,
    repair: Option<bool>,
    patience: Option<Time>,
    audit: Option<Time>,
    pack_size: Option<Size>,
    pack_age: Option<Time>,
}

/// A place, and how much is wanted there.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct WantedPlace {
    /// Where.
    pub to: PlaceName,
    /// How many copies.
    #[serde(default = "one")]
    pub copies: u16,
    /// The most that is spent there.
    pub budget: Option<u64>,
}

fn one() -> u16 {
    1
}

/// A time, as people write it: `90s`, `15m`, `12h`, `30d`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Time(pub u64);

/// A size, as people write it: `900`, `64KiB`, `64MiB`, `1GiB`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Size(pub u64);

/// A number and its unit, of these.
fn measure(text: &str, units: &[(&str, u64)]) -> Option<u64> {
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(end);
    let (_, factor) = units.iter().find(|(name, _)| *name == unit.trim())?;
    number.parse::<u64>().ok()?.checked_mul(*factor)
}

impl std::str::FromStr for Time {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let units = [("s", 1_000), ("m", 60_000), ("h", 3_600_000), ("d", 86_400_000)];
        measure(text, &units).map(Self).ok_or_else(|| format!("{text} is no time, as 90s, 15m, 12h and 30d are"))
    }
}

impl std::str::FromStr for Size {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let units = [("", 1), ("KiB", 1 << 10), ("MiB", 1 << 20), ("GiB", 1 << 30)];
        measure(text, &units).map(Self).ok_or_else(|| format!("{text} is no size, as 900, 64MiB and 1GiB are"))
    }
}

impl TryFrom<String> for Time {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl TryFrom<String> for Size {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl Wanted {
    /// What a file says.
    pub fn read(path: &Path) -> Result<Self> {
        let text = fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
        let mut wanted: Self =
            toml::from_str(&text).with_context(|| format!("{} is not understood", path.display()))?;
        ensure!(!wanted.places.is_empty(), "{} names no [[place]]", path.display());
        // A folder is meant beside the file that names it.
        for place in &mut wanted.places {
            if let PlaceName::Folder(folder) = &mut place.to {
                *folder = path.parent().map_or_else(|| folder.clone(), |beside| beside.join(&*folder));
            }
        }
        Ok(wanted)
    }

    /// A copy in each place.
    pub fn at(places: &[PlaceName]) -> Self {
        let place = |to: &PlaceName| WantedPlace { to: to.clone(), copies: 1, budget: None };
        Self { places: places.iter().map(place).collect(), ..Self::default() }
    }

    /// As the engine wants it, but for the places.
    pub fn policy(&self) -> Policy {
        let usual = Policy::default();
        Policy {
            places: Vec::new(),
            interval: self.every.map_or(usual.interval, |time| time.0),
            renew_before: self.renew_before.map_or(usual.renew_before, |time| time.0),
            repair: self.repair.unwrap_or(usual.repair),
            pack_size: self.pack_size.map_or(usual.pack_size, |size| size.0),
            pack_age: self.pack_age.map_or(usual.pack_age, |time| time.0),
            patience: self.patience.map_or(usual.patience, |time| time.0),
            audit: self.audit.map(|time| time.0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_and_sizes_are_written_as_people_do() {
        assert_eq!("90s".parse(), Ok(Time(90_000)));
        assert_eq!("2d".parse(), Ok(Time(172_800_000)));
        assert_eq!("64MiB".parse(), Ok(Size(64 << 20)));
        assert_eq!("64 MiB".parse(), Ok(Size(64 << 20)));
        for wrong in ["", "h", "1", "-1h", "1.5h", "1w", "99999999999999999999d", "300000000000d"] {
            assert!(wrong.parse::<Time>().is_err(), "{wrong}");
        }
        assert!("1MB".parse::<Size>().is_err());
    }

    #[test]
    fn a_file_says_what_is_wanted() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("archive.toml");
        let text = "every = '6h'\naudit = '30d'\npack-size = '64MiB'\n[[place]]\nto = 'attic'\ncopies = 1\n\
                    [[place]]\nto = 's3://bucket/x'\nbudget = 7\n";
        fs::write(&path, text).unwrap();
        let wanted = Wanted::read(&path).unwrap();
        let policy = wanted.policy();
        assert_eq!((policy.interval, policy.audit, policy.pack_size), (21_600_000, Some(2_592_000_000), 64 << 20));
        assert_eq!(wanted.places[0].to, PlaceName::Folder(folder.path().join("attic")));
        assert_eq!((wanted.places[1].copies, wanted.places[1].budget), (1, Some(7)));
        for wrong in ["", "every = '6h'", "evry = '6h'\n[[place]]\nto = 'a'", "[[place]]\nto = 'ftp://a'", "[[place]]"]
        {
            fs::write(&path, wrong).unwrap();
            assert!(Wanted::read(&path).is_err(), "{wrong}");
        }
    }
}
