//! A request goes on to the store, and the head of the answer comes back.

use std::io;
use std::net::SocketAddr;

use tokio::io::AsyncWriteExt as _;

use super::call::Call;
use super::exchange::Client;
use super::give::Content;
use super::head::{Framing, Head};
use super::wire::{Body, Incoming, Outgoing, connect, framed};

/// What came of it.
pub(super) enum Forwarding {
    Answered(Answered),
    /// As it was meant to.
    BrokenOff,
}

/// The store's answer, whose body is still to come.
pub(super) struct Answered {
    pub(super) head: Head,
    pub(super) content: Content,
    pub(super) framing: Framing,
    /// Whether the request was read to its end.
    pub(super) asked_whole: bool,
    /// Half a connection is a client that gave up to some stores: this is kept until the answer has come.
    pub(super) connection: Outgoing,
}

/// Why a request no longer goes on.
enum Stopped {
    /// The client is gone, or sent what makes no sense.
    Client(io::Error),
    /// The store takes no more; it may have said why.
    Store,
    /// So many bytes went on, and no more were to.
    Enough,
}

/// Sends what was read of the request and what is still to come of it.
pub(super) async fn forward(
    client: &mut Client,
    call: &Call,
    sent: Vec<u8>,
    mut body: Body,
    store: SocketAddr,
    breaks_off: Option<u64>,
) -> io::Result<Forwarding> {
    let Ok((mut incoming, mut outgoing)) = connect(store).await else { return Ok(Forwarding::BrokenOff) };
    let Client { incoming: asking, outgoing: answering, .. } = client;
    let framing = call.head.of_request()?;
    let result = {
        let send = send(&call.head, framing, sent, &mut body, asking, &mut outgoing, breaks_off);
        let answer = answer_head(&mut incoming, answering);
        tokio::pin!(send, answer);
        let mut asked_whole = None;
        loop {
            tokio::select! {
                done = &mut send, if asked_whole.is_none() => match done {
                    Ok(()) => asked_whole = Some(true),
                    Err(Stopped::Store) => asked_whole = Some(false),
                    Err(Stopped::Client(error)) => return Err(error),
                    Err(Stopped::Enough) => return Ok(Forwarding::BrokenOff),
                },
                head = &mut answer => break head.map(|head| (head, asked_whole == Some(true))),
            }
        }
    };
    // A store that hangs up on us hangs up on the client.
    let Ok((head, asked_whole)) = result else { return Ok(Forwarding::BrokenOff) };
    let framing = head.of_answer(call.method())?;
    let content = Content::Coming(Body::new(framing), incoming);
    Ok(Forwarding::Answered(Answered { head, content, framing, asked_whole, connection: outgoing }))
}

async fn send(
    head: &Head,
    framing: Framing,
    sent: Vec<u8>,
    body: &mut Body,
    from: &mut Incoming,
    to: &mut Outgoing,
    breaks_off: Option<u64>,
) -> Result<(), Stopped> {
    let store = |_| Stopped::Store;
    to.write_all(&head.bytes()).await.map_err(store)?;
    let mut left = breaks_off.unwrap_or(u64::MAX);
    if !sent.is_empty() {
        to.write_all(&framed(framing, &sent)).await.map_err(store)?;
    }
    while left > 0 {
        let Some(mut piece) = body.next(from).await.map_err(Stopped::Client)? else { break };
        piece.truncate(usize::try_from(left).unwrap_or(usize::MAX));
        left -= piece.len() as u64;
        to.write_all(&framed(framing, &piece)).await.map_err(store)?;
    }
    if breaks_off.is_some() {
        to.flush().await.map_err(store)?;
        return Err(Stopped::Enough);
    }
    if framing == Framing::Chunked {
        to.write_all(&framed(framing, &[])).await.map_err(store)?;
    }
    to.flush().await.map_err(store)
}

/// The head of the answer; what comes before it goes on at once.
async fn answer_head(from: &mut Incoming, to: &mut Outgoing) -> io::Result<Head> {
    loop {
        let head = from.head().await?.ok_or(io::ErrorKind::UnexpectedEof)?;
        if head.status() >= 200 {
            return Ok(head);
        }
        to.write_all(&head.bytes()).await?;
        to.flush().await?;
    }
}
