//! Stages: where the parts of an object lie before it is one.

use super::Pin;

/// The largest number of a part, and so the most parts of an object.
pub const MAX_PARTS: u16 = 10_000;

/// The longest name of a stage, bytes.
const MAX_STAGE_BYTES: usize = 400;

/// Names a stage towards the store: 1 to 400 bytes of visible ASCII. Opaque.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct StageId(Box<str>);

impl StageId {
    /// Checks `text`; `None`: it is not of the form.
    pub fn parse(text: &str) -> Option<Self> {
        let fits = (1..=MAX_STAGE_BYTES).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic());
        fits.then(|| Self(text.into()))
    }

    /// Its text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The number of a part: 1 to 10,000.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PartNumber(u16);

impl PartNumber {
    /// Checks `number`; `None`: out of range.
    pub fn new(number: u64) -> Option<Self> {
        let number = u16::try_from(number).ok()?;
        (1..=MAX_PARTS).contains(&number).then_some(Self(number))
    }

    /// The number.
    pub fn number(self) -> u16 {
        self.0
    }
}

/// A part that lies in a stage.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StagedPart {
    /// Its number.
    pub number: PartNumber,
    /// Its length, bytes.
    pub length: u64,
    /// Names these bytes: a part that was sent again has another one.
    pub pin: Pin,
}
