//! What can go wrong between Hallmark and a store.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use super::answer::Answer;
use super::call::Call;

/// What happens to one request.
#[derive(Debug, Clone)]
pub enum Fault {
    /// The connection is reset as soon as the head of the request was read. The store sees nothing of it.
    Resets,
    /// The same after so many bytes of the request's body. The store sees a request that breaks off.
    ResetsAfterSent(u64),
    /// The request is taken, and nothing ever comes. The store sees nothing of it.
    NeverAnswers,
    /// The request is read whole, and this is the answer to it. The store sees nothing of it.
    Answers(Answer),
    /// The same with what is made of the request.
    AnswersTo(Made),
    /// This is the answer, before the body of the request was read; then the connection is closed.
    AnswersAtOnce(Answer),
    /// The store does its work, and the connection ends before anything of the answer.
    LosesAnswer(Ending),
    /// The store does its work, and nothing ever comes.
    KeepsAnswer,
    /// The store does its work, and this is the answer in place of its own.
    AnswersInstead(Answer),
    /// The store does its work, and its answer goes back with changes.
    Edits(Vec<Edit>),
}

/// A change to an answer. Offsets are those of the body without framing.
#[derive(Debug, Clone)]
pub enum Edit {
    /// Another status; the reason stays.
    Status(u16),
    /// This value in place of the header's.
    Set(&'static str, String),
    /// One more header, perhaps of the same name.
    Add(&'static str, String),
    /// One header less.
    Remove(&'static str),
    /// The head comes after so long.
    LateHead(Duration),
    /// The head comes byte by byte, with so long between them.
    SlowHead(Duration),
    /// The body comes in pieces of so many bytes, with so long between them.
    SlowBody(usize, Duration),
    /// A bit of the byte at this offset is flipped.
    Garble(u64),
    /// After so many bytes of the body nothing more comes.
    StallAt(u64),
    /// After so many bytes of the body the connection ends.
    CutAt(u64, Ending),
    /// These bytes follow the body. The head does not speak of them.
    Append(Bytes),
    /// Whatever else, on the whole of the answer.
    Rewrite(Rewrite),
}

/// How a connection ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// In order, as at the end of an answer without a length.
    Close,
    /// With a reset.
    Reset,
}

/// An answer that depends on the request.
#[derive(Clone)]
pub struct Made(pub(super) Arc<dyn Fn(&Call) -> Answer + Send + Sync>);

/// A change to a whole answer.
#[derive(Clone)]
pub struct Rewrite(pub(super) Arc<dyn Fn(&mut Answer) + Send + Sync>);

impl Fault {
    /// One change to the answer.
    pub fn edit(edit: Edit) -> Self {
        Self::Edits(vec![edit])
    }

    /// An answer made of the request. The store sees nothing of it.
    pub fn made(answer: impl Fn(&Call) -> Answer + Send + Sync + 'static) -> Self {
        Self::AnswersTo(Made(Arc::new(answer)))
    }

    /// Any change to the whole of the store's answer, which is sent with the length that its head then says.
    pub fn rewrite(change: impl Fn(&mut Answer) + Send + Sync + 'static) -> Self {
        Self::edit(Edit::Rewrite(Rewrite(Arc::new(change))))
    }
}

impl fmt::Debug for Made {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Made")
    }
}

impl fmt::Debug for Rewrite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Rewrite")
    }
}
