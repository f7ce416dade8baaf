//! With as few requests at once as there can be, what needs two at once gets both: it does not wait for itself, nor for
//! others that do the same.

use std::time::{Duration, Instant};

use hallmark_tests::data::{MIB, content};
use hallmark_tests::fault::{Edit, Fault, Op};

use super::lab::{BUCKET, Lab};

/// Sooner than who waits for a place is turned away.
const SOON: Duration = Duration::from_secs(4);

/// So many at once. Each ends soon, so that all of them have their turn.
const CLIENTS: u64 = 4;

pub(super) fn nobody_waits_for_itself(lab: &Lab) {
    let body = content(1, 9 * MIB);
    assert_eq!(lab.client.put(BUCKET, "large", &body).status, 200);
    let soon = |what: &str, done: &dyn Fn()| {
        let began = Instant::now();
        done();
        assert!(began.elapsed() < SOON, "{what}: {:?}", began.elapsed());
    };
    soon("a leaf is read again", &|| {
        lab.fault.once(Op::GetObject.naming("large"), Fault::edit(Edit::Garble(2 * MIB + 5)));
        assert!(lab.client.get(BUCKET, "large").body == body);
        assert_eq!(lab.fault.forget(), 0, "it did not happen");
    });
    soon("a part is carried", &|| carry(lab, 0));
    soon("a part is carried from what is read again", &|| {
        lab.fault.once(Op::GetObject.naming("large"), Fault::edit(Edit::Garble(3 * MIB + 5)));
        carry(lab, 0);
        assert_eq!(lab.fault.forget(), 0, "it did not happen");
    });
    soon("a copy passes through, where the store has no other way", &|| {
        let copied = lab.client.copy((BUCKET, "large", None), BUCKET, "copy", &[("If-None-Match", "*")]);
        assert_eq!(copied.status, 200, "{}", copied.text());
        assert_eq!(lab.client.delete(BUCKET, "copy").status, 204);
    });
    std::thread::scope(|scope| {
        for number in 1..=CLIENTS {
            scope.spawn(move || carry(lab, number));
        }
    });
}

/// Makes a part of bytes that are not the first of an artifact, so that they pass through.
fn carry(lab: &Lab, number: u64) {
    let upload = lab.client.create_upload(BUCKET, &format!("carried-{number}"), &[]);
    let range = [("x-amz-copy-source-range", "bytes=3145728-8388607")];
    let part = upload.copy_part(1, (BUCKET, "large", None), &range);
    assert_eq!(part.status, 200, "{number}: {}", part.text());
    upload.abort();
}
