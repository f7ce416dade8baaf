//! One connection from Hallmark: its requests one after the other, each with what is to happen to it.

use std::io;
use std::net::SocketAddr;

use tokio::io::AsyncWriteExt as _;

use super::answer::Answer;
use super::call::Call;
use super::forward::{Answered, Forwarding, forward};
use super::give::{Content, give};
use super::hold::{Barrier, Verdict};
use super::mishap::{Ending, Fault};
use super::plan::{Fate, Shared};
use super::wire::{Body, Incoming, Outgoing, Resetter};

/// The side that asks.
pub(super) struct Client {
    pub(super) incoming: Incoming,
    pub(super) outgoing: Outgoing,
    pub(super) resetter: Resetter,
}

/// What becomes of the connection after a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Next {
    Again,
    /// It is closed; what the client still sends is taken, so that it is no reset.
    Close,
    Reset,
}

impl From<Ending> for Next {
    fn from(ending: Ending) -> Self {
        match ending {
            Ending::Close => Self::Close,
            Ending::Reset => Self::Reset,
        }
    }
}

/// Serves a connection to its end.
pub(super) async fn serve(mut client: Client, shared: Shared, store: SocketAddr) {
    loop {
        // An error is one of the client's side: it went away, or does not speak HTTP.
        match one(&mut client, &shared, store).await {
            Ok(Next::Again) => {}
            Ok(Next::Close) => break close(client).await,
            Ok(Next::Reset) => break client.resetter.arm(),
            Err(error) if error.kind() == io::ErrorKind::InvalidData => {
                let refusal = Answer::new(400, "plain HTTP, please\n").with("Connection", "close");
                let _ = client.write(&refusal).await;
                break close(client).await;
            }
            Err(_) => break,
        }
    }
}

async fn close(mut client: Client) {
    let _ = client.outgoing.shutdown().await;
    client.incoming.drain().await;
}

async fn one(client: &mut Client, shared: &Shared, store: SocketAddr) -> io::Result<Next> {
    let Some(head) = client.incoming.head().await? else { return Ok(Next::Close) };
    let call = Call::of(head);
    let (Fate { fault, before, whole, after, recording }, under_way) = shared.begin(&call);
    let mut body = Body::new(call.head.of_request()?);
    let mut sent = Vec::new();
    if let Some(barrier) = whole {
        sent = client.rest(&call, &mut body).await?;
        if barrier.pass().await == Verdict::Dropped {
            return Ok(Next::Reset);
        }
    }
    if let Some(barrier) = before
        && barrier.pass().await == Verdict::Dropped
    {
        return Ok(Next::Reset);
    }
    if let Some(next) = before_the_store(client, &call, &mut body, fault.as_ref()).await? {
        return Ok(next);
    }
    let breaks_off = if let Some(Fault::ResetsAfterSent(bytes)) = &fault { Some(*bytes) } else { None };
    let answered = match forward(client, &call, sent, body, store, breaks_off).await? {
        Forwarding::Answered(answered) => answered,
        Forwarding::BrokenOff => return Ok(Next::Reset),
    };
    let Answered { mut head, mut content, framing, asked_whole, connection } = answered;
    if after.is_some() || recording.is_some() || fault.as_ref().is_some_and(Fault::wants_whole_answer) {
        content = content.whole().await?;
    }
    if let (Some(recording), Content::Whole(bytes)) = (recording, &content) {
        recording.keep(Answer { head: head.clone(), body: bytes.clone() });
    }
    if !passes(after).await {
        return Ok(Next::Reset);
    }
    let edits = match fault {
        Some(Fault::LosesAnswer(ending)) => return Ok(ending.into()),
        Some(Fault::KeepsAnswer) => {
            client.incoming.drain().await;
            return Ok(Next::Close);
        }
        Some(Fault::AnswersInstead(answer)) => {
            drop(under_way);
            return client.write(&answer).await;
        }
        Some(Fault::Edits(edits)) => edits,
        None
        | Some(
            Fault::Resets
            | Fault::ResetsAfterSent(_)
            | Fault::NeverAnswers
            | Fault::Answers(_)
            | Fault::AnswersTo(_)
            | Fault::AnswersAtOnce(_),
        ) => Vec::new(),
    };
    // Whoever has the answer may ask again before it is noted that this is over.
    drop(under_way);
    let next = give(client, &mut head, framing, content, &edits).await?;
    drop(connection);
    // What was not read of the request would be taken for the next one.
    Ok(if next == Next::Again && !asked_whole { Next::Close } else { next })
}

/// What happens without the store; `None`: nothing does.
async fn before_the_store(
    client: &mut Client,
    call: &Call,
    body: &mut Body,
    fault: Option<&Fault>,
) -> io::Result<Option<Next>> {
    let answer = match fault {
        Some(Fault::Resets) => return Ok(Some(Next::Reset)),
        Some(Fault::NeverAnswers) => {
            client.rest(call, body).await?;
            client.incoming.drain().await;
            return Ok(Some(Next::Close));
        }
        Some(Fault::AnswersAtOnce(answer)) => {
            client.write(answer).await?;
            return Ok(Some(Next::Close));
        }
        Some(Fault::Answers(answer)) => answer.clone(),
        Some(Fault::AnswersTo(made)) => (made.0)(call),
        None
        | Some(
            Fault::ResetsAfterSent(_)
            | Fault::LosesAnswer(_)
            | Fault::KeepsAnswer
            | Fault::AnswersInstead(_)
            | Fault::Edits(_),
        ) => return Ok(None),
    };
    client.rest(call, body).await?;
    client.write(&answer).await.map(Some)
}

async fn passes(barrier: Option<Barrier>) -> bool {
    match barrier {
        Some(barrier) => barrier.pass().await == Verdict::GoesOn,
        None => true,
    }
}

impl Client {
    /// All that is left of a request, which its sender may only send when told to.
    async fn rest(&mut self, call: &Call, body: &mut Body) -> io::Result<Vec<u8>> {
        if call.head.header("expect").is_some() {
            self.outgoing.write_all(b"HTTP/1.1 100 Continue\r\n\r\n").await?;
            self.outgoing.flush().await?;
        }
        body.rest(&mut self.incoming).await
    }

    /// Sends an answer as it stands.
    async fn write(&mut self, answer: &Answer) -> io::Result<Next> {
        self.outgoing.write_all(&answer.head.bytes()).await?;
        self.outgoing.write_all(&answer.body).await?;
        self.outgoing.flush().await?;
        let closes = answer.head.header("connection").is_some_and(|value| value == "close");
        Ok(if closes { Next::Close } else { Next::Again })
    }
}
