//! Lists are the store's word; and yet they end, and say nothing that was not asked for.

use hallmark_tests::fault::{Answer, Call, Fault, Op};
use hallmark_tests::raw::Response;
use hallmark_tests::s3::completed;

use super::lab::{BUCKET, Lab};

/// What a request may cost at most of which a list has no end.
const MOST_CALLS: usize = 150;

/// Says a page, whatever was asked.
type Page = fn(&Call) -> Answer;

/// Pages that contradict themselves or what was asked.
const PAGES: &[(&str, Page)] = &[
    ("200 with an error", |_| Answer::error(200, "InternalError")),
    ("not XML", |_| Answer::new(200, "{\"keys\": []}")),
    ("another document", |_| page("<ListPartsResult></ListPartsResult>")),
    ("cut short", |_| page("<ListBucketResult><IsTruncated>true</IsTruncated><Contents><Key>a/1")),
    ("out of order", |_| list(false, &["a/2", "a/1"])),
    ("twice the same", |_| list(false, &["a/1", "a/1"])),
    ("not under the prefix", |_| list(false, &["b/1"])),
    ("before where it was to begin", |_| list(false, &["a/0"])),
    ("more, and nothing now", |_| list(true, &[])),
    ("too many", |_| {
        let keys: Vec<_> = (0..2000).map(|number| format!("a/{number:04}")).collect();
        list(false, &keys.iter().map(String::as_str).collect::<Vec<_>>())
    }),
    ("too long", |_| page(&"<ListBucketResult>".repeat(1 << 20))),
    ("entities", |_| {
        let text = "<!DOCTYPE r [<!ENTITY a \"aaaaaaaaaa\"><!ENTITY b \"&a;&a;&a;&a;&a;&a;&a;&a;\">]>\
                    <ListBucketResult><IsTruncated>false</IsTruncated><Contents><Key>&b;</Key></Contents>\
                    </ListBucketResult>";
        page(text)
    }),
];

fn page(text: &str) -> Answer {
    Answer::new(200, text.to_owned()).with("Content-Type", "application/xml")
}

fn list(more: bool, keys: &[&str]) -> Answer {
    let entry = |key: &&str| {
        format!(
            "<Contents><Key>{key}</Key><Size>1</Size><LastModified>2026-01-01T00:00:00.000Z</LastModified>\
             <ETag>&quot;0cc175b9c0f1b6a831c399e269772661&quot;</ETag></Contents>"
        )
    };
    let token = if more { "<NextContinuationToken>t</NextContinuationToken>" } else { "" };
    let keys: String = keys.iter().map(entry).collect();
    page(&format!(
        "<ListBucketResult><Name>{BUCKET}</Name><IsTruncated>{more}</IsTruncated>{token}{keys}</ListBucketResult>"
    ))
}

/// Whatever a page says, what is passed on is in order, under the prefix, and not more than was asked for.
pub(super) fn pages_that_make_no_sense(lab: &Lab) {
    for (name, answer) in PAGES {
        lab.fault.always(Op::ListObjects.naming(BUCKET), Fault::made(answer));
        lab.fault.take_calls();
        let response = lab.client.list(BUCKET, "list-type=2&prefix=a/&start-after=a/0&max-keys=1000");
        lab.fault.forget();
        let calls = lab.fault.take_calls().len();
        println!(
            "{name}: {} {} {calls} {:?}",
            response.status,
            response.code(),
            response.elements("Key").len()
        );
        assert!(calls <= 10, "{name}: {calls} calls");
        assert_plausible(&response, name);
    }
}

#[track_caller]
fn assert_plausible(response: &Response, what: &str) {
    if response.status != 200 {
        let code = response.code();
        assert_eq!((response.status, code.as_str()), (502, "BadGateway"), "{what}: {}", response.text());
        return;
    }
    let keys = response.elements("Key");
    assert!(keys.len() <= 1000 && keys.is_sorted_by(|a, b| a < b), "{what}: {keys:?}");
    assert!(keys.iter().all(|key| key.starts_with("a/") && key.as_str() > "a/0"), "{what}: {keys:?}");
}

/// Lists without end, of a client's objects and of Hallmark's own: whoever asks gets an answer, and soon.
pub(super) fn lists_without_end(lab: &Lab) {
    // One name on each page, behind that of the page before; or the same one on all of them.
    let onward = |call: &Call| {
        let from = ["continuation-token", "start-after", "marker", "prefix"];
        let from = from.into_iter().find_map(|name| call.parameter(name)).unwrap_or_default();
        Answer::endless_list("list", &from)
    };
    let again = |call: &Call| Answer::endless_list("list", &call.parameter("prefix").unwrap_or_default());
    let parts = |call: &Call| {
        let after = call.parameter("part-number-marker").and_then(|after| after.parse().ok());
        part(after.unwrap_or(0) + 1)
    };
    let upload = lab.client.create_upload(BUCKET, "key", &[]);
    let sent = upload.send_part(1, b"part");
    lab.client.create_bucket("empty");
    let asks: [(&str, &dyn Fn() -> Response); 7] = [
        ("objects", &|| lab.client.list(BUCKET, "list-type=2")),
        ("versions", &|| lab.client.list(BUCKET, "versions")),
        ("uploads", &|| lab.client.uploads(BUCKET, "")),
        ("parts", &|| upload.parts("")),
        ("a part", &|| upload.part(1, b"part")),
        ("a completion", &|| upload.complete(std::slice::from_ref(&sent))),
        ("a bucket to delete", &|| lab.client.ask("DELETE", "/empty", &[], &[])),
    ];
    let every: [(&str, Op, Fault); 3] = [
        ("names that go on", Op::ListObjects, Fault::made(onward)),
        ("names that come again", Op::ListObjects, Fault::made(again)),
        ("parts that go on", Op::ListParts, Fault::made(parts)),
    ];
    for (how, op, fault) in every {
        lab.fault.always(op, fault);
        for (name, ask) in &asks {
            lab.fault.take_calls();
            let response = ask();
            let calls = lab.fault.take_calls().len();
            let (status, code) = (response.status, response.code());
            println!("{how}, {name}: {status} {code} after {calls} calls");
            assert!(calls <= MOST_CALLS, "{how}, {name}: {calls} calls");
            assert!(
                status < 300 || (status, code.as_str()) == (502, "BadGateway"),
                "{how}, {name}: {status}"
            );
        }
        lab.fault.forget();
        lab.client.create_bucket("empty");
    }
    assert!(completed(&upload.complete(&[sent])).is_ok());
}

/// A page of parts with this one, and more to come.
fn part(number: u32) -> Answer {
    page(&format!(
        "<ListPartsResult><IsTruncated>true</IsTruncated><NextPartNumberMarker>{number}</NextPartNumberMarker>\
         <Part><PartNumber>{number}</PartNumber><Size>1</Size>\
         <ETag>&quot;0cc175b9c0f1b6a831c399e269772661&quot;</ETag></Part></ListPartsResult>"
    ))
}
