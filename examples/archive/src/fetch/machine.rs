//! When a resource is fetched, and what becomes of its failures: a machine without IO. Time and chance are arguments.
//!
//! ```text
//! Idle ─ due ─▶ Fetching ─┬─ done ──────────▶ Idle
//!                         ├─ rate limited ──▶ Waiting ─ due ─▶ Fetching
//!                         ├─ transient ─────▶ Waiting, longer each time
//!                         ├─ unauthorized ──▶ NeedsCredential, until somebody brings another one
//!                         └─ gone ──────────▶ Parked, until somebody says so
//! ```
//!
//! The interval is counted from the end of a run, so runs of one resource never overlap, and a late one is not followed by
//! a burst.

use serde::{Deserialize, Serialize};

use super::{Cursor, End, FetchError};

/// An hour, in milliseconds.
const HOUR: u64 = 3_600_000;

/// The shortest interval, in milliseconds.
pub const MIN_INTERVAL: u64 = 1_000;

/// The longest time to wait after a failure, in milliseconds.
pub const MAX_BACKOFF: u64 = HOUR;

/// The longest time that a source may ask to be left alone, in milliseconds: a day.
pub const MAX_REST: u64 = 24 * HOUR;

/// The first time to wait after a failure, in milliseconds.
const FIRST_BACKOFF: u64 = 5_000;

/// How a resource stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "is")]
pub enum Phase {
    /// All went well, or nothing was done yet.
    Idle,
    /// It is being fetched.
    Fetching,
    /// It is tried again, when its time has come.
    Waiting {
        /// The code of what went wrong.
        code: String,
        /// What went wrong, in a sentence.
        reason: String,
    },
    /// Its source wants a credential, or another one.
    NeedsCredential {
        /// What the source said.
        reason: String,
    },
    /// Its source is not there any more. What was archived stays.
    Parked {
        /// What the source said.
        reason: String,
    },
}

/// One resource. What it serializes to is kept, and goes on after a crash.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Machine {
    phase: Phase,
    /// When something is to be done, in milliseconds since 1970.
    due: u64,
    /// How often it went wrong since it last went right.
    tries: u32,
    /// Where the fetcher is.
    pub cursor: Cursor,
    /// When it last went right.
    pub succeeded: Option<u64>,
    /// By what the vault knew the credential that was refused.
    refused: Option<String>,
}

impl Default for Machine {
    fn default() -> Self {
        Self { phase: Phase::Idle, due: 0, tries: 0, cursor: Cursor::default(), succeeded: None, refused: None }
    }
}

impl Machine {
    /// How it stands.
    pub fn phase(&self) -> &Phase {
        &self.phase
    }

    /// The word for how it stands, as streams are told: `fetching`, `needs-credential` or `parked`.
    pub fn state(&self) -> &'static str {
        match self.phase {
            Phase::NeedsCredential { .. } => "needs-credential",
            Phase::Parked { .. } => "parked",
            _ => "fetching",
        }
    }

    /// Why it is not fetched, or was not, in a sentence.
    pub fn reason(&self) -> Option<&str> {
        match &self.phase {
            Phase::Waiting { reason, .. } | Phase::NeedsCredential { reason } | Phase::Parked { reason } => {
                Some(reason)
            }
            Phase::Idle | Phase::Fetching => None,
        }
    }

    /// How often it went wrong since it last went right.
    pub fn tries(&self) -> u32 {
        self.tries
    }

    /// When it is to be fetched; `None` while it is, and where somebody has to do something first.
    pub fn due(&self) -> Option<u64> {
        matches!(self.phase, Phase::Idle | Phase::Waiting { .. }).then_some(self.due)
    }

    /// Goes on after a crash, or with another credential: what was under way is due, and what waits for a credential is
    /// due where there is another one than was refused.
    pub fn resume(&mut self, credential: Option<&str>, now: u64) {
        let has_another = self.refused.as_deref() != Some(credential.unwrap_or_default());
        let is_due = match self.phase {
            Phase::Fetching => true,
            Phase::NeedsCredential { .. } => has_another,
            _ => false,
        };
        if is_due {
            (self.phase, self.due) = (Phase::Idle, now);
        }
    }

    /// Somebody says that it shall be fetched, whatever it waits for.
    pub fn retry(&mut self, now: u64) {
        if self.phase != Phase::Fetching {
            (self.phase, self.due, self.tries) = (Phase::Idle, now, 0);
        }
    }

    /// Begins, if it is due: then it must be told how it [ended](Self::end).
    pub fn begin(&mut self, now: u64) -> bool {
        let is_due = self.due().is_some_and(|due| due <= now);
        if is_due {
            self.phase = Phase::Fetching;
        }
        is_due
    }

    /// Takes how it ended. `interval` is in milliseconds; `luck` any number, drawn anew each time, so that those who began
    /// at one moment do not all come back at one moment; `credential` what was used.
    pub fn end(
        &mut self,
        ended: Result<End, FetchError>,
        interval: u64,
        credential: Option<&str>,
        now: u64,
        luck: u64,
    ) {
        if self.phase != Phase::Fetching {
            return;
        }
        match ended {
            Ok(End { cursor, rest, .. }) => {
                let interval = interval.max(MIN_INTERVAL).max(rest.unwrap_or(0).min(MAX_REST));
                self.cursor = Cursor { unfinished: false, ..cursor };
                (self.phase, self.tries, self.refused) = (Phase::Idle, 0, None);
                self.succeeded = Some(now);
                // Up to a twentieth more.
                self.due = now.saturating_add(interval).saturating_add(luck % (interval / 20 + 1));
            }
            Err(error) => self.fail(error, credential, now, luck),
        }
    }

    fn fail(&mut self, error: FetchError, credential: Option<&str>, now: u64, luck: u64) {
        self.tries = self.tries.saturating_add(1);
        let (code, reason) = (error.code().to_owned(), error.to_string());
        match error {
            FetchError::Unauthorized(_) => {
                self.refused = Some(credential.unwrap_or_default().to_owned());
                self.phase = Phase::NeedsCredential { reason };
            }
            FetchError::Gone(_) => self.phase = Phase::Parked { reason },
            FetchError::RateLimited { after } => {
                let after = after.clamp(MIN_INTERVAL, MAX_REST);
                // Never sooner than was asked.
                self.due = now.saturating_add(after).saturating_add(luck % (after / 20 + 1));
                self.phase = Phase::Waiting { code, reason };
            }
            FetchError::Transient(_) => {
                let most = FIRST_BACKOFF.saturating_mul(1 << self.tries.saturating_sub(1).min(20)).min(MAX_BACKOFF);
                // Between half of it and all.
                self.due = now.saturating_add(most / 2).saturating_add(luck % (most / 2 + 1));
                self.phase = Phase::Waiting { code, reason };
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const MINUTE: u64 = 60_000;

    fn fetching() -> Machine {
        let mut machine = Machine::default();
        assert!(machine.begin(0));
        machine
    }

    #[test]
    fn it_is_due_again_an_interval_after_its_end_and_never_twice_at_once() {
        let mut machine = fetching();
        assert!(!machine.begin(10 * MINUTE), "it is under way");
        machine.end(Ok(End::default()), MINUTE, None, 100 * MINUTE, 0);
        assert_eq!(machine.due(), Some(101 * MINUTE), "late once, and no burst");
        assert!(!machine.begin(101 * MINUTE - 1) && machine.begin(101 * MINUTE));
    }

    #[test]
    fn who_asked_too_often_waits_as_long_as_it_was_told() {
        let mut machine = fetching();
        machine.end(Err(FetchError::RateLimited { after: 30_000 }), MINUTE, None, 0, u64::MAX);
        assert!((30_000..=31_500).contains(&machine.due().unwrap()));
        machine.begin(40_000);
        machine.end(Err(FetchError::RateLimited { after: u64::MAX }), MINUTE, None, 40_000, 0);
        assert_eq!(machine.due(), Some(40_000 + MAX_REST), "no source stops it for ever");
        machine.begin(u64::MAX);
        machine.end(Ok(End { rest: Some(5 * MINUTE), ..End::default() }), MINUTE, None, 0, 0);
        assert_eq!(machine.due(), Some(5 * MINUTE), "a source may want longer intervals");
    }

    #[test]
    fn without_a_credential_there_is_no_storm() {
        let mut machine = fetching();
        machine.end(Err(FetchError::Unauthorized("401".into())), MINUTE, Some("cred-1"), 0, 0);
        assert_eq!((machine.due(), machine.state()), (None, "needs-credential"));
        machine.resume(Some("cred-1"), 9 * MINUTE);
        assert_eq!(machine.due(), None, "the same one again");
        machine.resume(Some("cred-2"), 9 * MINUTE);
        assert_eq!(machine.due(), Some(9 * MINUTE));
    }

    #[test]
    fn what_is_gone_is_parked_until_somebody_says_so() {
        let mut machine = fetching();
        machine.end(Err(FetchError::Gone("410".into())), MINUTE, None, 0, 0);
        machine.resume(Some("another"), MINUTE);
        assert_eq!((machine.due(), machine.state(), machine.reason()), (None, "parked", Some("410")));
        machine.retry(MINUTE);
        assert!(machine.begin(MINUTE));
    }

    #[test]
    fn a_crash_loses_nothing() {
        let mut machine = fetching();
        machine.cursor = Cursor { position: Some("7".into()), unfinished: true, ..Cursor::default() };
        let kept = serde_json::to_vec(&machine).unwrap();
        let mut again: Machine = serde_json::from_slice(&kept).unwrap();
        assert_eq!(again, machine);
        again.resume(None, 5);
        assert!(again.cursor.unfinished && again.begin(5));
        again.end(Ok(End { cursor: again.cursor.clone(), ..End::default() }), MINUTE, None, 5, 0);
        assert!(!again.cursor.unfinished);
    }

    proptest! {
        /// Whatever happens, it waits at least a bit, at most as long as it may, and goes on.
        #[test]
        fn it_neither_storms_nor_stops(
            happens in prop::collection::vec((0..4_u8, any::<u64>(), 0..=MAX_REST), 1..60),
            interval in 0..10 * HOUR,
        ) {
            let (mut machine, mut now) = (Machine::default(), 0);
            for (what, luck, after) in happens {
                now = machine.due().unwrap_or(now);
                prop_assert!(machine.begin(now));
                let ended = match what {
                    0 => Ok(End::default()),
                    1 => Ok(End { rest: Some(after), ..End::default() }),
                    2 => Err(FetchError::RateLimited { after }),
                    _ => Err(FetchError::Transient("x".into())),
                };
                let failed = ended.is_err();
                machine.end(ended, interval, None, now, luck);
                let wait = machine.due().unwrap() - now;
                prop_assert!(wait >= MIN_INTERVAL.min(FIRST_BACKOFF / 2), "{wait}");
                prop_assert!(wait <= interval.max(MAX_REST) * 21 / 20 + 1, "{wait}");
                prop_assert_eq!(machine.tries() > 0, failed);
            }
        }
    }
}
