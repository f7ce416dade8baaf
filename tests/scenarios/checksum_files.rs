//! Digests that can be downloaded without having been uploaded.

use std::sync::Arc;

use hallmark_proxy::store::{Store, StoreFault};
use hallmark_tests::command::Sandbox;
use hallmark_tests::inprocess::InProcess;
use hallmark_tests::memory::{Call, MemoryStore, Mishap};
use hallmark_tests::proxy::program;
use hallmark_tests::raw::Response;
use hallmark_tests::s3::Client;
use hallmark_tests::sigv4::sha256_hex;
use hallmark_tests::site::{Further, Options, READER, Site};

const BUCKET: &str = "sums";
const HEADER: &str = "x-amz-meta-hallmark-signature";
/// May read there, and not list.
const BLIND: (&str, &str) = ("AKIABLIND", "secret-of-the-client-that-may-not-list");
/// May list there, and not read.
const LISTER: (&str, &str) = ("AKIALISTER", "secret-of-the-client-that-may-only-list");

struct Lab {
    proxy: InProcess,
    store: Arc<MemoryStore>,
    client: Client,
    reader: Client,
}

fn lab(checksums: &str) -> Lab {
    let options = Options {
        tables: format!(
            "[buckets.{BUCKET}]\n{checksums}\n\
             rules = [{{ prefix = \"q/\", signatures = \"required\", keys = [\"ci\"], enforce = \"download\", \
             siblings = [\"sig\"] }}]\n"
        ),
        ..Options::default()
    };
    let clients = [
        Further { name: "blind", credentials: BLIND, grants: &[(BUCKET, "read")] },
        Further { name: "lister", credentials: LISTER, grants: &[(BUCKET, "list")] },
    ];
    let store = Arc::new(MemoryStore::new());
    let site = Site::with_clients(&options, &clients);
    let proxy = InProcess::start_at(site, Arc::clone(&store) as Arc<dyn Store>);
    let (client, reader) = (proxy.client(), Site::client(proxy.address(), READER));
    client.create_bucket(BUCKET);
    Lab { proxy, store, client, reader }
}

impl Lab {
    fn put(&self, key: &str, body: &[u8]) {
        let put = self.client.put(BUCKET, key, body);
        assert_eq!(put.status, 200, "{}", put.text());
    }

    fn of(&self, credentials: (&str, &str)) -> Client {
        Site::client(self.proxy.address(), credentials)
    }
}

fn line(name: &str, body: &[u8]) -> String {
    format!("{}  {name}\n", sha256_hex(body))
}

#[track_caller]
fn is(response: &Response, status: u16, code: &str) {
    assert_eq!((response.status, response.code().as_str()), (status, code), "{}", response.text());
}

#[test]
fn digests_are_those_of_what_would_be_served() {
    let lab = lab("checksums = true");
    lab.put("app/1/a b.tar", b"a");
    lab.put("app/1/doc/b", b"b");
    lab.put("app/2/c", b"c");
    lab.put("q/waits", b"waits");

    let one = lab.reader.get(BUCKET, "app/1/a b.tar.sha256");
    assert_eq!((one.status, one.text()), (200, line("a b.tar", b"a")));
    assert_eq!(one.header("content-type"), Some("text/plain; charset=utf-8"));
    let all = lab.reader.get(BUCKET, "app/1/SHA256SUMS");
    assert_eq!((all.status, all.text()), (200, line("a b.tar", b"a") + &line("doc/b", b"b")));
    for (key, got) in [("app/1/a b.tar.sha256", &one), ("app/1/SHA256SUMS", &all)] {
        let head = lab.reader.head(BUCKET, key);
        assert_eq!((head.status, head.body.len()), (200, 0));
        let length = got.body.len().to_string();
        for name in ["content-length", "etag", "content-type"] {
            assert_eq!(head.header(name), got.header(name), "{key}: {name}");
        }
        assert_eq!(head.header("content-length"), Some(length.as_str()));
        let etag = got.header("etag").unwrap();
        let same = lab.reader.get_with(BUCKET, key, "", &[("If-None-Match", etag)]);
        assert_eq!((same.status, same.header("etag"), same.body.len()), (304, Some(etag), 0));
        let other = lab.reader.get_with(BUCKET, key, "", &[("If-Match", "\"other\"")]);
        is(&other, 412, "PreconditionFailed");
        let (body, whole) = (&got.body, got.body.len());
        for (range, expected, shown) in [
            ("bytes=0-3", &body[..4], format!("bytes 0-3/{whole}")),
            ("bytes=5-", &body[5..], format!("bytes 5-{}/{whole}", whole - 1)),
            ("bytes=-7", &body[whole - 7..], format!("bytes {}-{}/{whole}", whole - 7, whole - 1)),
        ] {
            for same in [&[("Range", range)][..], &[("Range", range), ("If-Range", etag)]] {
                let part = lab.reader.get_with(BUCKET, key, "", same);
                assert_eq!((part.status, &part.body[..]), (206, expected), "{key}: {range}");
                assert_eq!(part.header("content-range"), Some(shown.as_str()));
                assert_eq!(part.header("etag"), Some(etag));
                let head = lab.reader.head_with(BUCKET, key, "", same);
                assert_eq!((head.status, head.header("content-range")), (206, Some(shown.as_str())));
            }
        }
        let beyond = lab.reader.get_range(BUCKET, key, &format!("bytes={whole}-"));
        is(&beyond, 416, "InvalidRange");
        let shown = format!("bytes */{whole}");
        assert_eq!(beyond.header("content-range"), Some(shown.as_str()));
        // Who has a part of another, or of an older one by its date, gets all of this one.
        for has in ["\"other\"", "Fri, 31 Dec 2100 00:00:00 GMT"] {
            let all = lab.reader.get_with(BUCKET, key, "", &[("Range", "bytes=0-3"), ("If-Range", has)]);
            assert_eq!((all.status, &all.body), (200, body), "{has}");
        }
    }

    // What waits for its signatures is in none, also for those who may see it.
    for client in [&lab.reader, &lab.client] {
        is(&client.get(BUCKET, "q/waits.sha256"), 403, "ArtifactSignatureMissing");
        is(&client.get(BUCKET, "q/SHA256SUMS"), 404, "NoSuchKey");
        assert!(!client.get(BUCKET, "SHA256SUMS").text().contains("waits"));
    }
    let signed = [(HEADER, lab.proxy.site.signature("ci", b"waits"))];
    let signed: Vec<_> = signed.iter().map(|(name, value)| (*name, value.as_str())).collect();
    assert_eq!(lab.client.put_with(BUCKET, "q/waits", b"waits", &signed).status, 200);
    // Who has the artifact need not have the signatures beside it.
    let beside = lab.proxy.site.signature("ci", b"waits");
    assert_eq!(lab.client.put(BUCKET, "q/waits.sig", beside.as_bytes()).status, 200);
    assert_eq!(lab.reader.get(BUCKET, "q/SHA256SUMS").text(), line("waits", b"waits"));

    // Nor is what does not hold any more.
    lab.store.edit(BUCKET, "app/1/doc/b", |object| object.attributes.hallmark = None);
    is(&lab.reader.get(BUCKET, "app/1/doc/b.sha256"), 403, "ArtifactUnsealed");
    assert_eq!(lab.reader.get(BUCKET, "app/1/SHA256SUMS").text(), line("a b.tar", b"a"));
    // A list can change without anything in it getting newer, so no date says that it has not.
    let since = [("If-Modified-Since", "Fri, 31 Dec 2100 00:00:00 GMT")];
    assert_eq!(lab.reader.get_with(BUCKET, "app/1/SHA256SUMS", "", &since).text(), line("a b.tar", b"a"));
}

#[test]
fn what_is_not_there_or_was_uploaded_is_as_ever() {
    let lab = lab("checksums = true");
    lab.put("a", b"a");
    for key in ["b.sha256", ".sha256", "a.sha256.sha256", "a/SHA256SUMS", "xSHA256SUMS", "a.sha512"] {
        is(&lab.reader.get(BUCKET, key), 404, "NoSuchKey");
        assert_eq!(lab.reader.head(BUCKET, key).status, 404, "{key}");
    }
    is(&lab.reader.get_query(BUCKET, "a.sha256", "versionId=x"), 404, "NoSuchVersion");
    assert_eq!(lab.reader.get(BUCKET, "a.sha256").text(), line("a", b"a"));
    for key in ["a.sha256", "SHA256SUMS"] {
        lab.put(key, b"uploaded");
        let got = lab.reader.get(BUCKET, key);
        assert_eq!(
            (got.body.as_slice(), got.header("x-hallmark-verified")),
            (&b"uploaded"[..], Some("seal"))
        );
    }
    assert!(!lab.reader.list(BUCKET, "").text().contains("b.sha256"));
}

#[test]
fn lists_are_for_those_who_may_list_and_read() {
    let lab = lab("checksums = true");
    lab.put("a", b"a");
    let (blind, lister) = (lab.of(BLIND), lab.of(LISTER));
    assert_eq!(blind.get(BUCKET, "a.sha256").text(), line("a", b"a"));
    is(&blind.get(BUCKET, "b.sha256"), 403, "AccessDenied");
    is(&blind.get(BUCKET, "SHA256SUMS"), 403, "AccessDenied");
    is(&lister.get(BUCKET, "a.sha256"), 403, "AccessDenied");
    is(&lister.get(BUCKET, "SHA256SUMS"), 403, "AccessDenied");
}

#[test]
fn a_list_is_whole_or_not_there() {
    let lab = lab("checksums = true");
    for index in 0..20 {
        lab.put(&format!("a{index:02}"), b"a");
    }
    lab.store.take_calls();
    assert_eq!(lab.reader.get(BUCKET, "SHA256SUMS").text().lines().count(), 20);
    lab.store.keep_going_wrong(Call::Head.naming("a07"), Mishap::Fails(StoreFault::Unavailable));
    is(&lab.reader.get(BUCKET, "SHA256SUMS"), 503, "ServiceUnavailable");
    lab.store.forget_mishaps();
    let object = lab.store.object(BUCKET, "a00");
    for index in 0..1000 {
        lab.store.place(BUCKET, &format!("b{index:04}"), object.clone());
    }
    is(&lab.reader.get(BUCKET, "SHA256SUMS"), 400, "InvalidRequest");
}

#[test]
fn nothing_is_made_up_where_nobody_asked_for_it() {
    let lab = lab("");
    lab.put("a", b"a");
    is(&lab.reader.get(BUCKET, "a.sha256"), 404, "NoSuchKey");
    is(&lab.reader.get(BUCKET, "SHA256SUMS"), 404, "NoSuchKey");
}

/// `hallmark` gets artifacts, which have seals; it says how to get these, and what to do about permissions that are missing.
#[test]
fn the_command_says_how_to_get_them() {
    let lab = lab("checksums = true");
    lab.put("app/a.tar", b"a");
    let mut sandbox = Sandbox::new(lab.proxy.address());
    for name in ["app/a.tar.sha256", "app/SHA256SUMS"] {
        let ran = sandbox.run(program("hallmark"), &["pull", &format!("s3://{BUCKET}/{name}"), "file"]);
        assert!(
            ran.bad().contains("a list of checksums that the endpoint makes has no seal"),
            "{}",
            ran.stderr
        );
        assert!(ran.stderr.contains("hallmark verify --checksums"), "{}", ran.stderr);
        assert!(!sandbox.path("file").exists());
    }
    sandbox.set("AWS_ACCESS_KEY_ID", LISTER.0);
    sandbox.set("AWS_SECRET_ACCESS_KEY", LISTER.1);
    let ran = sandbox.run(program("hallmark"), &["pull", &format!("s3://{BUCKET}/app/a.tar"), "file"]);
    assert!(ran.bad().contains("lister lacks the permission `read`"), "{}", ran.stderr);
    assert!(ran.stderr.contains("`grants`") && !ran.stderr.contains("right credentials"), "{}", ran.stderr);
}
