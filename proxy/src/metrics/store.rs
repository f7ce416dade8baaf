//! What the store was asked for, and how it did.

use std::time::Instant;

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;

use super::book::{Book, Labels};
use super::histogram::Histogram;
use super::slots::Slots;

macro_rules! labelled {
    ($(#[$doc:meta])* $enum:ident { $($(#[$about:meta])* $variant:ident $label:literal,)* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(crate) enum $enum {
            $($(#[$about])* $variant,)*
        }

        impl $enum {
            const ALL: &[Self] = &[$(Self::$variant),*];

            fn label(self) -> &'static str {
                match self { $(Self::$variant => $label,)* }
            }
        }
    };
}

labelled! {
    /// The calls of [`Store`](crate::store::Store), but for the janitor's.
    StoreCall {
        Probe "probe",
        Put "put",
        Get "get",
        Head "head",
        Delete "delete",
        DeleteMany "delete_many",
        Copy "copy",
        StageOpen "stage_open",
        StagePart "stage_part",
        StageClose "stage_close",
        StageRead "stage_read",
        Promote "promote",
        StageDrop "stage_drop",
        List "list",
        ListVersions "list_versions",
        Buckets "buckets",
        Bucket "bucket",
        CreateBucket "create_bucket",
        DeleteBucket "delete_bucket",
        StatePut "state_put",
        StateGet "state_get",
        StateList "state_list",
        StateDelete "state_delete",
        Versioning "versioning",
        SetVersioning "set_versioning",
        ObjectLock "object_lock",
        SetObjectLock "set_object_lock",
        BucketTags "bucket_tags",
        SetBucketTags "set_bucket_tags",
        Tags "tags",
        SetTags "set_tags",
        SetRetention "set_retention",
        SetLegalHold "set_legal_hold",
    }
}

labelled! {
    /// How a call ended.
    StoreOutcome {
        /// It did what it was asked.
        Ok "ok",
        /// What it is about is not there.
        Absent "absent",
        /// It was not done, for a reason that the caller gave or that others are to blame for: a guard, a lock, a pin, a
        /// body that broke off.
        Refused "refused",
        /// This store cannot do that.
        Unsupported "unsupported",
        /// No answer in time.
        Timeout "timeout",
        /// The store is not there, overloaded, or out of space.
        Unavailable "unavailable",
        /// Too many requests to the store were under way.
        Busy "busy",
        /// It answered nonsense.
        Protocol "protocol",
        /// Its own data is damaged.
        Corrupt "corrupt",
        /// Whether it did it is not known.
        Unknown "unknown",
        /// Whoever called no longer waits.
        Abandoned "abandoned",
    }
}

/// Calls by name and outcome.
#[derive(Debug)]
pub(crate) struct StoreCalls {
    ended: Family<Labels<2>, Counter>,
    durations: Family<Labels<1>, Histogram>,
    in_flight: Gauge,
    calls: Slots<OfCall>,
}

/// The series of one call.
#[derive(Debug)]
struct OfCall {
    outcomes: Slots<Counter>,
    duration: Histogram,
}

/// A call that is under way. Dropped before [`ended`](CallUnderWay::ended), it was abandoned.
#[derive(Debug)]
pub(crate) struct CallUnderWay<'a> {
    calls: &'a StoreCalls,
    call: StoreCall,
    began: Instant,
    outcome: StoreOutcome,
}

impl StoreCalls {
    pub(super) fn new(book: &mut Book) -> Self {
        let ended = book.counters(
            "hallmark_store_calls",
            &["call", "outcome"],
            "Calls to the object store; one of them may be several requests",
        );
        let durations = book.histograms(
            "hallmark_store_call_duration_seconds",
            &["call"],
            "From a call to its answer: of reads to the first byte, of writes with the wait for the client's bytes",
        );
        let in_flight = book.gauge("hallmark_store_calls_in_flight", "Calls without an answer yet");
        Self { ended, durations, in_flight, calls: Slots::new(StoreCall::ALL.len()) }
    }

    /// The store is called.
    pub(crate) fn begin(&self, call: StoreCall) -> CallUnderWay<'_> {
        self.in_flight.inc();
        CallUnderWay { calls: self, call, began: Instant::now(), outcome: StoreOutcome::Abandoned }
    }

    fn of(&self, call: StoreCall) -> Option<&OfCall> {
        self.calls.of(call as usize, || OfCall {
            outcomes: Slots::new(StoreOutcome::ALL.len()),
            duration: self.durations.get_or_create_owned(&[("call", call.label())]),
        })
    }
}

impl CallUnderWay<'_> {
    /// It was answered.
    pub(crate) fn ended(mut self, outcome: StoreOutcome) {
        self.outcome = outcome;
    }
}

impl Drop for CallUnderWay<'_> {
    fn drop(&mut self) {
        let Self { calls, call, began, outcome } = *self;
        calls.in_flight.dec();
        let Some(of) = calls.of(call) else { return };
        of.duration.observe(began.elapsed());
        let ended = of.outcomes.of(outcome as usize, || {
            calls.ended.get_or_create_owned(&[("call", call.label()), ("outcome", outcome.label())])
        });
        if let Some(ended) = ended {
            ended.inc();
        }
    }
}
