//! Completes: what comes of them, and where they are cut off.

use std::sync::mpsc::{TryRecvError, channel};

use bytes::Bytes;
use hallmark_tests::memory::Gate;
use hallmark_tests::s3::{Upload, completed as outcome};

use super::check;
use super::command::{Condition, INSTANCES, List, Moment, Place};
use super::machine::Machine;
use super::model::{Interrupted, Lines, Origin, State, completed, meant};

/// The ETag, or the code of the error.
type Outcome = Result<String, String>;

impl Machine {
    pub(super) fn complete(&mut self, through: usize, upload: usize, list: List, condition: Condition) {
        let began = &self.model.uploads[upload];
        let condition = match began.state {
            // What was begun has to be repeated.
            State::Interrupted(_) => Condition::None,
            State::Open | State::Completed { .. } | State::Aborted | State::Ended { .. } => condition,
        };
        let lines = began.lines(list);
        let outcome = ask(&self.upload(through, upload), &lines, condition);
        self.settle(upload, &meant(lines), condition, &[outcome]);
    }

    pub(super) fn complete_at_once(&mut self, upload: usize, list: List) {
        let lines = self.model.uploads[upload].lines(list);
        let uploads: [Upload; INSTANCES] = std::array::from_fn(|through| self.upload(through, upload));
        let outcomes: Vec<_> = std::thread::scope(|scope| {
            let lines = &lines;
            let asking = uploads.map(|upload| scope.spawn(move || ask(&upload, lines, Condition::None)));
            asking.into_iter().map(|asking| asking.join().unwrap()).collect()
        });
        self.settle(upload, &meant(lines), Condition::None, &outcomes);
    }

    /// Completes, and kills the instance when the store gets to this call; if it does not, that was a Complete like any
    /// other.
    pub(super) fn interrupt(&mut self, through: usize, upload: usize, list: List, moment: Moment) {
        let lines = self.model.uploads[upload].lines(list);
        let gates = self.cluster.hold(moment);
        let (tell, told) = channel();
        let (asked, asks) = (self.upload(through, upload), lines.clone());
        let asking = std::thread::spawn(move || {
            // Nobody listens any more once the instance is killed.
            let _ = tell.send(ask(&asked, &asks, Condition::None));
        });
        let outcome = loop {
            if gates.iter().any(Gate::is_reached) {
                break None;
            }
            match told.try_recv() {
                Ok(outcome) => break Some(outcome),
                Err(TryRecvError::Empty) => std::thread::yield_now(),
                Err(TryRecvError::Disconnected) => panic!("the client ended without an answer"),
            }
        };
        match outcome {
            Some(outcome) => self.settle(upload, &meant(lines), Condition::None, &[outcome]),
            None => {
                self.cluster.restart(through);
                self.interrupted(upload, meant(lines), moment);
            }
        }
        drop(gates);
        asking.join().unwrap();
    }

    /// Compares the answers to the same Complete with what the model says of it.
    fn settle(&mut self, upload: usize, lines: &Lines, condition: Condition, outcomes: &[Outcome]) {
        match &self.model.uploads[upload].state {
            State::Completed { lines: done, etag } if lines == done => {
                let same = outcomes.iter().all(|outcome| outcome.as_ref() == Ok(etag));
                assert!(same, "repeated: {outcomes:?} instead of {etag}");
                return;
            }
            State::Ended { lines: done, etag } if lines == done => {
                let over = |outcome: &Outcome| match outcome {
                    Ok(answer) => answer == etag,
                    Err(code) => code == "NoSuchUpload",
                };
                assert!(outcomes.iter().all(over), "repeated after an Abort: {outcomes:?}");
                return;
            }
            State::Interrupted(interrupted) => {
                let interrupted = interrupted.clone();
                return self.resumed(upload, interrupted, outcomes);
            }
            State::Open | State::Completed { .. } | State::Aborted | State::Ended { .. } => {}
        }
        let verdict = self.model.judge(upload, lines, condition);
        for outcome in outcomes {
            let legal = match outcome {
                Ok(etag) => verdict.makes.as_ref().is_some_and(|(_, makes)| makes == etag),
                Err(code) => verdict.codes.contains(code.as_str()),
            };
            let makes = verdict.makes.as_ref().map(|(_, etag)| etag);
            assert!(legal, "{outcomes:?} instead of {makes:?} or {:?}", verdict.codes);
        }
        match verdict.makes {
            Some((bytes, etag)) if outcomes.iter().any(Result::is_ok) => {
                self.model.uploads[upload].state =
                    State::Completed { lines: lines.clone(), etag: etag.clone() };
                self.replaced(upload, bytes, etag);
            }
            Some(_) | None => self.model.uploads[upload].carried_perhaps(lines),
        }
    }

    /// The same for the repetition of one that got no answer.
    fn resumed(&mut self, upload: usize, before: Interrupted, outcomes: &[Outcome]) {
        let Interrupted { lines, bytes, etag, closed: _, planned, made, touched } = before;
        let codes = self.model.judge(upload, &lines, Condition::None).codes;
        let certain = codes.is_empty() && (!touched || !planned);
        for outcome in outcomes {
            let legal = match outcome {
                Ok(answer) => *answer == etag,
                // What was made has been replaced or deleted, or can no longer be made.
                Err(code) => {
                    let lost = ["NoSuchUpload", "ConditionalRequestConflict"].contains(&code.as_str());
                    !certain && (lost || codes.contains(code.as_str()))
                }
            };
            assert!(legal, "{outcomes:?} instead of {etag}, or of {codes:?} if not {certain}");
        }
        if outcomes.iter().any(Result::is_ok) {
            self.model.uploads[upload].state = State::Completed { lines, etag: etag.clone() };
            match () {
                () if certain && made => {}
                () if certain => self.replaced(upload, bytes, etag),
                () => self.replaced_perhaps(upload, bytes, etag),
            }
        } else if !certain {
            self.replaced_perhaps(upload, bytes, etag);
        }
    }

    /// A Complete was cut off at this moment.
    fn interrupted(&mut self, upload: usize, lines: Lines, moment: Moment) {
        let verdict = self.model.judge(upload, &lines, Condition::None);
        let began = &mut self.model.uploads[upload];
        let before = match &began.state {
            State::Open => {
                let (bytes, etag) = verdict.makes.expect("what is refused has no such moment");
                let (closed, planned, made, touched) = (false, false, false, false);
                Interrupted { lines: lines.clone(), bytes, etag, closed, planned, made, touched }
            }
            State::Interrupted(before) => before.clone(),
            // It is over, and was cleared up once more.
            State::Completed { .. } | State::Ended { .. } => return,
            State::Aborted => panic!("nothing is done for an upload that was aborted"),
        };
        // Of a copy in the store no part is staged.
        let staged = began.parts.values().any(|part| matches!(part.origin, Origin::Sent));
        let closed = before.closed || (staged && moment.has_done(Place::Close));
        let planned = before.planned || moment.has_done(Place::Plan);
        let made = before.made || moment.has_done(Place::Make);
        let Interrupted { bytes, etag, .. } = before.clone();
        began.state = if moment.has_done(Place::Marker) {
            State::Completed { lines, etag: etag.clone() }
        } else {
            State::Interrupted(Interrupted { closed, planned, made, ..before })
        };
        began.carried_perhaps(&began.lines(List::Sound));
        match () {
            () if before.touched && before.planned => self.replaced_perhaps(upload, bytes, etag),
            () if made && !before.made => self.replaced(upload, bytes, etag),
            () => {}
        }
    }

    fn replaced(&mut self, upload: usize, bytes: Bytes, etag: String) {
        let key = self.model.uploads[upload].key;
        self.wrote(key, bytes, etag);
        self.model.touch(key, Some(upload));
    }

    /// The upload became what stands under its key, or another one came after it.
    fn replaced_perhaps(&mut self, upload: usize, bytes: Bytes, etag: String) {
        let key = self.model.uploads[upload].key;
        let known = self.model.objects[key].as_ref().map(|object| &object.seal);
        let seal = check::seal(&self.client(0), key);
        if seal.is_some() && seal.as_ref() != known {
            self.replaced(upload, bytes, etag);
        }
    }
}

fn ask(upload: &Upload, lines: &Lines, condition: Condition) -> Outcome {
    let headers: &[(&str, &str)] = match condition {
        Condition::None => &[],
        Condition::Absent => &[("If-None-Match", "*")],
    };
    let response = upload.complete_with(&completed(lines), headers);
    match outcome(&response) {
        Ok(etag) if response.status == 200 => Ok(etag),
        Ok(_) => Err(format!("{} without a code", response.status)),
        Err(code) => Err(code),
    }
}
