//! Listings of stores that lie, and of one bucket that holds another.

use hallmark_config::{KeptIn, StoreBucket, StorePrefix};

use super::super::testing::{Asked, Canned, Told, mapped, store};
use super::super::walk::MAX_PAGES;
use crate::name::BucketName;
use crate::store::{GetError, ListEntry, ListPage, ListRequest, Store as _, StoreFault};

/// A line of an answer with this key.
fn object(key: &str) -> String {
    format!(
        "<Contents><Key>{key}</Key><LastModified>2026-11-21T11:23:23.360Z</LastModified>\
         <ETag>&quot;d41d8cd98f00b204e9800998ecf8427e&quot;</ETag><Size>5</Size></Contents>"
    )
}

fn rolled(prefix: &str) -> String {
    format!("<CommonPrefixes><Prefix>{prefix}</Prefix></CommonPrefixes>")
}

fn page(truncated: bool, lines: &str) -> Told {
    Told::ok(format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\
         <ListBucketResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><EncodingType>url</EncodingType>\
         <Name>bucket</Name><IsTruncated>{truncated}</IsTruncated>{lines}</ListBucketResult>"
    ))
}

fn request(prefix: &str, delimiter: Option<&str>, after: Option<&str>, limit: usize) -> ListRequest {
    ListRequest {
        bucket: BucketName::parse("bucket").unwrap(),
        prefix: prefix.into(),
        delimiter: delimiter.map(str::to_owned),
        after: after.map(str::to_owned),
        limit,
    }
}

fn texts(page: &ListPage) -> Vec<&str> {
    fn text(entry: &ListEntry) -> &str {
        match entry {
            ListEntry::Object { key, .. } => key.as_str(),
            ListEntry::Prefix(prefix) => prefix,
        }
    }
    page.entries.iter().map(text).collect()
}

async fn list(
    tell: impl Fn(&Asked) -> Told + Send + Sync + 'static,
    request: ListRequest,
) -> (Result<ListPage, GetError>, Vec<Asked>) {
    let canned = Canned::new(tell).await;
    let page = store(&canned.url).list(request).await;
    (page, canned.asked())
}

fn is_nonsense(found: &Result<ListPage, GetError>) -> bool {
    matches!(found, Err(GetError::Store(error)) if error.fault == StoreFault::Protocol)
}

#[tokio::test]
async fn answers_that_make_no_sense_are_refused() {
    for (name, lines) in [
        ("outside of the prefix", object("b/1")),
        ("repeated", object("a/1") + &object("a/1")),
        ("out of order", object("a/2") + &object("a/1")),
        ("to be rolled up", object("a/1%2F2")),
        ("before the marker", object("a/0")),
        ("the marker itself", object("a/00")),
        ("badly encoded", object("a/%4")),
        ("more than was asked for", (1..=4).map(|n| object(&format!("a/{n}"))).collect()),
        ("rolled up at nothing", rolled("a/1")),
        ("rolled up too late", rolled("a/1/2/")),
        ("rolled up twice", rolled("a/1/") + &rolled("a/1/")),
        ("of no length", object("a/1").replace("<Size>5", "<Size>-5")),
        ("of no time", object("a/1").replace("2026", "19999")),
        ("of an odd ETag", object("a/1").replace("d41d", "d4&#10;1d")),
        ("not XML", "<Contents>".to_owned()),
    ] {
        let (found, asked) =
            list(move |_| page(false, &lines), request("a/", Some("/"), Some("a/00"), 2)).await;
        assert!(is_nonsense(&found), "{name}: {found:?}");
        assert_eq!(asked.len(), 1, "{name}");
    }
    let unknown = |_: &Asked| {
        let mut told = page(false, &object("a"));
        told.body = told.body.replace(">url<", ">rot13<");
        told
    };
    assert!(is_nonsense(&list(unknown, request("", None, None, 2)).await.0));
}

#[tokio::test]
async fn a_store_cannot_keep_a_listing_going() {
    // The same page for ever; a page without lines for ever, with and without a word on where it ended.
    for lines in ["", "<NextMarker>a</NextMarker>"] {
        let (found, asked) = list(move |_| page(true, lines), request("", None, None, 5)).await;
        assert!(is_nonsense(&found), "{found:?}");
        assert!(asked.len() <= 2, "{lines}: {}", asked.len());
    }
    let (found, asked) = list(|_| page(true, &rolled("b/")), request("", Some("/"), Some("b/1"), 5)).await;
    assert!(is_nonsense(&found) && asked.len() == 1, "{found:?}");

    // Pages that lead on, and hold nothing that can be shown.
    let (found, asked) = list(
        |asked| {
            let at = asked.query.get("marker").map_or(0, String::len);
            page(true, &object(&format!("..%2F{}", "a".repeat(at))))
        },
        request("", None, None, 5),
    )
    .await;
    assert!(matches!(&found, Err(GetError::Store(e)) if e.fault == StoreFault::Unavailable), "{found:?}");
    assert_eq!(asked.len(), MAX_PAGES);

    // Pages of one line each: what was found by then is the page.
    let (found, asked) = list(
        |asked| {
            let at = asked.query.get("marker").map_or(0, String::len);
            page(true, &object(&"a".repeat(at + 1)))
        },
        request("", None, None, 1000),
    )
    .await;
    let found = found.unwrap();
    assert_eq!((found.entries.len(), found.more, asked.len()), (MAX_PAGES, true, MAX_PAGES));
}

#[tokio::test]
async fn answers_without_end_are_broken_off() {
    // Padding that any parser would pass by.
    let padding = " ".repeat(9 << 20);
    let (found, _) = list(move |_| page(false, &padding), request("", None, None, 5)).await;
    assert!(is_nonsense(&found), "{found:?}");
}

#[tokio::test]
async fn keys_that_nobody_can_have_put_are_left_out() {
    let lines =
        [object("..%2Fa"), object("a"), object("a%2F..%2Fb"), object("b%00"), object("b%FF"), object("c")];
    let lines = lines.concat() + &rolled("d%2F..%2F") + &rolled("e%2F");
    let (found, _) = list(move |_| page(false, &lines), request("", None, None, 10)).await;
    // Nothing is to be rolled up here.
    assert!(is_nonsense(&found));
    let lines = [object("a"), object("b%00"), object("b%FF"), object("c")].concat();
    let lines = lines + &rolled("d%2F") + &rolled("e%00%2F");
    let (found, _) = list(move |_| page(false, &lines), request("", Some("/"), None, 10)).await;
    let found = found.unwrap();
    assert_eq!(texts(&found), ["a", "c", "d/"]);
    let (names, omitted) = found.unreachable.into_names();
    assert_eq!((names, omitted), (vec![b"b\0".to_vec(), b"b\xff".to_vec(), b"e\0/".to_vec()], 0));
}

#[tokio::test]
async fn one_more_is_asked_for_than_is_wanted() {
    for (limit, count) in [(1, "2"), (2, "3"), (999, "1000"), (1000, "1000"), (5000, "1000")] {
        let (_, asked) = list(|_| page(false, ""), request("", None, None, limit)).await;
        assert_eq!(asked[0].query["max-keys"], count);
    }
    let lines = [object("a"), object("b"), object("c")].concat();
    let (found, asked) = list(move |_| page(true, &lines), request("", None, None, 2)).await;
    let found = found.unwrap();
    assert_eq!((texts(&found), found.more, asked.len()), (vec!["a", "b"], true, 1));
}

#[tokio::test]
async fn a_prefix_that_the_marker_lies_in_is_passed_over() {
    // As Garage answers: with the prefix that the marker is.
    let lines = rolled("b%2F") + &object("c");
    let (found, asked) = list(move |_| page(false, &lines), request("", Some("/"), Some("b/"), 1)).await;
    let found = found.unwrap();
    assert_eq!((texts(&found), found.more), (vec!["c"], false));
    assert_eq!((asked[0].query["marker"].as_str(), asked[0].query["max-keys"].as_str()), ("b/", "2"));
}

#[tokio::test]
async fn markers_are_read_so_that_nothing_is_missed() {
    // As Ceph's gateway answers: keys are encoded, and the marker is not. Here it is of a page without lines.
    let tell = |asked: &Asked| match asked.query.get("marker").map(String::as_str) {
        None => page(true, "<NextMarker>x%7Az</NextMarker>"),
        Some("x%7Az") => page(false, &object("xy")),
        Some(_) => page(false, ""),
    };
    let (found, _) = list(tell, request("", None, None, 5)).await;
    assert_eq!(texts(&found.unwrap()), ["xy"]);
}

#[tokio::test]
async fn what_is_echoed_need_not_be_xml() {
    // As Ceph's gateway answers to a delimiter that XML does not have.
    let lines = "<Delimiter>\u{FFFF}</Delimiter><Marker>\u{1}</Marker>".to_owned() + &rolled("a%EF%BF%BF");
    let (found, _) = list(move |_| page(false, &lines), request("", Some("\u{FFFF}"), None, 5)).await;
    assert_eq!(texts(&found.unwrap()), ["a\u{FFFF}"]);
}

#[tokio::test]
async fn long_markers_and_prefixes_are_not_sent() {
    let long = "ä".repeat(3000);
    let lines = object(&"%C3%A4".repeat(512)) + &object("%C3%B6");
    let (found, asked) = list(move |_| page(false, &lines), request("", None, Some(&long), 5)).await;
    // What lies between the shorter marker and the one meant is left out.
    assert!(is_nonsense(&found) || texts(&found.unwrap()) == ["ö"]);
    assert_eq!(asked[0].query["marker"].len(), 1024);
    let long = "ä".repeat(3000);
    let (found, asked) = list(|_| page(false, &object("a")), request(&long, Some("/"), None, 5)).await;
    assert_eq!(found.unwrap(), ListPage::default());
    assert_eq!((asked[0].method.as_str(), asked[0].path.trim_end_matches('/')), ("HEAD", "/bucket"));
}

#[tokio::test]
async fn a_bucket_in_another_shows_nothing_of_it() {
    let kept = KeptIn {
        bucket: StoreBucket::parse("large").unwrap(),
        prefix: StorePrefix::parse("team/a/").unwrap(),
    };
    let tell = |key: &'static str| move |_: &Asked| page(false, &object(key));
    let canned = Canned::new(tell("team%2Fa%2Fx%2F1")).await;
    let store = mapped(&canned.url, &[("bucket", kept.clone())]);
    let found = store.list(request("x/", None, Some("x/0"), 5)).await.unwrap();
    assert_eq!(texts(&found), ["x/1"]);
    let asked = canned.asked();
    assert_eq!(asked[0].path.trim_end_matches('/'), "/large");
    assert_eq!(
        (asked[0].query["prefix"].as_str(), asked[0].query["marker"].as_str()),
        ("team/a/x/", "team/a/x/0")
    );
    for outside in ["team%2Fb%2Fx%2F1", "x%2F1", "team%2Fa%2Fy"] {
        let canned = Canned::new(tell(outside)).await;
        let store = mapped(&canned.url, &[("bucket", kept.clone())]);
        assert!(is_nonsense(&store.list(request("x/", None, None, 5)).await), "{outside}");
    }
    // Nor by its own name.
    let large = ListRequest { bucket: BucketName::parse("large").unwrap(), ..request("", None, None, 5) };
    assert!(matches!(store.list(large).await, Err(GetError::NoSuchBucket)));
    assert_eq!(canned.asked().len(), 0);
}

#[tokio::test]
async fn refusals_are_told_apart() {
    let of = async |status, code: &'static str| {
        list(move |_| Told::error(status, code), request("", None, None, 5)).await.0
    };
    assert!(matches!(of(404, "NoSuchBucket").await, Err(GetError::NoSuchBucket)));
    assert!(is_nonsense(&of(301, "PermanentRedirect").await));
    for (status, code) in [(403, "AccessDenied"), (503, "ServiceUnavailable")] {
        let found = of(status, code).await;
        assert!(matches!(&found, Err(GetError::Store(e)) if e.fault == StoreFault::Unavailable), "{found:?}");
    }
}

/// Whoever can write to the state bucket must not keep it from being listed, nor what a probe left that was killed.
#[tokio::test]
async fn lists_of_the_state_bucket_hold_names_that_xml_cannot() {
    let server = Canned::new(|asked| {
        assert_eq!(asked.query.get("encoding-type").map(String::as_str), Some("url"));
        let keys = ["scratch/a%01b", "scratch/c%0Ad+e", "scratch/f%EF%BF%BFg"].map(object).concat();
        page(false, &format!("<Prefix>scratch/\u{1}</Prefix>{keys}"))
    })
    .await;
    let page = store(&server.url).page_of_state("scratch/", None, 1000).await.unwrap();
    let names: Vec<_> = page.keys.iter().map(|key| key.name.as_str()).collect();
    assert_eq!(names, ["scratch/a\u{1}b", "scratch/c\nd e", "scratch/f\u{FFFF}g"]);
}

/// Short elements take many times their length once they are parsed.
#[tokio::test]
async fn answers_of_more_elements_than_were_asked_for_are_broken_off() {
    let server = Canned::new(|_| page(false, &"<CommonPrefixes/>".repeat(40_000))).await;
    let error = store(&server.url).page_of_state("scratch/", None, 1000).await.unwrap_err();
    assert_eq!(error.fault, StoreFault::Protocol);
    assert!(error.message.contains("more elements than were asked for"), "{}", error.message);
}
