//! Gives commands to instances and model, and compares what they say.

use bytes::Bytes;
use hallmark_tests::raw::Response;
use hallmark_tests::s3::{Client, Upload};

use super::check;
use super::command::{Command, Filling, INSTANCES, Pick, Share, Step};
use super::ground::Cluster;
use super::model::{Began, Interrupted, Model, Origin, Part, State};

pub(super) const BUCKET: &str = "artifacts";

pub(super) struct Machine {
    pub(super) cluster: Cluster,
    pub(super) model: Model,
}

impl Machine {
    pub(super) fn new(cluster: Cluster) -> Self {
        cluster.client(0).create_bucket(BUCKET);
        let mut machine = Self { cluster, model: Model::default() };
        for (key, filling) in Filling::first().into_iter().enumerate() {
            filling.into_iter().for_each(|filling| machine.put(0, key, filling));
        }
        machine.create(0, 0);
        machine
    }

    pub(super) fn run(&mut self, step: &Step) {
        let Step { through, command } = step;
        let through = *through;
        match command {
            Command::Create { key } => self.create(through, *key),
            Command::Part { upload: Pick(back), number, filling } => {
                self.on(*back, |machine, upload| machine.part(through, upload, *number, *filling));
            }
            Command::PartsAtOnce { upload: Pick(back), parts } => {
                self.on(*back, |machine, upload| machine.parts_at_once(upload, *parts));
            }
            Command::CopyPart { upload: Pick(back), number, source, share } => {
                self.on(*back, |machine, upload| {
                    machine.copy_part(through, upload, *number, *source, *share);
                });
            }
            Command::CopyWhole { upload: Pick(back), source, parts } => {
                self.on(*back, |machine, upload| {
                    for number in 1..=*parts {
                        let share = ((number - 1) * 1000 / parts, number * 1000 / parts);
                        machine.copy_part(through, upload, number, *source, Some(share));
                    }
                });
            }
            Command::Complete { upload: Pick(back), list, condition } => {
                self.on(*back, |machine, upload| machine.complete(through, upload, *list, *condition));
            }
            Command::CompleteAtOnce { upload: Pick(back), list } => {
                self.on(*back, |machine, upload| machine.complete_at_once(upload, *list));
            }
            Command::Interrupt { upload: Pick(back), list, moment } => {
                self.on(*back, |machine, upload| machine.interrupt(through, upload, *list, *moment));
            }
            Command::Abort { upload: Pick(back) } => {
                self.on(*back, |machine, upload| machine.abort(through, upload));
            }
            Command::Put { key, filling } => self.put(through, *key, *filling),
            Command::Delete { key } => self.delete(through, *key),
            Command::Restart => self.cluster.restart(through),
            Command::RestartAll => self.cluster.restart_all(),
        }
    }

    fn on(&mut self, back: usize, command: impl FnOnce(&mut Self, usize)) {
        if let Some(upload) = self.model.latest(back) {
            command(self, upload);
        }
    }

    fn create(&mut self, through: usize, key: usize) {
        let upload = self.client(through).create_upload(BUCKET, &name(key), &[]);
        self.model.uploads.push(Began { key, upload, parts: Default::default(), state: State::Open });
    }

    fn put(&mut self, through: usize, key: usize, filling: Filling) {
        let bytes = filling.bytes();
        let response = self.client(through).put(BUCKET, &name(key), &bytes);
        assert_eq!(response.status, 200, "{}", response.text());
        let etag = response.header("etag").unwrap().trim_matches('"').to_owned();
        self.wrote(key, bytes, etag);
        self.model.touch(key, None);
    }

    fn delete(&mut self, through: usize, key: usize) {
        let response = self.client(through).delete(BUCKET, &name(key));
        assert_eq!(response.status, 204, "{}", response.text());
        self.model.objects[key] = None;
        self.model.touch(key, None);
    }

    fn part(&mut self, through: usize, upload: usize, number: u64, filling: Filling) {
        if let State::Interrupted(Interrupted { closed: false, .. }) = self.model.uploads[upload].state {
            return;
        }
        let bytes = filling.bytes();
        let response = self.upload(through, upload).part(number, &bytes);
        self.took(upload, number, &response, Part::sent(bytes));
    }

    /// Whether a part was taken, and what is recorded of it then.
    fn took(&mut self, upload: usize, number: u64, response: &Response, part: Part) {
        let began = &mut self.model.uploads[upload];
        match began.state {
            State::Open => {
                assert_eq!(response.status, 200, "part {number}: {}", response.text());
                began.parts.insert(number, part);
            }
            State::Interrupted(_) => {
                assert_ne!(response.status, 200, "a part of an upload that was closed was replaced");
            }
            State::Completed { .. } | State::Aborted | State::Ended { .. } => {
                assert_eq!((response.status, response.code().as_str()), (404, "NoSuchUpload"));
            }
        }
    }

    fn parts_at_once(&mut self, upload: usize, parts: [(u64, Filling); INSTANCES]) {
        if matches!(self.model.uploads[upload].state, State::Interrupted(_)) {
            return;
        }
        let sent = parts.map(|(number, filling)| (number, filling.bytes()));
        let uploads: [Upload; INSTANCES] = std::array::from_fn(|through| self.upload(through, upload));
        let responses: Vec<Response> = std::thread::scope(|scope| {
            let send = |(upload, (number, bytes)): (&Upload, &(u64, Bytes))| {
                let (upload, number, bytes) = (upload.clone(), *number, bytes.clone());
                scope.spawn(move || upload.part(number, &bytes))
            };
            let sending: Vec<_> = uploads.iter().zip(&sent).map(send).collect();
            sending.into_iter().map(|sending| sending.join().unwrap()).collect()
        });
        let contested = sent[0].0 == sent[1].0;
        for (response, (number, bytes)) in responses.iter().zip(&sent) {
            let origin = if contested { Origin::Contested } else { Origin::Sent };
            self.took(upload, *number, response, Part { origin, ..Part::sent(bytes.clone()) });
        }
        // One of them counts: which one, a list says.
        let began = &self.model.uploads[upload];
        if contested && matches!(began.state, State::Open) {
            let listed = check::parts(&self.upload(0, upload));
            let (_, etag, _) = listed.iter().find(|(number, ..)| *number == sent[0].0).unwrap();
            let counts =
                sent.iter().map(|(_, bytes)| Part::sent(bytes.clone())).find(|part| part.etag == *etag);
            let counts = Part { origin: Origin::Contested, ..counts.expect("it is one of the two") };
            self.model.uploads[upload].parts.insert(sent[0].0, counts);
        }
    }

    fn copy_part(&mut self, through: usize, upload: usize, number: u64, source: usize, share: Share) {
        if matches!(self.model.uploads[upload].state, State::Interrupted(_)) {
            return;
        }
        let object = self.model.objects[source].clone();
        let length = object.as_ref().map_or(0, |object| object.bytes.len() as u64);
        let range = share.map(|(from, to)| (from * length / 1000, to * length / 1000));
        let range = range.filter(|(from, to)| from < to);
        let header = range.map(|(from, to)| format!("bytes={from}-{}", to - 1));
        let headers: Vec<_> =
            header.iter().map(|header| ("x-amz-copy-source-range", header.as_str())).collect();
        let response =
            self.upload(through, upload).copy_part(number, (BUCKET, &name(source), None), &headers);
        let Some(object) = object else {
            let expected = if self.model.uploads[upload].is_listed() { "NoSuchKey" } else { "NoSuchUpload" };
            assert_eq!((response.status, response.code().as_str()), (404, expected), "{}", response.text());
            return;
        };
        let (from, to) = range.unwrap_or((0, length));
        let bytes = object.bytes.slice(usize::try_from(from).unwrap()..usize::try_from(to).unwrap());
        let etag = response.element("ETag").trim_matches('"').to_owned();
        let mut part = Part::sent(bytes);
        if etag != part.etag {
            part = Part { etag, origin: Origin::Referenced { key: source, seal: object.seal }, ..part };
        }
        self.took(upload, number, &response, part);
    }

    fn abort(&mut self, through: usize, upload: usize) {
        let response = self.upload(through, upload).abort();
        let began = &mut self.model.uploads[upload];
        let expected = if began.is_listed() { (204, "") } else { (404, "NoSuchUpload") };
        assert_eq!((response.status, response.code().as_str()), expected);
        match &began.state {
            State::Open => began.state = State::Aborted,
            State::Interrupted(Interrupted { lines, etag, .. }) => {
                began.state = State::Ended { lines: lines.clone(), etag: etag.clone() };
            }
            State::Completed { .. } | State::Aborted | State::Ended { .. } => {}
        }
    }

    pub(super) fn client(&self, through: usize) -> Client {
        self.cluster.client(through)
    }

    pub(super) fn upload(&self, through: usize, upload: usize) -> Upload {
        self.model.uploads[upload].upload.through(&self.client(through))
    }
}

pub(super) fn name(key: usize) -> String {
    // In the order of keys and of directories these are sorted differently.
    ["a/b", "a", "a-b"][key].to_owned()
}
