//! How objects' rows are written in the index. Every row has one encoding: decoding refuses what encoding would not
//! have written, byte for byte.

use std::time::{SystemTime, UNIX_EPOCH};

use hallmark_signer::SealedHeaders;

use super::fields::{Fields, damaged, put_lock, put_optional_text, put_tags, put_text, time};
use super::id::Id;
use super::version::Rank;
use crate::store::{Attributes, Lock, StoreError, Tags, VersionId};

/// First byte of every row. Rows of another layout would get another number, so that both can be read.
const ROW_FORMAT: u8 = 2;

/// Second byte of a row that is a delete marker; in other rows it says where the body lies.
const MARKER: u8 = 0xFF;

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

/// What every row but a marker begins with; all of a state object's row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Stub {
    pub(super) id: Id,
    pub(super) place: Place,
    pub(super) size: u64,
    /// Unix milliseconds.
    pub(super) modified: u64,
}

/// What an object's row begins with: what decides whether it may be replaced, and what goes with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Head {
    pub(super) stub: Stub,
    pub(super) rank: Rank,
    pub(super) lock: Lock,
}

/// What a listing needs of an object's row; it stands before the rest, so that the rest need not be read.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Line {
    pub(super) head: Head,
    pub(super) etag: String,
}

/// An object's row.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Row {
    pub(super) head: Head,
    pub(super) etag: Box<str>,
    pub(super) attributes: Attributes,
    pub(super) tags: Tags,
}

/// A delete marker's row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Marker {
    pub(super) id: Id,
    /// Unix milliseconds.
    pub(super) modified: u64,
    pub(super) rank: Rank,
}

/// A row of the table of versions: of an object, as much as is wanted of it, or a marker.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Past<T> {
    Object(T),
    Marker(Marker),
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
        time(self.modified).unwrap_or(UNIX_EPOCH)
    }
}

impl Head {
    /// Reads the head that a row begins with.
    pub(super) fn decode_first(row: &[u8]) -> Result<Self, StoreError> {
        Fields(row).head().ok_or_else(damaged)
    }

    /// What clients call the version, where its bucket keeps any.
    pub(super) fn name(&self) -> VersionId {
        self.rank.name(self.stub.id)
    }
}

impl Line {
    pub(super) fn decode(row: &[u8]) -> Result<Self, StoreError> {
        let mut fields = Fields(row);
        let line = (|| Some(Self { head: fields.head()?, etag: fields.text()?.to_owned() }))();
        line.ok_or_else(damaged)
    }
}

impl Row {
    /// `None`: a text of 4 GiB or more, which no request can bring.
    pub(super) fn encode(&self) -> Option<Vec<u8>> {
        let mut out = self.head.stub.encode();
        self.head.rank.put(&mut out);
        put_lock(&mut out, &self.head.lock);
        put_text(&mut out, &self.etag)?;
        put_optional_text(&mut out, self.attributes.hallmark.as_deref())?;
        put_tags(&mut out, &self.tags)?;
        for (name, value) in self.attributes.headers.iter() {
            put_text(&mut out, name)?;
            put_text(&mut out, value)?;
        }
        Some(out)
    }

    pub(super) fn decode(row: &[u8]) -> Result<Self, StoreError> {
        Fields(row).row().ok_or_else(damaged)
    }
}

impl Marker {
    pub(super) fn encode(&self) -> Vec<u8> {
        let mut out = vec![ROW_FORMAT, MARKER];
        out.extend_from_slice(self.id.as_bytes());
        out.extend_from_slice(&self.modified.to_le_bytes());
        self.rank.put(&mut out);
        out
    }

    pub(super) fn modified(&self) -> SystemTime {
        time(self.modified).unwrap_or(UNIX_EPOCH)
    }

    /// What clients call it.
    pub(super) fn name(&self) -> VersionId {
        self.rank.name(self.id)
    }
}

impl<T> Past<T> {
    /// Reads a row of the table of versions, that of an object by `decode`.
    pub(super) fn decode(
        row: &[u8],
        decode: impl FnOnce(&[u8]) -> Result<T, StoreError>,
    ) -> Result<Self, StoreError> {
        match row {
            [ROW_FORMAT, MARKER, rest @ ..] => {
                let mut fields = Fields(rest);
                let marker = fields.marker().filter(|_| fields.0.is_empty());
                marker.map(Self::Marker).ok_or_else(damaged)
            }
            _ => decode(row).map(Self::Object),
        }
    }
}

impl Fields<'_> {
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
            size: self.number()?,
            modified: self.number()?,
        })
    }

    fn head(&mut self) -> Option<Head> {
        Some(Head { stub: self.stub()?, rank: self.rank()?, lock: self.lock()? })
    }

    fn marker(&mut self) -> Option<Marker> {
        Some(Marker { id: Id::from_bytes(self.array()?), modified: self.number()?, rank: self.rank()? })
    }

    fn row(&mut self) -> Option<Row> {
        let head = self.head()?;
        let etag = self.text()?.into();
        let hallmark = self.optional_text()?.map(str::to_owned);
        let tags = self.tags()?;
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
        Some(Row { head, etag, attributes: Attributes { headers, hallmark }, tags })
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::super::version::Naming;
    use super::*;
    use crate::store::{LegalHold, Retention, RetentionMode, StoreFault};

    fn ranks() -> impl Strategy<Value = Rank> {
        let naming = prop_oneof![Just(Naming::Null), Just(Naming::Own)];
        (any::<u64>(), naming).prop_map(|(seq, naming)| Rank { seq, naming })
    }

    fn locks() -> impl Strategy<Value = Lock> {
        let mode = prop_oneof![Just(RetentionMode::Governance), Just(RetentionMode::Compliance)];
        let retention = (mode, any::<u64>())
            .prop_map(|(mode, ms)| Retention { mode, until: UNIX_EPOCH + Duration::from_millis(ms) });
        let hold = prop_oneof![Just(LegalHold::On), Just(LegalHold::Off)];
        (proptest::option::of(retention), proptest::option::of(hold))
            .prop_map(|(retention, legal_hold)| Lock { retention, legal_hold })
    }

    fn heads() -> impl Strategy<Value = Head> {
        let place = prop_oneof![Just(Place::Inline), Just(Place::File), Just(Place::Segments)];
        (any::<[u8; 16]>(), place, any::<(u64, u64)>(), ranks(), locks()).prop_map(
            |(id, place, (size, modified), rank, lock)| {
                let stub = Stub { id: Id::from_bytes(id), place, size, modified };
                Head { stub, rank, lock }
            },
        )
    }

    fn rows() -> impl Strategy<Value = Row> {
        let headers = proptest::collection::btree_map("x-amz-meta-[a-z0-9]{1,9}", "[!-~]{0,20}", 0..5);
        let content = proptest::option::of("[a-z]{1,8}/[a-z]{1,8}");
        let hallmark = proptest::option::of(".{0,60}");
        let tags = proptest::collection::btree_map(".{0,9}", ".{0,9}", 0..4);
        (heads(), ".{0,40}", hallmark, headers, content, tags).prop_map(
            |(head, etag, hallmark, metadata, content, tags)| {
                let mut headers = SealedHeaders::default();
                for (name, value) in content.iter().map(|v| ("content-type", v)) {
                    headers.insert(name, value).unwrap();
                }
                for (name, value) in &metadata {
                    headers.insert(name, value).unwrap();
                }
                let attributes = Attributes { headers, hallmark };
                Row { head, etag: etag.into(), attributes, tags: Tags::new(tags).unwrap() }
            },
        )
    }

    proptest! {
        #[test]
        fn decode_undoes_encode(row in rows()) {
            let bytes = row.encode().unwrap();
            let stub = row.head.stub;
            prop_assert_eq!(Stub::decode_first(&bytes).unwrap(), stub);
            prop_assert_eq!(Stub::decode(&stub.encode()).unwrap(), stub);
            prop_assert_eq!(Head::decode_first(&bytes).unwrap(), row.head.clone());
            let line = Line { head: row.head.clone(), etag: row.etag.to_string() };
            prop_assert_eq!(Line::decode(&bytes).unwrap(), line);
            prop_assert_eq!(Past::decode(&bytes, Row::decode).unwrap(), Past::Object(Row::decode(&bytes).unwrap()));
            prop_assert_eq!(Row::decode(&bytes).unwrap(), row);
        }

        #[test]
        fn markers_read_back_and_are_no_objects(
            (id, modified, rank) in (any::<[u8; 16]>(), any::<u64>(), ranks()), more in any::<u8>(),
        ) {
            let marker = Marker { id: Id::from_bytes(id), modified, rank };
            let mut bytes = marker.encode();
            prop_assert_eq!(Past::decode(&bytes, Row::decode).unwrap(), Past::Marker(marker));
            prop_assert!(Row::decode(&bytes).is_err() && Line::decode(&bytes).is_err());
            prop_assert!(Head::decode_first(&bytes).is_err() && Stub::decode_first(&bytes).is_err());
            bytes.push(more);
            prop_assert!(Past::decode(&bytes, Row::decode).is_err());
            bytes.truncate(bytes.len() - 2);
            prop_assert!(Past::decode(&bytes, Row::decode).is_err());
        }

        #[test]
        fn what_decodes_is_what_encode_would_have_written(
            row in rows(), at in any::<proptest::sample::Index>(), flip in 1..=255u8, cut in any::<bool>(),
        ) {
            let mut bytes = row.encode().unwrap();
            let at = at.index(bytes.len());
            if cut { bytes.truncate(at) } else { bytes[at] ^= flip }
            match Past::decode(&bytes, Row::decode) {
                Ok(Past::Object(other)) => prop_assert_eq!(other.encode().unwrap(), bytes),
                Ok(Past::Marker(other)) => prop_assert_eq!(other.encode(), bytes),
                Err(_) => {}
            }
        }

        #[test]
        fn noise_never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..120)) {
            let _ = (Row::decode(&bytes), Line::decode(&bytes), Stub::decode(&bytes));
            let _ = (Head::decode_first(&bytes), Past::decode(&bytes, Line::decode));
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
