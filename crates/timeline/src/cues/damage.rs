//! What was wrong in a file and was repaired or left out.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A repair and where it was needed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Warning {
    /// The line of the file, or the number of the track's packet; from 1.
    pub line: u32,
    /// What was wrong.
    pub damage: Damage,
}

/// What was wrong with a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Damage {
    /// Bytes that are no characters in the file's encoding: replaced.
    Characters,
    /// The first line does not say what the file is: read all the same.
    Header,
    /// A subtitle without its number: read all the same.
    Number,
    /// No empty line before a subtitle: read all the same.
    Separator,
    /// An empty line within a subtitle: taken out.
    EmptyLine,
    /// A time that is written in another way than the format has it: understood.
    TimeForm,
    /// A time nobody can read: the subtitle is left out.
    Time,
    /// The end before the start: a new end was chosen.
    EndBeforeStart,
    /// Shown longer than until the next one: ends with it.
    Overlap,
    /// Earlier than the one before it: put in order.
    Order,
    /// A subtitle without text: left out.
    Text,
    /// Text that belongs to no time: left out.
    Stray,
    /// More text than one subtitle keeps: cut.
    Length,
    /// Tags that do not fit together: read up to there.
    Markup,
}

impl fmt::Display for Damage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Characters => "bytes that are no characters were replaced",
            Self::Header => "the header is missing; read all the same",
            Self::Number => "the number is missing; read all the same",
            Self::Separator => "the empty line before this subtitle is missing; read all the same",
            Self::EmptyLine => "an empty line within a subtitle was taken out",
            Self::TimeForm => "the time is written in an unusual form; understood",
            Self::Time => "the time cannot be read; the subtitle was left out",
            Self::EndBeforeStart => "the end was before the start; a new end was chosen",
            Self::Overlap => "the subtitle overlapped the next one; it ends there now",
            Self::Order => "the subtitle was out of order; it was moved",
            Self::Text => "the subtitle has no text; it was left out",
            Self::Stray => "text without a time was left out",
            Self::Length => "the text was too long; it was cut",
            Self::Markup => "the markup is broken; the file was read up to here",
        })
    }
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: {}", self.line, self.damage)
    }
}
