//! Takes a `multipart/form-data` body apart, whatever pieces it arrives in (RFC 2046, section 5.1; RFC 7578).
//!
//! It knows nothing of fields and does no I/O. Data goes out as soon as it cannot belong to a delimiter, so no more
//! than the piece in hand and a delimiter's length is held. It is stricter than the RFCs wherever two readers could
//! disagree on where a part ends: nothing stands before the first delimiter, a delimiter is followed by a line end or
//! by `--` and by nothing else, and no part begins with what looks like a delimiter.

use bytes::{Bytes, BytesMut};
use memchr::memmem::Finder;
use memchr::memrchr;

use super::Malformed;

/// Headers of one part, bytes with the empty line after them. A name and a file name are all they need to hold.
pub(super) const MAX_HEAD_BYTES: usize = 4 << 10;

/// What may follow the end of the form, bytes. Nothing should, but for a line end.
pub(super) const MAX_EPILOGUE_BYTES: usize = 4 << 10;

const CRLF: &[u8] = b"\r\n";

/// A body being taken apart.
#[derive(Debug)]
pub(super) struct Splitter {
    /// `CRLF -- boundary`.
    delimiter: Box<[u8]>,
    finder: Finder<'static>,
    input: BytesMut,
    state: State,
}

#[derive(Debug)]
enum State {
    /// Before the first delimiter, which has no line end before it.
    Start,
    /// After a delimiter: another part, or the end.
    Delimited,
    /// In the headers of a part.
    Head,
    /// At the first byte of a part.
    DataStart,
    /// In a part.
    Data,
    /// After the closing delimiter, with the bytes that came.
    Epilogue(usize),
}

/// What was found.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Piece {
    /// The headers of the next part, without the empty line. The part before it, if any, is complete.
    Head(Bytes),
    /// Data of the part, never empty.
    Data(Bytes),
}

impl Splitter {
    /// For parts that `boundary` delimits.
    pub(super) fn new(boundary: &str) -> Self {
        let delimiter = format!("\r\n--{boundary}").into_bytes().into_boxed_slice();
        let finder = Finder::new(&delimiter).into_owned();
        Self { delimiter, finder, input: BytesMut::new(), state: State::Start }
    }

    /// Adds bytes of the body.
    pub(super) fn push(&mut self, bytes: &[u8]) {
        self.input.extend_from_slice(bytes);
    }

    /// Bytes that were added and wait to be looked at.
    pub(super) fn pending(&self) -> usize {
        self.input.len()
    }

    /// Whether the closing delimiter was seen: a body that ends before it is cut.
    pub(super) fn is_closed(&self) -> bool {
        matches!(self.state, State::Epilogue(_))
    }

    /// The next piece; `None` asks for more bytes.
    pub(super) fn next(&mut self) -> Result<Option<Piece>, Malformed> {
        loop {
            match self.state {
                State::Start => {
                    let first = self.delimiter.get(CRLF.len()..).unwrap_or_default();
                    match begins(&self.input, first) {
                        Begins::Yes => {
                            let _ = self.input.split_to(first.len());
                            self.state = State::Delimited;
                        }
                        Begins::No => return Err(Malformed("it does not begin with the boundary")),
                        Begins::Unknown => return Ok(None),
                    }
                }
                State::Delimited => {
                    let Some((next, _)) = self.input.split_first_chunk::<2>() else { return Ok(None) };
                    self.state = match next {
                        b"\r\n" => State::Head,
                        b"--" => State::Epilogue(0),
                        _ => {
                            return Err(Malformed(
                                "a boundary is followed by something else than a line end",
                            ));
                        }
                    };
                    let _ = self.input.split_to(CRLF.len());
                }
                State::Head => {
                    let head = self.head()?;
                    if head.is_some() {
                        self.state = State::DataStart;
                    }
                    return Ok(head.map(Piece::Head));
                }
                State::DataStart => {
                    let inner = self.delimiter.get(CRLF.len()..).unwrap_or_default();
                    match begins(&self.input, inner) {
                        // The RFC has it as a part without a body, others as data.
                        Begins::Yes => return Err(Malformed("a part begins with the boundary")),
                        Begins::No => self.state = State::Data,
                        Begins::Unknown => return Ok(None),
                    }
                }
                State::Data => {
                    let data = self.data();
                    if data.is_some() || matches!(self.state, State::Data) {
                        return Ok(data.map(Piece::Data));
                    }
                }
                State::Epilogue(seen) => {
                    let seen = seen.saturating_add(self.input.len());
                    self.input.clear();
                    self.state = State::Epilogue(seen);
                    if seen > MAX_EPILOGUE_BYTES {
                        return Err(Malformed("too much follows its end"));
                    }
                    return Ok(None);
                }
            }
        }
    }

    /// The headers, once their end is there.
    fn head(&mut self) -> Result<Option<Bytes>, Malformed> {
        if self.input.starts_with(CRLF) {
            return Err(Malformed("a part has no headers"));
        }
        let window = self.input.get(..MAX_HEAD_BYTES).unwrap_or(&self.input);
        match memchr::memmem::find(window, b"\r\n\r\n") {
            Some(end) => {
                let head = self.input.split_to(end).freeze();
                let _ = self.input.split_to(2 * CRLF.len());
                Ok(Some(head))
            }
            None if self.input.len() >= MAX_HEAD_BYTES => {
                Err(Malformed("the headers of a part are too long"))
            }
            None => Ok(None),
        }
    }

    /// Data up to the next delimiter, which is then taken off as well, or all that cannot belong to one.
    fn data(&mut self) -> Option<Bytes> {
        let end = match self.finder.find(&self.input) {
            // The data goes out first; the next call finds the delimiter at once.
            Some(0) => {
                let _ = self.input.split_to(self.delimiter.len());
                self.state = State::Delimited;
                return None;
            }
            Some(end) => end,
            None => self.input.len() - self.begun(),
        };
        (end > 0).then(|| self.input.split_to(end).freeze())
    }

    /// How many bytes at the end may be the beginning of a delimiter. It holds one carriage return, at its front.
    fn begun(&self) -> usize {
        let from = self.input.len().saturating_sub(self.delimiter.len() - 1);
        let tail = self.input.get(from..).unwrap_or_default();
        let begun = memrchr(b'\r', tail).and_then(|at| tail.get(at..)).unwrap_or_default();
        if self.delimiter.starts_with(begun) { begun.len() } else { 0 }
    }
}

/// Whether an input begins with something.
enum Begins {
    Yes,
    No,
    /// It is too short to tell.
    Unknown,
}

fn begins(input: &[u8], with: &[u8]) -> Begins {
    if input.starts_with(with) {
        Begins::Yes
    } else if with.starts_with(input) {
        Begins::Unknown
    } else {
        Begins::No
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Heads and data of all parts, and whether the form was closed.
    type Parts = (Vec<(String, Vec<u8>)>, bool);
    /// The same, as tests write it.
    type Expected<'a> = (&'a [(&'a str, &'a [u8])], bool);

    fn split<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> Result<Parts, Malformed> {
        let mut splitter = Splitter::new("b0");
        let mut parts: Vec<(String, Vec<u8>)> = Vec::new();
        for piece in pieces {
            splitter.push(piece);
            while let Some(piece) = splitter.next()? {
                match piece {
                    Piece::Head(head) => parts.push((String::from_utf8(head.to_vec()).unwrap(), Vec::new())),
                    Piece::Data(data) => {
                        assert!(!data.is_empty());
                        parts.last_mut().unwrap().1.extend_from_slice(&data);
                    }
                }
            }
            assert!(splitter.pending() <= MAX_HEAD_BYTES, "nothing but a head may wait");
        }
        Ok((parts, splitter.is_closed()))
    }

    fn check(body: &[u8], expected: Result<Expected<'_>, &str>) {
        let expected = expected.map(|(parts, closed)| {
            let owned = parts.iter().map(|(head, data)| ((*head).to_owned(), data.to_vec())).collect();
            (owned, closed)
        });
        assert_eq!(split([body]).map_err(|error| error.0), expected);
        assert_eq!(split(body.chunks(1)).map_err(|error| error.0), expected, "byte by byte");
    }

    #[test]
    fn parts_end_where_the_boundary_says() {
        check(b"--b0\r\nA: 1\r\n\r\nx\r\n--b0--", Ok((&[("A: 1", b"x")], true)));
        check(b"--b0\r\nA: 1\r\n\r\n\r\n--b0--\r\n", Ok((&[("A: 1", b"")], true)));
        check(b"--b0\r\nA\r\nB\r\n\r\nx\r\n--b0\r\nC\r\n\r\ny\r\n--b0--", {
            Ok((&[("A\r\nB", b"x"), ("C", b"y")], true))
        });
        // What only looks like a delimiter is data.
        for data in [
            &b"\r\n--b"[..],
            b"\r\n--b1",
            b"\n--b0",
            b"\r--b0",
            b"--b0",
            b"\r\n-b0",
            b"\r\r\n\r\n--B0\r\n",
            b"\r\n\r\n--",
        ] {
            let body = [b"--b0\r\nA\r\n\r\n.", data, b"\r\n--b0--\r\n"].concat();
            check(&body, Ok((&[("A", &[b".", data].concat())], true)));
        }
    }

    #[test]
    fn a_form_that_is_cut_is_not_closed() {
        let body = b"--b0\r\nA\r\n\r\nx\r\n--b0\r\nB\r\n\r\ny\r\n--b0--";
        for end in 0..body.len() {
            assert!(!split([&body[..end]]).unwrap().1, "{end}");
        }
        assert!(split([&body[..]]).unwrap().1);
    }

    #[test]
    fn what_readers_could_disagree_on_is_refused() {
        for (body, why) in [
            (&b"preamble\r\n--b0\r\n"[..], "it does not begin with the boundary"),
            (b"\r\n--b0\r\nA\r\n\r\n", "it does not begin with the boundary"),
            (b"--b1\r\n", "it does not begin with the boundary"),
            (b"--b0 \r\n", "a boundary is followed by something else than a line end"),
            (b"--b0\n\nA", "a boundary is followed by something else than a line end"),
            (b"--b00\r\nA", "a boundary is followed by something else than a line end"),
            (b"--b0\r\nA\r\n\r\nx\r\n--b0-\r\n", "a boundary is followed by something else than a line end"),
            (b"--b0\r\n\r\nx", "a part has no headers"),
            (b"--b0\r\nA\r\n\r\n--b0--", "a part begins with the boundary"),
            (b"--b0\r\nA\r\n\r\n--b0x", "a part begins with the boundary"),
        ] {
            check(body, Err(why));
        }
    }

    #[test]
    fn heads_and_epilogues_are_bounded() {
        let head = |length: usize| [b"--b0\r\n", &vec![b'h'; length][..], b"\r\n\r\nx\r\n--b0--"].concat();
        assert!(split([&head(MAX_HEAD_BYTES - 4)[..]]).is_ok());
        check(&head(MAX_HEAD_BYTES - 3), Err("the headers of a part are too long"));
        let epilogue = |length: usize| [b"--b0--", &vec![b'e'; length][..]].concat();
        check(&epilogue(MAX_EPILOGUE_BYTES), Ok((&[], true)));
        check(&epilogue(MAX_EPILOGUE_BYTES + 1), Err("too much follows its end"));
    }

    proptest! {
        #[test]
        fn any_chunking_gives_the_same(
            tokens in prop::collection::vec(
                prop::sample::select(vec!["\r\n--b0", "\r\n", "--", "b0", "\r", "\n", "-", "x", "A", "\r\n\r\n"]),
                0..24,
            ),
            cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..8),
        ) {
            let body = format!("--b0\r\n{}", tokens.concat()).into_bytes();
            let mut cuts: Vec<_> = cuts.iter().map(|cut| cut.index(body.len())).collect();
            cuts.extend([0, body.len()]);
            cuts.sort_unstable();
            let pieces = cuts.windows(2).map(|pair| &body[pair[0]..pair[1]]);
            prop_assert_eq!(split(pieces), split([&body[..]]));
        }

        #[test]
        fn every_file_comes_back(data in prop::collection::vec(any::<u8>(), 0..200), size in 1_usize..40) {
            prop_assume!(!data.starts_with(b"--b0"));
            prop_assume!(!data.windows(6).any(|window| window == b"\r\n--b0"));
            let body = [b"--b0\r\nA\r\n\r\n", &data[..], b"\r\n--b0--\r\n"].concat();
            prop_assert_eq!(split(body.chunks(size)), Ok((vec![("A".to_owned(), data)], true)));
        }
    }
}
