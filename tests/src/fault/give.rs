//! An answer goes back, with what is done to it.

use std::io;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use tokio::io::AsyncWriteExt as _;

use super::answer::Answer;
use super::exchange::{Client, Next};
use super::head::{Framing, Head};
use super::mishap::{Edit, Ending, Fault};
use super::wire::{Body, Incoming, framed};

/// The body of an answer.
pub(super) enum Content {
    Coming(Body, Incoming),
    Whole(Bytes),
}

/// What is done to a body.
#[derive(Default)]
struct Edits {
    garbled: Vec<u64>,
    stop: Option<(u64, Stop)>,
    pace: Option<(usize, Duration)>,
    appended: Vec<Bytes>,
    /// How many bytes went by.
    at: u64,
}

#[derive(Clone, Copy)]
enum Stop {
    Stalls,
    Ends(Ending),
}

impl Fault {
    /// Whether it happens when the store has done all of its work.
    pub(super) fn wants_whole_answer(&self) -> bool {
        match self {
            Self::LosesAnswer(_) | Self::KeepsAnswer | Self::AnswersInstead(_) => true,
            Self::Edits(edits) => edits.iter().any(|edit| matches!(edit, Edit::Rewrite(_))),
            Self::Resets
            | Self::ResetsAfterSent(_)
            | Self::NeverAnswers
            | Self::Answers(_)
            | Self::AnswersTo(_)
            | Self::AnswersAtOnce(_) => false,
        }
    }
}

impl Content {
    /// Waits for all of it.
    pub(super) async fn whole(self) -> io::Result<Self> {
        match self {
            Self::Coming(mut body, mut from) => {
                body.rest(&mut from).await.map(|bytes| Self::Whole(bytes.into()))
            }
            Self::Whole(bytes) => Ok(Self::Whole(bytes)),
        }
    }

    async fn next(&mut self) -> io::Result<Option<Bytes>> {
        match self {
            Self::Coming(body, from) => body.next(from).await,
            Self::Whole(bytes) if bytes.is_empty() => Ok(None),
            Self::Whole(bytes) => Ok(Some(std::mem::take(bytes))),
        }
    }
}

/// Sends the answer.
pub(super) async fn give(
    client: &mut Client,
    head: &mut Head,
    framing: Framing,
    mut content: Content,
    edits: &[Edit],
) -> io::Result<Next> {
    let mut body = Edits::default();
    let mut pause = None;
    for edit in edits {
        match edit {
            Edit::Status(status) => {
                let reason = head.first.splitn(3, ' ').nth(2).unwrap_or_default().to_owned();
                head.first = format!("HTTP/1.1 {status} {reason}");
            }
            Edit::Set(name, value) => head.set(name, value.as_str()),
            Edit::Add(name, value) => head.add(name, value.as_str()),
            Edit::Remove(name) => head.remove(name),
            Edit::LateHead(time) => tokio::time::sleep(*time).await,
            Edit::SlowHead(time) => pause = Some(*time),
            Edit::SlowBody(length, time) => body.pace = Some((*length, *time)),
            Edit::Garble(at) => body.garbled.push(*at),
            Edit::StallAt(at) => body.stop = Some((*at, Stop::Stalls)),
            Edit::CutAt(at, ending) => body.stop = Some((*at, Stop::Ends(*ending))),
            Edit::Append(bytes) => body.appended.push(bytes.clone()),
            Edit::Rewrite(change) => {
                if let Content::Whole(bytes) = &mut content {
                    let mut answer = Answer { head: head.clone(), body: std::mem::take(bytes) };
                    (change.0)(&mut answer);
                    (*head, *bytes) = (answer.head, answer.body);
                }
            }
        }
    }
    send_head(client, head, pause).await?;
    body.send(client, content, framing, head).await
}

async fn send_head(client: &mut Client, head: &Head, pause: Option<Duration>) -> io::Result<()> {
    let bytes = head.bytes();
    let Some(pause) = pause else { return client.outgoing.write_all(&bytes).await };
    for byte in bytes {
        client.outgoing.write_all(&[byte]).await?;
        client.outgoing.flush().await?;
        tokio::time::sleep(pause).await;
    }
    Ok(())
}

impl Edits {
    async fn send(
        mut self,
        client: &mut Client,
        mut content: Content,
        framing: Framing,
        head: &Head,
    ) -> io::Result<Next> {
        loop {
            // Also at the very end: a body can stop after its last byte, but before what ends its framing.
            if let Some(stop) = self.stopped() {
                client.outgoing.flush().await?;
                return match stop {
                    Stop::Ends(ending) => Ok(ending.into()),
                    Stop::Stalls => {
                        client.incoming.drain().await;
                        Ok(Next::Close)
                    }
                };
            }
            // A store that breaks off breaks off here as well.
            let Ok(piece) = content.next().await else { return Ok(Next::Reset) };
            let Some(piece) = piece else { break };
            self.send_piece(client, piece, framing).await?;
        }
        for appended in &self.appended {
            client.outgoing.write_all(&framed(framing, appended)).await?;
        }
        if framing == Framing::Chunked && head.header("transfer-encoding").is_some() {
            client.outgoing.write_all(&framed(framing, &[])).await?;
        }
        client.outgoing.flush().await?;
        let closes = head.header("connection").is_some_and(|value| value.eq_ignore_ascii_case("close"));
        Ok(if closes || framing == Framing::UntilClosed { Next::Close } else { Next::Again })
    }

    fn stopped(&self) -> Option<Stop> {
        self.stop.filter(|(at, _)| *at <= self.at).map(|(_, stop)| stop)
    }

    async fn send_piece(&mut self, client: &mut Client, piece: Bytes, framing: Framing) -> io::Result<()> {
        let mut piece = BytesMut::from(piece);
        if let Some((at, _)) = self.stop {
            piece.truncate(usize::try_from(at - self.at).unwrap_or(usize::MAX));
        }
        for at in &self.garbled {
            let offset = at.checked_sub(self.at).and_then(|offset| usize::try_from(offset).ok());
            if let Some(byte) = offset.and_then(|offset| piece.get_mut(offset)) {
                *byte ^= 1;
            }
        }
        self.at += piece.len() as u64;
        let Some((length, pause)) = self.pace else {
            return client.outgoing.write_all(&framed(framing, &piece)).await;
        };
        for part in piece.chunks(length) {
            client.outgoing.write_all(&framed(framing, part)).await?;
            client.outgoing.flush().await?;
            tokio::time::sleep(pause).await;
        }
        Ok(())
    }
}
