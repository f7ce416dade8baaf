//! Which calls there are, and what can go wrong with them.

use hallmark_proxy::store::StoreFault;

/// Calls of the trait that can be counted, held up, and made to fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[allow(missing_docs, reason = "named after the calls; `delete_many` is so many `Delete`s")]
pub enum Call {
    Put,
    Get,
    Head,
    Delete,
    Copy,
    StageOpen,
    StagePart,
    StageClose,
    StageRead,
    Promote,
    StageDrop,
    List,
    ListVersions,
    Buckets,
    Bucket,
    CreateBucket,
    DeleteBucket,
    Versioning,
    SetVersioning,
    StatePut,
    StateGet,
    StateList,
    StateDelete,
}

/// What goes wrong with one call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mishap {
    /// It fails and does nothing; a body is not even taken.
    Fails(StoreFault),
    /// It takes its whole body, commit and all, and then fails and does nothing. For writes.
    FailsAtCommit(StoreFault),
    /// It does its work, and then says that it does not know. For writes.
    PersistsAndFails(StoreFault),
    /// It does its work, and then says that its guard does not hold: as when something on the way sent it twice, and what
    /// came of the second was told. For writes.
    PersistsAndRefuses,
    /// It says that all is done, and does nothing. For writes.
    Pretends,
    /// It does nothing and never answers.
    NeverAnswers,
    /// It does its work and never answers.
    PersistsAndNeverAnswers,
    /// The body breaks off with an error after so many bytes. For `Get` and `StageRead`.
    BreaksAfter(usize),
    /// The body arrives with a bit of the byte at this offset of the whole flipped; what is stored stays. For `Get` and
    /// `StageRead`.
    Garbles(usize),
    /// It says that the span lies outside of the object. For `Get` and `StageRead`.
    DeniesSpan,
    /// Empty pieces without end come first. For `Get` and `StageRead`.
    DripsNothing,
    /// The body arrives byte by byte. For `Get` and `StageRead`.
    Drips,
}

/// Which call is meant: the next of its kind, unless more is said.
#[derive(Debug, Clone)]
pub struct Which {
    call: Call,
    naming: Option<String>,
    pub(super) skip: usize,
}

impl Call {
    /// The next whose name holds `text`. Calls go by `bucket/key` (copies by that of their destination), bucket, stage
    /// (a part: `stage/number`), or name of the state object or prefix.
    pub fn naming(self, text: impl Into<String>) -> Which {
        Which { naming: Some(text.into()), ..Which::from(self) }
    }

    /// The next after so many of them.
    pub fn after(self, calls: usize) -> Which {
        Which::from(self).after(calls)
    }
}

impl Which {
    /// The next after so many of them.
    #[must_use]
    pub fn after(self, calls: usize) -> Self {
        Self { skip: calls, ..self }
    }

    pub(super) fn fits(&self, call: Call, name: &str) -> bool {
        self.call == call && self.naming.as_deref().is_none_or(|text| name.contains(text))
    }
}

impl From<Call> for Which {
    fn from(call: Call) -> Self {
        Self { call, naming: None, skip: 0 }
    }
}
