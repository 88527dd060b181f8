//! What people see: colours, short forms of long names, numbers, dates, and bars that show how far long work is.
//!
//! What others wrote is printed through [`plain`], so that no object can move the cursor of whoever reads it.

use std::fmt::Display;
use std::io::{self, Write};
use std::time::Duration;

use anstyle::{AnsiColor, Style};
use data_encoding::HEXLOWER;
use indicatif::{ProgressBar, ProgressStyle};
use streams_core::{ObjectId, VerifyingKey};

/// Titles, and what an eye should find first.
pub const BOLD: Style = Style::new().bold();
/// Labels, and what an eye may pass over.
pub const DIM: Style = Style::new().dimmed();
/// Ids and keys.
pub const ID: Style = AnsiColor::Cyan.on_default();
/// The answer is yes.
pub const GOOD: Style = AnsiColor::Green.on_default();
/// The answer is no.
pub const BAD: Style = AnsiColor::Red.on_default();
/// Neither.
pub const WARN: Style = AnsiColor::Yellow.on_default();

/// Something in a colour.
pub fn paint(style: Style, what: impl Display) -> String {
    format!("{style}{what}{style:#}")
}

/// The two ends of a long name, as `bafyr4i…k3xq`: to tell it from others at a glance.
pub fn short(name: impl Display) -> String {
    let name = name.to_string();
    let head = if name.starts_with("z6Mk") { 4 } else { 7 };
    match name.len() {
        0..=12 => name,
        len => format!("{}…{}", &name[..head], &name[len - 4..]),
    }
}

/// The beginning of an id that is long enough for `show` to find it by: beyond `bafyr4i`, 40 bits.
pub fn prefix(id: &ObjectId) -> String {
    id.to_string()[..15].to_owned()
}

/// An author, by the ends of its key.
pub fn author(key: &VerifyingKey) -> String {
    paint(ID, short(key))
}

/// Bytes in hexadecimal.
pub fn hex(bytes: &[u8]) -> String {
    HEXLOWER.encode(bytes)
}

/// A number with a comma at each thousand.
pub fn thousands(number: usize) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A count and its noun, `1 object` or `2 objects`.
pub fn count(number: usize, noun: &str) -> String {
    format!("{} {noun}{}", thousands(number), if number == 1 { "" } else { "s" })
}

/// A number of bytes, in the unit that fits.
pub fn size(bytes: usize) -> String {
    let units = ["bytes", "KiB", "MiB", "GiB"];
    let unit = (1..units.len()).rev().find(|unit| bytes >= 1 << (10 * unit)).unwrap_or(0);
    match unit {
        0 => format!("{bytes} bytes"),
        _ => format!("{:.1} {}", bytes as f64 / f64::from(1 << (10 * unit)), units[unit]),
    }
}

/// How much was done in a time, for each second.
pub fn rate(done: usize, time: Duration) -> String {
    thousands((done as f64 / time.as_secs_f64().max(1e-6)) as usize)
}

/// A time in milliseconds since 1970, as people write it.
pub fn time(milliseconds: u64) -> String {
    format!("{}:{:02} UTC", date_and_minute(milliseconds), milliseconds / 1000 % 60)
}

/// The same to the minute, for a sentence.
pub fn minute(milliseconds: u64) -> String {
    format!("{} UTC", date_and_minute(milliseconds))
}

fn date_and_minute(milliseconds: u64) -> String {
    let seconds = milliseconds / 1000;
    let (days, of_day) = (seconds / 86_400, seconds % 86_400);
    // Days are counted from 1 March of year 0, so that the leap day is the last of its year. An era is 400 years.
    let days = days + 719_468;
    let (era, of_era) = (days / 146_097, days % 146_097);
    let year = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let march = (5 * of_year + 2) / 153;
    let day = of_year - (153 * march + 2) / 5 + 1;
    let month = if march < 10 { march + 3 } else { march - 9 };
    let year = era * 400 + year + u64::from(month <= 2);
    format!("{year}-{month:02}-{day:02} {:02}:{:02}", of_day / 3600, of_day / 60 % 60)
}

/// A time that an object tells.
pub fn claimed(milliseconds: u64) -> String {
    format!("{} {}", time(milliseconds), paint(DIM, "as its author says"))
}

/// A fact on a line of its own, behind its name.
pub fn field(out: &mut dyn Write, name: &str, value: impl Display) -> io::Result<()> {
    writeln!(out, "{} {value}", paint(DIM, format_args!("{name:<10}")))
}

/// A text of others without what would move the cursor or turn the direction of writing.
pub fn plain(text: &str) -> String {
    let moves = |c: char| {
        c.is_control() || matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    text.chars().map(|c| if moves(c) { '\u{fffd}' } else { c }).collect()
}

/// The first line of a text of others, at most so many characters of it.
pub fn clip(text: &str, width: usize) -> String {
    let line = plain(text.lines().next().unwrap_or_default().trim_end());
    match line.char_indices().nth(width) {
        None => line,
        Some(_) => line.chars().take(width - 1).chain(['…']).collect(),
    }
}

/// A bar for work of a known length. It is shown on the terminal, if there is one, and vanishes with the work.
pub fn bar(what: &'static str, length: usize) -> ProgressBar {
    let bar = ProgressBar::new(length as u64).with_message(what);
    bar.set_style(bar_style());
    bar
}

fn bar_style() -> ProgressStyle {
    let style = ProgressStyle::with_template("{msg:>12} {bar:32.cyan/blue} {human_pos}/{human_len} · {eta} left");
    style.expect("a template").progress_chars("━╸─")
}

/// A bar for work whose length is told bit by bit, by [`lengthen`]; before it is, it shows that something goes on.
pub fn growing_bar(what: &'static str) -> ProgressBar {
    spinner(what)
}

/// Tells that there is so much more to do.
pub fn lengthen(bar: &ProgressBar, more: u64) {
    if bar.length().is_none() && more > 0 {
        bar.set_length(0);
        bar.set_style(bar_style());
    }
    bar.inc_length(more);
}

/// A part of a whole, as a small bar of so many characters.
pub fn part(done: usize, of: usize, width: usize) -> String {
    // What is not all is never drawn as all, and what is not nothing never as nothing.
    let filled = match (done, of) {
        (0, _) | (_, 0) => 0,
        (done, of) if done >= of => width,
        (done, of) => (done * width / of).clamp(1, width - 1),
    };
    format!("{}{}", "━".repeat(filled), paint(DIM, "─".repeat(width - filled)))
}

/// How long ago something was, in the unit that fits: `3 minutes ago`.
pub fn ago(then: u64, now: u64) -> String {
    let seconds = now.saturating_sub(then) / 1000;
    let units = [("day", 86_400), ("hour", 3600), ("minute", 60), ("second", 1)];
    match units.iter().find(|(_, length)| seconds >= *length) {
        _ if seconds > 60 * 86_400 => format!("on {}", minute(then)),
        Some((unit, length)) => format!("{} ago", count((seconds / length) as usize, unit)),
        None => "just now".to_owned(),
    }
}

/// A bar for work of a known number of bytes.
pub fn bytes(what: &'static str, length: u64) -> ProgressBar {
    let style =
        ProgressStyle::with_template("{msg:>12} {bar:32.cyan/blue} {binary_bytes}/{binary_total_bytes} · {eta} left");
    let bar = ProgressBar::new(length).with_message(what);
    bar.set_style(style.expect("a template").progress_chars("━╸─"));
    bar
}

/// A sign that work of an unknown length goes on.
pub fn spinner(what: &'static str) -> ProgressBar {
    let style = ProgressStyle::with_template("{msg:>12} {spinner:.cyan} {human_pos}");
    let spinner = ProgressBar::no_length().with_message(what);
    spinner.set_style(style.expect("a template"));
    spinner
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_for_people() {
        assert_eq!([thousands(7), thousands(1234), thousands(1_234_567)], ["7", "1,234", "1,234,567"]);
        assert_eq!([size(900), size(1536), size(3 << 20)], ["900 bytes", "1.5 KiB", "3.0 MiB"]);
    }

    #[test]
    fn times_are_written_for_people() {
        assert_eq!(time(0), "1970-01-01 00:00:00 UTC");
        assert_eq!(time(951_782_400_000), "2000-02-29 00:00:00 UTC");
        assert_eq!(time(1_735_689_599_999), "2024-12-31 23:59:59 UTC");
        assert_eq!(minute(1_735_689_599_999), "2024-12-31 23:59 UTC");
    }

    #[test]
    fn what_was_is_told_from_now() {
        let told = [500, 1_000, 59_000, 180_000, 7_200_000, 86_400_000]
            .map(|before| ago(10_000_000_000 - before, 10_000_000_000));
        assert_eq!(told, ["just now", "1 second ago", "59 seconds ago", "3 minutes ago", "2 hours ago", "1 day ago"]);
        assert_eq!(ago(951_782_400_000, 1_735_689_599_999), "on 2000-02-29 00:00 UTC");
        assert_eq!(ago(2_000, 1_000), "just now");
    }

    #[test]
    fn parts_are_drawn() {
        let drawn = |done, of| part(done, of, 4).chars().filter(|&c| c == '━').count();
        assert_eq!(
            [drawn(0, 9), drawn(1, 900), drawn(5, 10), drawn(899, 900), drawn(9, 9), drawn(0, 0)],
            [0, 1, 2, 3, 4, 0]
        );
    }

    #[test]
    fn no_text_moves_the_cursor() {
        assert_eq!(clip("a\u{1b}[2Jb\nc", 80), "a\u{fffd}[2Jb");
        assert_eq!(clip("eight letters", 5), "eigh…");
    }
}
