//! What one instance took, every other one serves, carries on, lists and deletes.

use hallmark_tests::data::{MIB, assert_same, content};
use hallmark_tests::raw::Response;
use hallmark_tests::s3::{Client, completed, etag_of_parts};

use super::fleet::{BUCKET, Fleet};

/// Uploads on one are visible on all, at once.
pub(super) fn uploads_are_visible_everywhere(fleet: &Fleet) {
    let clients = fleet.clients();
    for length in [0, 70_000, 3 * MIB, 9 * MIB] {
        for (number, uploader) in clients.iter().enumerate() {
            let body = content(number as u64, length);
            let put = uploader.put(BUCKET, "key", &body);
            assert_eq!(put.status, 200, "{}", put.text());
            for reader in &clients {
                // Nothing that an instance remembers of the version before gets in the way.
                assert_serves(&reader.get(BUCKET, "key"), &body, "the newest");
                let head = reader.head(BUCKET, "key");
                assert_eq!((head.status, head.header("etag")), (200, put.header("etag")));
                assert_eq!(reader.keys(BUCKET, ""), ["key"]);
            }
        }
        let (first, last) = (&clients[0], &clients[clients.len() - 1]);
        assert_eq!(last.delete(BUCKET, "key").status, 204);
        assert_eq!(first.get(BUCKET, "key").status, 404);
    }
}

/// Every step of an upload in parts goes through another instance.
pub(super) fn uploads_in_parts_wander(fleet: &Fleet) {
    let clients = fleet.clients();
    let at = |step: usize| &clients[step % clients.len()];
    for (round, lengths) in
        [&[100][..], &[5 * MIB, 5 * MIB + 3, 17], &[6 * MIB, 70_000]].into_iter().enumerate()
    {
        let key = format!("parts-{round}");
        let parts: Vec<_> = (0..).zip(lengths).map(|(seed, length)| content(seed, *length)).collect();
        let upload = at(round).create_upload(BUCKET, &key, &[]);
        let send = |(number, part): (u64, &Vec<u8>)| {
            upload.through(at(round + number as usize)).send_part(number, part)
        };
        let sent: Vec<_> = (1..).zip(&parts).map(send).collect();
        for client in &clients {
            assert_eq!(upload.through(client).parts("").elements("PartNumber").len(), parts.len());
        }
        let answers: Vec<_> = clients
            .iter()
            .map(|client| completed(&upload.through(client).complete(&sent)).expect("it is completed"))
            .collect();
        let slices: Vec<&[u8]> = parts.iter().map(Vec::as_slice).collect();
        assert!(answers.iter().all(|etag| *etag == etag_of_parts(&slices)), "{answers:?}");
        for client in &clients {
            assert_serves(&client.get(BUCKET, &key), &parts.concat(), &key);
            assert!(client.uploads(BUCKET, "").elements("UploadId").is_empty());
        }
    }
}

/// All complete the same upload at once: each gets the one answer.
pub(super) fn all_complete_at_once(fleet: &Fleet) {
    let clients = fleet.clients();
    for (round, lengths) in [&[100][..], &[5 * MIB, 70_000]].into_iter().enumerate() {
        let key = format!("at-once-{round}");
        let parts: Vec<_> = (0..).zip(lengths).map(|(seed, length)| content(seed, *length)).collect();
        let upload = clients[0].create_upload(BUCKET, &key, &[]);
        let sent: Vec<_> = (1..).zip(&parts).map(|(number, part)| upload.send_part(number, part)).collect();
        let answers =
            at_once(clients.iter().cycle().take(6), |client, _| upload.through(client).complete(&sent));
        let mut done = 0;
        for answer in &answers {
            match completed(answer) {
                Ok(_) => done += 1,
                Err(code) => {
                    let repeatable = ["ServiceUnavailable", "SlowDown", "OperationAborted", "InternalError"];
                    assert!(repeatable.contains(&code.as_str()), "{code}: {}", answer.text());
                }
            }
        }
        assert!(done > 0, "nobody was served");
        for client in &clients {
            let again = completed(&upload.through(client).complete(&sent));
            assert!(again.is_ok(), "{again:?}");
            assert_serves(&client.get(BUCKET, &key), &parts.concat(), &key);
        }
    }
}

/// Of many that would create a key, one does.
pub(super) fn one_creates_a_key(fleet: &Fleet) {
    let clients = fleet.clients();
    for (round, length) in [1000, 70_000, 9 * MIB].into_iter().enumerate() {
        let key = format!("new-{round}");
        let answers = at_once(clients.iter().cycle().take(6), |client, number| {
            client.put_with(BUCKET, &key, &content(number, length), &[("If-None-Match", "*")])
        });
        let won: Vec<_> = (0..).zip(&answers).filter(|(_, put)| put.status == 200).map(|(n, _)| n).collect();
        let said: Vec<_> = answers.iter().map(|put| (put.status, put.code())).collect();
        assert_eq!(won.len(), 1, "{said:?}");
        let lost = ["PreconditionFailed", "ConditionalRequestConflict"];
        assert!(
            said.iter().all(|(status, code)| *status == 200 || lost.contains(&code.as_str())),
            "{said:?}"
        );
        for client in &clients {
            assert_serves(&client.get(BUCKET, &key), &content(won[0], length), "the winner's");
        }
    }
}

/// Of many that replace what stands there, one does; and who read something else did not.
pub(super) fn one_replaces_what_it_saw(fleet: &Fleet) {
    let clients = fleet.clients();
    let put = clients[0].put(BUCKET, "replaced", b"first");
    let etag = put.header("etag").expect("an upload has an ETag").to_owned();
    let answers = at_once(clients.iter().cycle().take(6), |client, number| {
        client.put_with(BUCKET, "replaced", &content(number, 2000), &[("If-Match", etag.as_str())])
    });
    let won: Vec<_> = (0..).zip(&answers).filter(|(_, put)| put.status == 200).map(|(n, _)| n).collect();
    assert_eq!(won.len(), 1, "{:?}", answers.iter().map(|put| (put.status, put.code())).collect::<Vec<_>>());
    assert_serves(&clients[0].get(BUCKET, "replaced"), &content(won[0], 2000), "the winner's");
}

/// Of many that write without a condition one is last, and what it wrote stands there whole.
pub(super) fn one_writes_last(fleet: &Fleet) {
    let clients = fleet.clients();
    for length in [1000, 70_000, 9 * MIB] {
        let answers = at_once(clients.iter().cycle().take(6), |client, number| {
            client.put(BUCKET, "contended", &content(number, length))
        });
        assert!(answers.iter().all(|put| put.status == 200), "{:?}", answers[0].text());
        let got = clients[0].get(BUCKET, "contended");
        let last = (0..6).find(|number| got.body == content(*number, length));
        assert_eq!((got.status, last.is_some()), (200, true), "{length}: {} bytes", got.body.len());
        for client in &clients {
            assert_serves(&client.get(BUCKET, "contended"), &got.body, "the same for all");
        }
    }
}

#[track_caller]
fn assert_serves(got: &Response, body: &[u8], what: &str) {
    assert_eq!(
        (got.status, got.header("x-hallmark-verified")),
        (200, Some("seal")),
        "{what}: {}",
        got.text()
    );
    assert_same(&got.body, body, what);
}

/// All ask at once; their answers, in order.
fn at_once<'a>(
    clients: impl Iterator<Item = &'a Client>,
    ask: impl Fn(&Client, u64) -> Response + Sync,
) -> Vec<Response> {
    std::thread::scope(|scope| {
        let asking: Vec<_> = clients
            .zip(0..)
            .map(|(client, number)| {
                let ask = &ask;
                scope.spawn(move || ask(client, number))
            })
            .collect();
        asking.into_iter().map(|one| one.join().expect("a client ends")).collect()
    })
}
