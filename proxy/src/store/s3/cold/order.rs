//! In which order a listing of versions names versions and delete markers.
//!
//! Within a key they come newest first, whichever they are, and a page can end between any two.

use quick_xml::Reader;
use quick_xml::events::Event;

/// The deepest nesting that is followed.
const MAX_DEPTH: usize = 16;

/// What an entry is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// A version of an object.
    Version,
    /// A delete marker.
    DeleteMarker,
}

/// The kinds of all entries of a document, in its order; `None`: it is not well-formed.
pub(super) fn kinds(document: &[u8]) -> Option<Vec<Kind>> {
    let mut reader = Reader::from_str(std::str::from_utf8(document).ok()?);
    let (mut depth, mut kinds) = (0_usize, Vec::new());
    let mut entry = |depth: usize, name: &str| match (depth, name) {
        (1, "Version") => kinds.push(Kind::Version),
        (1, "DeleteMarker") => kinds.push(Kind::DeleteMarker),
        _ => {}
    };
    loop {
        match reader.read_event().ok()? {
            Event::Start(start) => {
                entry(depth, start.local_name().as_ref());
                depth += 1;
                if depth > MAX_DEPTH {
                    return None;
                }
            }
            Event::Empty(empty) => entry(depth, empty.local_name().as_ref()),
            Event::End(_) => depth = depth.checked_sub(1)?,
            Event::Eof => return (depth == 0).then_some(kinds),
            Event::Text(_)
            | Event::CData(_)
            | Event::Comment(_)
            | Event::Decl(_)
            | Event::PI(_)
            | Event::DocType(_)
            | Event::GeneralRef(_) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_are_told_apart_in_their_order() {
        let document = b"<?xml version=\"1.0\"?>\n<ListVersionsResult xmlns=\"x\"><Name>b</Name>\
            <Version><Key>a</Key><Owner><Version>not one</Version></Owner></Version>\
            <DeleteMarker><Key>a</Key></DeleteMarker><Version/>\
            <CommonPrefixes><Prefix>p</Prefix></CommonPrefixes></ListVersionsResult>";
        assert_eq!(kinds(document), Some(vec![Kind::Version, Kind::DeleteMarker, Kind::Version]));
        assert_eq!(kinds(b"<a/>"), Some(Vec::new()));
    }

    #[test]
    fn what_is_not_well_formed_has_no_order() {
        let deep = [b"<a>".repeat(MAX_DEPTH + 1), b"</a>".repeat(MAX_DEPTH + 1)].concat();
        for document in [&b"<a>"[..], b"<a></b>", b"</a>", &deep] {
            assert_eq!(kinds(document), None, "{}", String::from_utf8_lossy(document));
        }
    }
}
