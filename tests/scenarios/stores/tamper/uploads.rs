//! Uploads in parts, whose parts and records are tampered with before they become an artifact.

use hallmark_tests::data::{MIB, assert_same, content};
use hallmark_tests::s3::{Client, Completed, Upload, completed, object};
use hallmark_tests::stores::{Kind, STATE_BUCKET};

use super::{BUCKET, Lab};

const BEFORE: &[u8] = b"what was there before";

/// An upload whose parts were sent.
struct Begun {
    /// Towards the proxy.
    upload: Upload,
    list: Vec<Completed>,
    parts: [Vec<u8>; 2],
    /// Towards the store: where the parts lie.
    stage: Upload,
}

impl Lab {
    fn begin(&self, key: &str) -> Begun {
        self.upload(BUCKET, key, BEFORE);
        let others = stages(&self.store);
        let upload = self.client.create_upload(BUCKET, key, &[]);
        let parts = [content(1, 5 * MIB + 7), content(2, 70_005)];
        let list = (1..).zip(&parts).map(|(number, part)| upload.send_part(number, part)).collect();
        let mut stages = stages(&self.store);
        stages.retain(|(_, id)| others.iter().all(|(_, other)| other != id));
        let [(key, id)] = stages.try_into().expect("one stage for one upload");
        let stage = Upload { client: self.store.clone(), bucket: STATE_BUCKET.to_owned(), key, id };
        Begun { upload, list, parts, stage }
    }
}

/// Keys and ids of the uploads that the store has in progress for the proxy.
fn stages(store: &Client) -> Vec<(String, String)> {
    let page = store.uploads(STATE_BUCKET, "");
    assert_eq!(page.status, 200, "{}", page.text());
    page.elements("Key").into_iter().zip(page.elements("UploadId")).collect()
}

impl Begun {
    /// Nothing comes of the upload: it is refused, and what was there is served on.
    #[track_caller]
    fn refused(&self, through: &Client, what: &str) {
        let response = self.upload.through(through).complete(&self.list);
        let told = completed(&response);
        assert!(told.is_err(), "{what}: {}", response.text());
        assert_eq!(through.get(BUCKET, &self.upload.key).body, BEFORE, "{what}");
    }

    #[track_caller]
    fn succeeds(&self, through: &Client, what: &str) {
        let response = self.upload.through(through).complete(&self.list);
        completed(&response).unwrap_or_else(|code| panic!("{what}: {code}: {}", response.text()));
        assert_same(&through.get(BUCKET, &self.upload.key).body, &self.parts.concat(), what);
    }
}

/// What is done to the parts that lie in the store.
type Change = fn(&Begun);

/// Parts that were replaced behind the proxy's back, with and without its knowing all bytes that came.
pub(in super::super) fn p2_parts_that_were_replaced(kind: Kind) {
    let cases: [(&str, Change); 5] = [
        ("first byte", |begun| replace(begun, 1, |bytes| bytes[0] ^= 1)),
        ("last byte", |begun| replace(begun, 2, |bytes| *bytes.last_mut().unwrap() ^= 1)),
        ("shorter", |begun| replace(begun, 2, |bytes| _ = bytes.pop())),
        ("longer", |begun| replace(begun, 1, |bytes| bytes.push(0))),
        ("the other part", |begun| {
            begun.stage.send_part(2, &begun.parts[0]);
        }),
    ];
    let mut lab = Lab::new(kind);
    for forgetful in [false, true] {
        for (name, change) in cases {
            let begun = lab.begin(&format!("{name}/{forgetful}"));
            if forgetful {
                lab.proxy.restart();
                lab.client = lab.proxy.client();
            }
            change(&begun);
            begun.refused(&lab.client, name);
            // The same bytes are the same parts.
            for (number, part) in (1..).zip(&begun.parts) {
                begun.stage.send_part(number, part);
            }
            begun.succeeds(&lab.client, name);
        }
    }
}

fn replace(begun: &Begun, number: u64, change: impl FnOnce(&mut Vec<u8>)) {
    let mut bytes = begun.parts[usize::try_from(number - 1).unwrap()].clone();
    change(&mut bytes);
    begun.stage.send_part(number, &bytes);
}

/// Stages that the store loses, or that somebody else makes an object of: with the parts as they came that is no harm.
pub(in super::super) fn p2_stages_that_were_ended(kind: Kind) {
    let lab = Lab::new(kind);
    let begun = lab.begin("aborted");
    assert_eq!(begun.stage.abort().status, 204);
    begun.refused(&lab.client, "aborted");

    let begun = lab.begin("more bytes");
    let longer = begun.stage.send_part(2, &[begun.parts[1].as_slice(), b"more"].concat());
    completed(&begun.stage.complete(&[begun.list[0].clone(), longer])).unwrap();
    begun.refused(&lab.client, "more bytes");

    let begun = lab.begin("other bytes");
    let other = content(9, 5 * MIB + 7);
    let parts = [begun.stage.send_part(1, &other), begun.stage.send_part(2, &begun.parts[1])];
    completed(&begun.stage.complete(&parts)).unwrap();
    begun.refused(&lab.client, "other bytes");
}

/// Records of parts, and what is known of the upload: taken away, moved, filled with something else.
pub(in super::super) fn p3_state_that_was_changed(kind: Kind) {
    let lab = Lab::new(kind);
    let scratch = |begun: &Begun, part: &str| {
        let others: Vec<_> = lab.store.keys(STATE_BUCKET, "scratch/");
        let id = begun.upload.id.clone();
        let found: Vec<_> = others.into_iter().filter(|name| name.contains(part)).collect();
        assert!(!found.is_empty(), "{id}: nothing of {part}");
        found
    };
    let delete = |name: &str| {
        assert_eq!(lab.store.ask("DELETE", &object(STATE_BUCKET, name), &[], &[]).status, 204, "{name}");
    };

    let begun = lab.begin("record removed");
    for name in scratch(&begun, "/00001/") {
        delete(&name);
    }
    begun.refused(&lab.client, "record removed");

    let begun = lab.begin("record moved");
    for name in scratch(&begun, "/00001/") {
        let object = lab.stored(STATE_BUCKET, &name);
        lab.place(STATE_BUCKET, &name.replacen("/00001/", "/00002/", 1), &object);
        delete(&name);
    }
    begun.refused(&lab.client, "record moved");

    let begun = lab.begin("everything changed");
    for name in lab.store.keys(STATE_BUCKET, "scratch/") {
        let mut object = lab.stored(STATE_BUCKET, &name);
        if object.bytes.is_empty() {
            delete(&name);
        } else {
            object.bytes.reverse();
            lab.place(STATE_BUCKET, &name, &object);
        }
    }
    begun.refused(&lab.client, "everything changed");
}
