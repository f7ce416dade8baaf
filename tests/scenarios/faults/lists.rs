//! Lists are the store's word; and yet they end, and say nothing that was not asked for.

use hallmark_tests::fault::{Answer, Call, Fault, Op};
use hallmark_tests::raw::Response;

use super::lab::{BUCKET, Lab};

/// What a list may cost at most that no client asked to go on with.
const MOST_CALLS: usize = 1100;

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

/// A list without end, of a client's objects and of Hallmark's own: whoever asks gets an answer.
pub(super) fn lists_without_end(lab: &Lab) {
    let endless = |call: &Call| {
        let from = ["continuation-token", "start-after", "marker", "prefix"];
        let from = from.into_iter().find_map(|name| call.parameter(name)).unwrap_or_default();
        Answer::endless_list("list", &from)
    };
    lab.fault.always(Op::ListObjects, Fault::made(endless));
    lab.fault.take_calls();
    let response = lab.client.list(BUCKET, "list-type=2");
    let calls = lab.fault.take_calls().len();
    assert!(response.status > 0 && calls <= MOST_CALLS, "{} after {calls} calls", response.status);
    lab.fault.forget();
}
