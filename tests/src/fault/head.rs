//! Heads of requests and answers, as they stand on the wire.

use std::io;

/// A first line and the headers after it, in their order and with the names as they came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    /// `GET /a HTTP/1.1`, or `HTTP/1.1 200 OK`.
    pub first: String,
    /// Values are bytes: some stores send others than ASCII.
    pub headers: Vec<(String, Vec<u8>)>,
}

/// How long a body is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Framing {
    Empty,
    Length(u64),
    Chunked,
    /// Only of answers.
    UntilClosed,
}

impl Head {
    /// Reads what stands before the empty line.
    pub(super) fn parse(text: &[u8]) -> io::Result<Self> {
        let malformed = || io::Error::new(io::ErrorKind::InvalidData, "not a head");
        let mut lines =
            text.split(|byte| *byte == b'\n').map(|line| line.strip_suffix(b"\r").unwrap_or(line));
        let first =
            lines.next().and_then(|line| String::from_utf8(line.to_vec()).ok()).ok_or_else(malformed)?;
        let header = |line: &[u8]| {
            let colon = line.iter().position(|byte| *byte == b':')?;
            let name = String::from_utf8(line[..colon].to_vec()).ok()?;
            Some((name, line[colon + 1..].trim_ascii().to_vec()))
        };
        let headers: Option<_> = lines.filter(|line| !line.is_empty()).map(header).collect();
        Ok(Self { first, headers: headers.ok_or_else(malformed)? })
    }

    /// What is sent, with the empty line.
    pub(super) fn bytes(&self) -> Vec<u8> {
        let mut bytes = format!("{}\r\n", self.first).into_bytes();
        for (name, value) in &self.headers {
            bytes.extend_from_slice(name.as_bytes());
            bytes.extend_from_slice(b": ");
            bytes.extend_from_slice(value);
            bytes.extend_from_slice(b"\r\n");
        }
        bytes.extend_from_slice(b"\r\n");
        bytes
    }

    /// The first value of a header.
    pub fn header(&self, name: &str) -> Option<String> {
        let found = self.headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
        found.map(|(_, value)| String::from_utf8_lossy(value).into_owned())
    }

    /// Puts `value` in the place of all values of the header.
    pub fn set(&mut self, name: &str, value: impl Into<Vec<u8>>) {
        self.remove(name);
        self.add(name, value);
    }

    /// Adds a header, beside one of the same name.
    pub fn add(&mut self, name: &str, value: impl Into<Vec<u8>>) {
        self.headers.push((name.to_owned(), value.into()));
    }

    /// Drops a header.
    pub fn remove(&mut self, name: &str) {
        self.headers.retain(|(known, _)| !known.eq_ignore_ascii_case(name));
    }

    /// An answer's status; 0: it has none.
    pub fn status(&self) -> u16 {
        self.first.split(' ').nth(1).and_then(|code| code.parse().ok()).unwrap_or_default()
    }

    /// The body that follows a request.
    pub(super) fn of_request(&self) -> io::Result<Framing> {
        self.framing(Framing::Empty)
    }

    /// The body that follows an answer to `method`.
    pub(super) fn of_answer(&self, method: &str) -> io::Result<Framing> {
        match (method, self.status()) {
            ("HEAD", _) | (_, 100..=199 | 204 | 304) => Ok(Framing::Empty),
            (_, _) => self.framing(Framing::UntilClosed),
        }
    }

    fn framing(&self, otherwise: Framing) -> io::Result<Framing> {
        if self.header("transfer-encoding").is_some_and(|value| value.eq_ignore_ascii_case("chunked")) {
            return Ok(Framing::Chunked);
        }
        let length = |text: String| {
            let length =
                text.parse().map_err(|_| io::Error::new(io::ErrorKind::InvalidData, "not a length"))?;
            Ok(if length == 0 { Framing::Empty } else { Framing::Length(length) })
        };
        self.header("content-length").map_or(Ok(otherwise), length)
    }
}
