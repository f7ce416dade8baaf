//! How rows of the index are written: fixed fields, then texts with 32-bit lengths; little-endian throughout.
//!
//! Every row has one encoding: decoding refuses what encoding would not have written, byte for byte.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use hallmark_signer::SealedHeaders;

use super::id::Id;
use crate::store::{Attributes, StoreError, StoreFault};

/// First byte of every row. Rows of another layout would get another number, so that both can be read.
const ROW_FORMAT: u8 = 1;

/// Where a body lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// In the index, under the version's id.
    Inline,
    /// In the file named by the version's id.
    File,
    /// In the files that the index lists under the version's id.
    Segments,
}

/// What every row begins with; all of a state object's row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Stub {
    pub(super) id: Id,
    pub(super) place: Place,
    pub(super) size: u64,
    /// Unix milliseconds.
    pub(super) modified: u64,
}

/// What a listing needs of an object's row; it stands before the rest, so that the rest need not be read.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Line {
    pub(super) stub: Stub,
    pub(super) etag: String,
}

/// An object's row.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Row {
    pub(super) stub: Stub,
    pub(super) etag: Box<str>,
    pub(super) attributes: Attributes,
}

impl Stub {
    pub(super) fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(64);
        out.push(ROW_FORMAT);
        out.push(match self.place {
            Place::Inline => 0,
            Place::File => 1,
            Place::Segments => 2,
        });
        out.extend_from_slice(self.id.as_bytes());
        out.extend_from_slice(&self.size.to_le_bytes());
        out.extend_from_slice(&self.modified.to_le_bytes());
        out
    }

    /// Reads a row that is nothing but a stub.
    pub(super) fn decode(row: &[u8]) -> Result<Self, StoreError> {
        let mut fields = Fields(row);
        fields.stub().filter(|_| fields.0.is_empty()).ok_or_else(damaged)
    }

    /// Reads the stub that a row begins with.
    pub(super) fn decode_first(row: &[u8]) -> Result<Self, StoreError> {
        Fields(row).stub().ok_or_else(damaged)
    }

    pub(super) fn modified(&self) -> SystemTime {
        UNIX_EPOCH.checked_add(Duration::from_millis(self.modified)).unwrap_or(UNIX_EPOCH)
    }
}

impl Line {
    pub(super) fn decode(row: &[u8]) -> Result<Self, StoreError> {
        let mut fields = Fields(row);
        let line = (|| Some(Self { stub: fields.stub()?, etag: fields.text()?.to_owned() }))();
        line.ok_or_else(damaged)
    }
}

impl Row {
    /// `None`: a text of 4 GiB or more, which no request can bring.
    pub(super) fn encode(&self) -> Option<Vec<u8>> {
        let mut out = self.stub.encode();
        text(&mut out, &self.etag)?;
        let hallmark = self.attributes.hallmark.as_deref();
        out.push(u8::from(hallmark.is_some()));
        if let Some(hallmark) = hallmark {
            text(&mut out, hallmark)?;
        }
        for (name, value) in self.attributes.headers.iter() {
            text(&mut out, name)?;
            text(&mut out, value)?;
        }
        Some(out)
    }

    pub(super) fn decode(row: &[u8]) -> Result<Self, StoreError> {
        Fields(row).row().ok_or_else(damaged)
    }
}

fn text(out: &mut Vec<u8>, text: &str) -> Option<()> {
    out.extend_from_slice(&u32::try_from(text.len()).ok()?.to_le_bytes());
    out.extend_from_slice(text.as_bytes());
    Some(())
}

fn damaged() -> StoreError {
    StoreError::new(StoreFault::Corrupt, "a row of the index does not decode")
}

/// The part of a row that was not read yet.
struct Fields<'a>(&'a [u8]);

impl<'a> Fields<'a> {
    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (first, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*first)
    }

    fn text(&mut self) -> Option<&'a str> {
        let length = usize::try_from(u32::from_le_bytes(self.array()?)).ok()?;
        let (text, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        std::str::from_utf8(text).ok()
    }

    fn stub(&mut self) -> Option<Stub> {
        let place = match self.array()? {
            [ROW_FORMAT, 0] => Place::Inline,
            [ROW_FORMAT, 1] => Place::File,
            [ROW_FORMAT, 2] => Place::Segments,
            _ => return None,
        };
        Some(Stub {
            place,
            id: Id::from_bytes(self.array()?),
            size: u64::from_le_bytes(self.array()?),
            modified: u64::from_le_bytes(self.array()?),
        })
    }

    fn row(&mut self) -> Option<Row> {
        let stub = self.stub()?;
        let etag = self.text()?.into();
        let hallmark = match self.array()? {
            [0] => None,
            [1] => Some(self.text()?.to_owned()),
            _ => return None,
        };
        let mut headers = SealedHeaders::default();
        let mut last = "";
        while !self.0.is_empty() {
            let (name, value) = (self.text()?, self.text()?);
            if name <= last {
                return None;
            }
            headers.insert(name, value).ok()?;
            last = name;
        }
        Some(Row { stub, etag, attributes: Attributes { headers, hallmark } })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn rows() -> impl Strategy<Value = Row> {
        let headers = proptest::collection::btree_map("x-amz-meta-[a-z0-9]{1,9}", "[!-~]{0,20}", 0..5);
        let content = proptest::option::of("[a-z]{1,8}/[a-z]{1,8}");
        let hallmark = proptest::option::of(".{0,60}");
        (any::<[u8; 16]>(), 0..3_usize, any::<(u64, u64)>(), ".{0,40}", hallmark, headers, content).prop_map(
            |(id, place, (size, modified), etag, hallmark, metadata, content)| {
                let mut headers = SealedHeaders::default();
                for (name, value) in content.iter().map(|v| ("content-type", v)) {
                    headers.insert(name, value).unwrap();
                }
                for (name, value) in &metadata {
                    headers.insert(name, value).unwrap();
                }
                let place = [Place::Inline, Place::File, Place::Segments][place];
                Row {
                    stub: Stub { id: Id::from_bytes(id), place, size, modified },
                    etag: etag.into(),
                    attributes: Attributes { headers, hallmark },
                }
            },
        )
    }

    proptest! {
        #[test]
        fn decode_undoes_encode(row in rows()) {
            let bytes = row.encode().unwrap();
            prop_assert_eq!(Stub::decode_first(&bytes).unwrap(), row.stub);
            prop_assert_eq!(Stub::decode(&row.stub.encode()).unwrap(), row.stub);
            let line = Line { stub: row.stub, etag: row.etag.to_string() };
            prop_assert_eq!(Line::decode(&bytes).unwrap(), line);
            prop_assert_eq!(Row::decode(&bytes).unwrap(), row);
        }

        #[test]
        fn what_decodes_is_what_encode_would_have_written(
            row in rows(), at in any::<proptest::sample::Index>(), flip in 1..=255u8, cut in any::<bool>(),
        ) {
            let mut bytes = row.encode().unwrap();
            let at = at.index(bytes.len());
            if cut { bytes.truncate(at) } else { bytes[at] ^= flip }
            if let Ok(other) = Row::decode(&bytes) {
                prop_assert_eq!(other.encode().unwrap(), bytes);
            }
        }

        #[test]
        fn noise_never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..120)) {
            let _ = (Row::decode(&bytes), Line::decode(&bytes), Stub::decode(&bytes));
        }
    }

    #[test]
    fn a_stub_has_nothing_after_it() {
        let stub = Stub { id: Id::from_bytes([7; 16]), place: Place::File, size: 1, modified: 2 };
        let mut bytes = stub.encode();
        bytes.push(0);
        assert_eq!(Stub::decode(&bytes).unwrap_err().fault, StoreFault::Corrupt);
    }
}
