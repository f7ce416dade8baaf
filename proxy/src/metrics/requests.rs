//! What clients asked for, and what they got.

use std::time::{Duration, Instant};

use http::StatusCode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;

use super::book::{Book, Labels};
use super::histogram::Histogram;
use super::slots::Slots;
use crate::gate::GateError;
use crate::s3::error::{Code, Fault, S3Error};
use crate::s3::operation::Kind;

/// The operation of a request that ended before it was understood.
const UNKNOWN: &str = "unknown";

/// Requests, by what they asked for and how they ended.
#[derive(Debug)]
pub(crate) struct Requests {
    answered: Family<Labels<2>, Counter>,
    durations: Family<Labels<1>, Histogram>,
    errors: Family<Labels<2>, Counter>,
    refusals: Family<Labels<1>, Counter>,
    in_flight: Gauge,
    uploads: Gauge,
    /// One more than there are operations: the last is for requests that were not understood.
    operations: Slots<OfOperation>,
    codes: Slots<Counter>,
}

/// The series of one operation.
#[derive(Debug)]
struct OfOperation {
    /// By the first digit of the status, from 2 on.
    statuses: [Counter; STATUSES.len()],
    abandoned: Counter,
    duration: Histogram,
}

const STATUSES: [&str; 4] = ["2xx", "3xx", "4xx", "5xx"];

/// A request that is being answered. Dropped before [`answered`](Request::answered), its client went away.
#[derive(Debug)]
pub(crate) struct Request<'a> {
    requests: &'a Requests,
    began: Instant,
    operation: Option<Kind>,
    answered: bool,
    uploading: bool,
}

impl Requests {
    pub(super) fn new(book: &mut Book) -> Self {
        let answered = book.counters(
            "hallmark_requests",
            &["operation", "status"],
            "Requests, by S3 operation and class of status; abandoned: the client left before its answer",
        );
        let durations = book.histograms(
            "hallmark_request_duration_seconds",
            &["operation"],
            "From the head of a request to the head of its answer",
        );
        let errors = book.counters(
            "hallmark_request_errors",
            &["code", "fault"],
            "Requests that failed, by S3 error code and by whose fault it was",
        );
        let refusals = book.counters(
            "hallmark_refusals",
            &["label"],
            "Requests refused for the artifact's sake, the store's or for lack of memory, by reason",
        );
        let in_flight = book.gauge("hallmark_requests_in_flight", "Requests without an answer yet");
        let uploads = book.gauge("hallmark_uploads_in_flight", "Requests that bring an artifact or a part");
        let operations = Slots::new(Kind::ALL.len() + 1);
        let codes = Slots::new(Code::ALL.len());
        let requests = Self { answered, durations, errors, refusals, in_flight, uploads, operations, codes };
        // These are what alarms are made of: the first one must be a change.
        for code in Code::ALL.iter().filter(|code| code.fault() != Fault::Client) {
            requests.code(*code);
        }
        requests
    }

    /// A request arrived.
    pub(crate) fn begin(&self) -> Request<'_> {
        self.in_flight.inc();
        Request { requests: self, began: Instant::now(), operation: None, answered: false, uploading: false }
    }

    /// A request failed.
    pub(crate) fn failed(&self, error: &GateError) {
        if let Some(code) = self.code(S3Error::from(error.clone()).code) {
            code.inc();
        }
        match error {
            // Its label is the code.
            GateError::Client(_) => {}
            GateError::Artifact(_)
            | GateError::Store(_)
            | GateError::Status(_)
            | GateError::Unanswered
            | GateError::Exhausted(_) => {
                self.refusals.get_or_create(&[("label", error.label())]).inc();
            }
        }
    }

    fn code(&self, code: Code) -> Option<&Counter> {
        self.codes.of(code as usize, || {
            let labels = [("code", code.as_str()), ("fault", code.fault().label())];
            self.errors.get_or_create_owned(&labels)
        })
    }

    fn operation(&self, operation: Option<Kind>) -> Option<&OfOperation> {
        let number = operation.map_or(Kind::ALL.len(), |kind| kind as usize);
        self.operations.of(number, || {
            let name = operation.map_or(UNKNOWN, Kind::name);
            let ended =
                |status| self.answered.get_or_create_owned(&[("operation", name), ("status", status)]);
            OfOperation {
                statuses: STATUSES.map(ended),
                abandoned: ended("abandoned"),
                duration: self.durations.get_or_create_owned(&[("operation", name)]),
            }
        })
    }
}

impl Request<'_> {
    /// It was understood.
    pub(crate) fn is_for(&mut self, operation: Kind) {
        self.operation = Some(operation);
        self.uploading = matches!(operation, Kind::PutObject | Kind::UploadPart | Kind::PostObject);
        if self.uploading {
            self.requests.uploads.inc();
        }
    }

    /// What it asked for, as far as it was understood.
    pub(crate) fn operation(&self) -> Option<Kind> {
        self.operation
    }

    /// Its answer is about to go out.
    pub(crate) fn answered(&mut self, status: StatusCode) -> Duration {
        let took = self.began.elapsed();
        self.answered = true;
        if let Some(operation) = self.requests.operation(self.operation) {
            let class = usize::from(status.as_u16() / 100).saturating_sub(2);
            if let Some(counter) = operation.statuses.get(class) {
                counter.inc();
            }
            operation.duration.observe(took);
        }
        took
    }
}

impl Drop for Request<'_> {
    fn drop(&mut self) {
        self.requests.in_flight.dec();
        if self.uploading {
            self.requests.uploads.dec();
        }
        if !self.answered
            && let Some(operation) = self.requests.operation(self.operation)
        {
            operation.abandoned.inc();
        }
    }
}
