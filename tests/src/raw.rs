//! HTTP/1.1 by the byte: sends exactly what it is given, and tells exactly what came back and how it ended.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::time::{Duration, Instant};

/// The longest that anything is waited for. Not a measure of speed: whoever reaches it hangs.
pub const DEADLINE: Duration = Duration::from_secs(60);

/// How an answer ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// With its last byte, as announced.
    Complete,
    /// The peer said that it was done, but had announced more.
    Short,
    /// The connection was reset.
    Reset,
    /// Nothing came until [`DEADLINE`].
    Deadline,
}

/// What a server answered.
#[derive(Debug, Clone)]
pub struct Response {
    /// The status code; 0: not even a head arrived.
    pub status: u16,
    /// Codes of the 1xx answers before it.
    pub interim: Vec<u16>,
    /// Names in lower case, in the order of arrival.
    pub headers: Vec<(String, String)>,
    /// As much of the body as arrived, without the framing.
    pub body: Vec<u8>,
    /// How it ended.
    pub end: End,
}

impl Response {
    /// Not even a head, of a server that was not there.
    pub fn nothing() -> Self {
        Self { status: 0, interim: Vec::new(), headers: Vec::new(), body: Vec::new(), end: End::Reset }
    }

    /// The value of the header `name` (lower case).
    ///
    /// # Panics
    /// It is there more than once.
    #[track_caller]
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut values =
            self.headers.iter().filter(|(known, _)| known == name).map(|(_, value)| value.as_str());
        let first = values.next();
        assert!(values.next().is_none(), "header {name} twice: {:?}", self.headers);
        first
    }

    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The text of the first `element` of an XML body; empty if there is none.
    pub fn element(&self, element: &str) -> String {
        self.elements(element).into_iter().next().unwrap_or_default()
    }

    /// The texts of all such elements, with the five predefined entities and character references resolved.
    pub fn elements(&self, element: &str) -> Vec<String> {
        let (open, close) = (format!("<{element}>"), format!("</{element}>"));
        let text = self.text();
        let mut found = Vec::new();
        let mut rest = text.as_str();
        while let Some(begin) = rest.find(&open) {
            rest = &rest[begin + open.len()..];
            let Some(end) = rest.find(&close) else { break };
            found.push(unescape(&rest[..end]));
            rest = &rest[end..];
        }
        found
    }

    /// The error code: from the document, or (answers to HEAD have none) from `x-hallmark-refused`.
    pub fn code(&self) -> String {
        match self.element("Code") {
            code if code.is_empty() => self.header("x-hallmark-refused").unwrap_or_default().to_owned(),
            code => code,
        }
    }
}

fn unescape(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(begin) = rest.find('&') {
        out.push_str(&rest[..begin]);
        let end = begin + rest[begin..].find(';').expect("every & begins an entity");
        out.push(match &rest[begin + 1..end] {
            "amp" => '&',
            "lt" => '<',
            "gt" => '>',
            "quot" => '"',
            "apos" => '\'',
            reference => character(reference),
        });
        rest = &rest[end + 1..];
    }
    out + rest
}

fn character(reference: &str) -> char {
    let number = match reference.strip_prefix("#x") {
        Some(hex) => u32::from_str_radix(hex, 16).ok(),
        None => reference.strip_prefix('#').and_then(|decimal| decimal.parse().ok()),
    };
    number.and_then(char::from_u32).unwrap_or_else(|| panic!("unknown entity &{reference};"))
}

/// A connection to a server.
#[derive(Debug)]
pub struct Connection {
    stream: TcpStream,
    /// What arrived and has not been looked at.
    buffer: Vec<u8>,
}

/// Whether an answer has a body, which depends on what was asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asked {
    /// With HEAD: the headers speak of a body that does not come.
    Head,
    /// With anything else.
    Other,
}

impl Asked {
    /// What `method` asks for.
    pub fn by(method: &str) -> Self {
        if method == "HEAD" { Self::Head } else { Self::Other }
    }
}

impl Connection {
    /// Connects.
    pub fn open(address: SocketAddr) -> Self {
        Self::over(TcpStream::connect(address).expect("the server takes connections"))
    }

    /// Connects; `None`: nobody listens there.
    pub fn try_open(address: SocketAddr) -> Option<Self> {
        TcpStream::connect(address).ok().map(Self::over)
    }

    fn over(stream: TcpStream) -> Self {
        stream.set_write_timeout(Some(DEADLINE)).expect("a timeout can be set");
        stream.set_nodelay(true).expect("an option can be set");
        Self { stream, buffer: Vec::new() }
    }

    /// Sends `bytes`; `false`: the server no longer takes any.
    pub fn send(&mut self, bytes: &[u8]) -> bool {
        self.stream.write_all(bytes).is_ok()
    }

    /// Says that nothing more will be sent.
    pub fn finish(&mut self) {
        // The server may have closed the connection before.
        let _ = self.stream.shutdown(Shutdown::Write);
    }

    /// Sends all `parts` while reading the answer, which may come before the last of them.
    pub fn exchange(&mut self, parts: &[&[u8]], asked: Asked) -> Response {
        let mut writer = self.stream.try_clone().expect("a socket can be shared");
        std::thread::scope(|scope| {
            scope.spawn(move || {
                // An error here shows in how the answer ends.
                let _ = parts.iter().try_for_each(|part| writer.write_all(part));
            });
            let response = self.response(asked);
            if response.status == 0 || response.end != End::Complete || response.status >= 400 {
                // Whoever still writes to a server that has answered would wait for ever.
                let _ = self.stream.shutdown(Shutdown::Both);
            }
            response
        })
    }

    /// Reads one answer.
    pub fn response(&mut self, asked: Asked) -> Response {
        let mut reader = Reader { connection: self, until: Instant::now() + DEADLINE };
        let mut response = Response {
            status: 0,
            interim: Vec::new(),
            headers: Vec::new(),
            body: Vec::new(),
            end: End::Complete,
        };
        response.end = reader.whole(&mut response, asked).err().unwrap_or(End::Complete);
        response
    }

    /// Reads one 1xx answer; its status.
    ///
    /// # Panics
    /// None comes.
    #[track_caller]
    pub fn interim(&mut self) -> u16 {
        let mut reader = Reader { connection: self, until: Instant::now() + DEADLINE };
        match reader.head() {
            Ok((status, _)) if status < 200 => status,
            other => panic!("no interim answer: {other:?}"),
        }
    }

    /// Reads the head of an answer and leaves its body where it is.
    ///
    /// # Panics
    /// None comes.
    #[track_caller]
    pub fn head(&mut self) -> (u16, Vec<(String, String)>) {
        let mut reader = Reader { connection: self, until: Instant::now() + DEADLINE };
        reader.head().unwrap_or_else(|end| panic!("no head: {end:?}"))
    }

    /// What has arrived, or the next that does; nothing: the connection ended.
    pub fn some(&mut self) -> Vec<u8> {
        if self.buffer.is_empty() {
            let _ = Reader { connection: self, until: Instant::now() + DEADLINE }.more();
        }
        std::mem::take(&mut self.buffer)
    }

    /// The next `length` bytes, or fewer if the connection ends before.
    pub fn next(&mut self, length: usize) -> Vec<u8> {
        let mut reader = Reader { connection: self, until: Instant::now() + DEADLINE };
        while reader.connection.buffer.len() < length && reader.more().is_ok() {}
        let rest = self.buffer.split_off(length.min(self.buffer.len()));
        std::mem::replace(&mut self.buffer, rest)
    }

    /// All that comes until the connection ends, however it does.
    pub fn rest(&mut self) -> Vec<u8> {
        let mut reader = Reader { connection: self, until: Instant::now() + DEADLINE };
        while reader.more().is_ok() {}
        std::mem::take(&mut self.buffer)
    }

    /// Takes all that comes, and tells how the connection ended: `Short` means a FIN.
    pub fn drain(&mut self) -> End {
        let mut reader = Reader { connection: self, until: Instant::now() + DEADLINE };
        loop {
            match reader.more() {
                Ok(()) => reader.connection.buffer.clear(),
                Err(end) => return end,
            }
        }
    }

    /// Waits for the server to close the connection, and tells how it did: `Complete` means a FIN, with nothing sent.
    pub fn closing(&mut self) -> End {
        let mut reader = Reader { connection: self, until: Instant::now() + DEADLINE };
        match reader.more() {
            Ok(()) => panic!("more bytes: {:?}", String::from_utf8_lossy(&self.buffer)),
            Err(End::Short) => End::Complete,
            Err(end) => end,
        }
    }
}

/// Reads with a deadline; errors are ends.
struct Reader<'a> {
    connection: &'a mut Connection,
    until: Instant,
}

impl Reader<'_> {
    fn whole(&mut self, response: &mut Response, asked: Asked) -> Result<(), End> {
        let status = loop {
            let (status, headers) = self.head()?;
            if status >= 200 {
                response.headers = headers;
                break status;
            }
            response.interim.push(status);
        };
        response.status = status;
        if asked == Asked::Head || status == 204 || status == 304 {
            return Ok(());
        }
        let chunked = response.header("transfer-encoding").is_some_and(|value| value == "chunked");
        let length = response.header("content-length").map(|value| value.parse().expect("a decimal length"));
        match (chunked, length) {
            (true, None) => self.chunks(&mut response.body),
            (false, Some(length)) => self.bytes(length, &mut response.body),
            (false, None) => match self.bytes(usize::MAX, &mut response.body) {
                Err(End::Short) => Ok(()),
                other => other,
            },
            (true, Some(_)) => panic!("an answer with two lengths: {:?}", response.headers),
        }
    }

    fn head(&mut self) -> Result<(u16, Vec<(String, String)>), End> {
        let first = self.line()?;
        let status = first
            .strip_prefix("HTTP/1.1 ")
            .or_else(|| first.strip_prefix("HTTP/1.0 "))
            .and_then(|rest| rest.get(..3))
            .and_then(|code| code.parse().ok())
            .unwrap_or_else(|| panic!("not a status line: {first:?}"));
        let mut headers = Vec::new();
        loop {
            let line = self.line()?;
            if line.is_empty() {
                return Ok((status, headers));
            }
            let (name, value) = line.split_once(':').unwrap_or_else(|| panic!("not a header: {line:?}"));
            headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
        }
    }

    fn line(&mut self) -> Result<String, End> {
        loop {
            if let Some(at) = self.connection.buffer.windows(2).position(|pair| pair == b"\r\n") {
                let line = String::from_utf8_lossy(&self.connection.buffer[..at]).into_owned();
                self.connection.buffer.drain(..at + 2);
                return Ok(line);
            }
            self.more()?;
        }
    }

    fn chunks(&mut self, body: &mut Vec<u8>) -> Result<(), End> {
        loop {
            let line = self.line()?;
            let length = usize::from_str_radix(&line, 16).expect("a hexadecimal length");
            self.bytes(length, body)?;
            let rest = self.line()?;
            assert!(rest.is_empty(), "a chunk ends in an empty line, not {rest:?}");
            if length == 0 {
                return Ok(());
            }
        }
    }

    fn bytes(&mut self, mut length: usize, body: &mut Vec<u8>) -> Result<(), End> {
        while length > 0 {
            if self.connection.buffer.is_empty() {
                self.more()?;
            }
            let part = length.min(self.connection.buffer.len());
            // Not `drain`, which takes the bytes one by one.
            body.extend_from_slice(&self.connection.buffer[..part]);
            self.connection.buffer.drain(..part);
            length -= part;
        }
        Ok(())
    }

    fn more(&mut self) -> Result<(), End> {
        let left = self.until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(End::Deadline);
        }
        self.connection.stream.set_read_timeout(Some(left)).expect("a timeout can be set");
        let mut part = vec![0; 1 << 16];
        match self.connection.stream.read(&mut part) {
            Ok(0) => Err(End::Short),
            Ok(length) => {
                self.connection.buffer.extend_from_slice(&part[..length]);
                Ok(())
            }
            Err(error) if error.kind() == ErrorKind::Interrupted => Ok(()),
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                Err(End::Deadline)
            }
            Err(_) => Err(End::Reset),
        }
    }
}

/// Sends `bytes` on a new connection and reads one answer.
pub fn exchange(address: SocketAddr, bytes: &[u8], asked: Asked) -> Response {
    Connection::open(address).exchange(&[bytes], asked)
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    /// Serves `answer` once and closes in the usual way.
    fn answered(answer: &'static str, asked: Asked) -> Response {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        std::thread::scope(|scope| {
            scope.spawn(move || {
                let (mut stream, _) = listener.accept().unwrap();
                let mut request = [0; 5];
                stream.read_exact(&mut request).unwrap();
                stream.write_all(answer.as_bytes()).unwrap();
            });
            exchange(address, b"hello", asked)
        })
    }

    #[test]
    fn a_body_is_read_as_announced() {
        for (answer, asked, body, end) in [
            ("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc", Asked::Other, "abc", End::Complete),
            ("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nabc", Asked::Other, "abc", End::Short),
            ("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n", Asked::Head, "", End::Complete),
            ("HTTP/1.1 200 OK\r\n\r\nabc", Asked::Other, "abc", End::Complete),
            (
                "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
                Asked::Other,
                "abc",
                End::Complete,
            ),
            (
                "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n",
                Asked::Other,
                "abc",
                End::Short,
            ),
        ] {
            let response = answered(answer, asked);
            assert_eq!(
                (response.status, response.text().as_str(), response.end),
                (200, body, end),
                "{answer}"
            );
        }
    }

    #[test]
    fn answers_before_the_answer_are_kept_apart() {
        let response = answered("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n", Asked::Other);
        assert_eq!((response.status, response.interim), (204, vec![100]));
    }

    #[test]
    fn no_head_is_status_0() {
        let response = answered("HTTP/1.1 200 OK\r\nConte", Asked::Other);
        assert_eq!((response.status, response.end), (0, End::Short));
    }

    #[test]
    fn xml_texts_are_unescaped() {
        let response = Response {
            status: 200,
            interim: Vec::new(),
            headers: Vec::new(),
            body: b"<L><Key>a&amp;&lt;b&#x9;</Key><Key>c&#10;</Key></L>".to_vec(),
            end: End::Complete,
        };
        assert_eq!(response.elements("Key"), ["a&<b\t", "c\n"]);
        assert_eq!(response.element("Code"), "");
    }
}
