//! Ids and lists that belong to others.

use hallmark_tests::data::content;
use hallmark_tests::s3::{Client, Completed, Upload};
use hallmark_tests::site::{Further, Options, SIGNED, Site};

use super::super::{BUCKET, KEY, Lab, OTHER};
use super::SMALL;

/// Another client that may do the same.
const TWIN: (&str, &str) = ("AKIATWIN", "secret-of-the-client-that-may-do-the-same");

fn lab() -> (Lab, Client) {
    let twin = Further { name: "twin", credentials: TWIN, grants: &[("*", "read, write, delete, list")] };
    let site = Site::with_clients(&Options::default(), &[twin]);
    let lab = Lab::at(site);
    let twin = Site::client(lab.proxy.address(), TWIN);
    (lab, twin)
}

/// An id is good for the bucket, the key and the client that it was given for. Elsewhere it is none, and nothing is done.
#[test]
fn p3_upload_ids_of_others() {
    let (lab, twin) = lab();
    lab.upload(BUCKET, OTHER, b"a source", &[]);
    let begun = lab.begin(BUCKET, KEY, &SMALL, &[]);
    let mut other_id = begun.upload.id.clone();
    let flipped = if other_id.ends_with('A') { "B" } else { "A" };
    other_id.replace_range(other_id.len() - 1.., flipped);
    let elsewhere =
        |bucket: &str, key: &str| Upload { bucket: bucket.into(), key: key.into(), ..begun.upload.clone() };
    let twins = twin.create_upload(BUCKET, KEY, &[]);
    for (name, upload) in [
        ("another key", elsewhere(BUCKET, OTHER)),
        ("a longer key", elsewhere(BUCKET, &format!("{KEY}x"))),
        ("another bucket", elsewhere(SIGNED, KEY)),
        ("another client", begun.upload.through(&twin)),
        ("another client's id", twins.through(&lab.client)),
        ("a changed id", Upload { id: other_id, ..begun.upload.clone() }),
        ("a cut id", Upload { id: begun.upload.id[..40].to_owned(), ..begun.upload.clone() }),
        ("an empty id", Upload { id: String::new(), ..begun.upload.clone() }),
    ] {
        lab.store.take_calls();
        for (what, response) in [
            ("part", upload.part(1, &content(9, 70_000))),
            ("part copy", upload.copy_part(1, (BUCKET, OTHER, None), &[])),
            ("parts", upload.parts("")),
            ("complete", upload.complete(&begun.list)),
            ("abort", upload.abort()),
        ] {
            let refusal = (response.status, response.code());
            let empty = name == "an empty id" && refusal == (400, "InvalidArgument".to_owned());
            assert!(
                empty || refusal == (404, "NoSuchUpload".to_owned()),
                "{name}: {what}: {}",
                response.text()
            );
        }
        assert_eq!(lab.store.staged_parts(&begun.stage), [1, 2], "{name}");
    }
    assert_eq!(lab.client.uploads(BUCKET, "").elements("UploadId"), [begun.upload.id.as_str()]);
    assert_eq!(twin.uploads(BUCKET, "").elements("UploadId"), [twins.id.as_str()]);
    begun.succeed(&lab);
}

/// The list is compared with what this upload has, part by part.
#[test]
fn p3_lists_that_name_what_others_sent() {
    let (lab, twin) = lab();
    let theirs = lab.begin_with(BUCKET, KEY, &[content(1, SMALL[0]), content(2, 7)], &[]);
    let twins = twin.create_upload(BUCKET, KEY, &[]).send_part(1, &content(3, 7));
    let begun = lab.begin(BUCKET, KEY, &SMALL, &[]);
    let [first, second] = &begun.list[..] else { unreachable!() };
    for (name, list) in [
        ("of another upload", vec![theirs.list[0].clone(), second.clone()]),
        ("of another upload, the last", vec![first.clone(), theirs.list[1].clone()]),
        ("of another client", vec![twins.clone()]),
        ("of another number", vec![Completed::new(1, &second.etag), second.clone()]),
        ("of no part", vec![first.clone(), second.clone(), Completed::new(3, &second.etag)]),
    ] {
        for through in [&lab, &lab.another()] {
            let response = begun.upload.through(&through.client).complete(&list);
            assert_eq!((response.status, response.code().as_str()), (400, "InvalidPart"), "{name}");
        }
    }
    assert!(lab.store.find(BUCKET, KEY).is_none());
    begun.succeed(&lab);
}
