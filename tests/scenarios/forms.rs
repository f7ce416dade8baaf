//! Uploads by an HTML form: what the policy in it lets, and nothing else.

use hallmark_tests::data::{MIB, assert_same, content};
use hallmark_tests::form::{BOUNDARY, Form, part};
use hallmark_tests::proxy::Proxy;
use hallmark_tests::raw::{Asked, Connection, Response};
use hallmark_tests::s3::{Client, checksum, md5_hex};
use hallmark_tests::site::{NOBODY, READER, SIGNED};

const BUCKET: &str = "artifacts";
const KEY: &str = "app.tar";
const OLD: &[u8] = b"what was there before";

fn lab() -> (Proxy, Client) {
    let proxy = Proxy::start();
    let client = proxy.client();
    client.create_bucket(BUCKET);
    client.create_bucket(SIGNED);
    assert_eq!(client.put(BUCKET, KEY, OLD).status, 200);
    (proxy, client)
}

#[track_caller]
fn refused(client: &Client, what: &str, response: &Response, status: u16, code: &str) {
    assert_eq!((response.status, response.code().as_str()), (status, code), "{what}: {}", response.text());
    assert_eq!(client.get(BUCKET, KEY).body, OLD, "{what}");
    assert_eq!(client.keys(BUCKET, ""), [KEY], "{what}");
}

/// A file of any length is an artifact like any other; a large one is not held in memory.
#[test]
fn forms_make_artifacts() {
    let (_proxy, client) = lab();
    for length in [0, 1, MIB, 8 * MIB, 8 * MIB + 1, 20 * MIB + 7] {
        let body = content(length, length);
        let form = Form::new(&client, BUCKET, KEY)
            .field("Content-Type", "application/x-tar")
            .condition("{\"Content-Type\": \"application/x-tar\"}")
            .field("x-amz-meta-commit", "4f2a")
            .condition("[\"starts-with\", \"$x-amz-meta-commit\", \"\"]");
        let posted = form.send(&body);
        let etag = format!("\"{}\"", md5_hex(&body));
        assert_eq!((posted.status, posted.header("etag")), (204, Some(etag.as_str())), "{}", posted.text());
        let got = client.get(BUCKET, KEY);
        assert_same(&got.body, &body, "the file");
        assert_eq!(got.header("x-hallmark-verified"), Some("seal"));
        assert_eq!(got.header("content-type"), Some("application/x-tar"));
        assert_eq!(got.header("x-amz-meta-commit"), Some("4f2a"));
        let seal = got.header("x-amz-meta-hallmark").unwrap();
        assert!(seal.contains(" by=ci~url "), "anybody may have sent it: {seal}");
    }
}

/// What the policy does not let leaves what was there.
#[test]
fn p2_forms_that_their_policy_does_not_let() {
    let (_proxy, client) = lab();
    let form = || Form::new(&client, BUCKET, KEY);
    let mut elsewhere = form();
    elsewhere.fields[0].1 = "elsewhere".to_owned();
    let mut expired = form();
    expired.expiration = "2020-01-01T00:00:00Z".to_owned();
    let mut other_bucket = form();
    other_bucket.conditions[0] = format!("{{\"bucket\": \"{SIGNED}\"}}");
    let mut empty = form();
    empty.conditions.clear();
    for (what, form) in [
        ("another key", elsewhere),
        ("another bucket", other_bucket),
        ("expired", expired),
        ("a field without a condition", form().field("x-amz-meta-more", "x")),
        ("no conditions", empty),
        (
            "another value",
            form()
                .field("Content-Type", "text/html")
                .condition("[\"eq\", \"$Content-Type\", \"text/plain\"]"),
        ),
    ] {
        refused(&client, what, &form.send(b"new"), 403, "AccessDenied");
    }
    for (range, file, code) in [
        ("[\"content-length-range\", 0, 9]", content(1, 10), "EntityTooLarge"),
        ("[\"content-length-range\", 0, 9437184]", content(1, 12 * MIB), "EntityTooLarge"),
        ("[\"content-length-range\", 10, 99]", content(1, 9), "EntityTooSmall"),
        ("[\"content-length-range\", 20000000, 30000000]", content(1, 12 * MIB), "EntityTooSmall"),
    ] {
        refused(&client, range, &form().condition(range).send(&file), 400, code);
    }
    let mut malformed = form();
    malformed.conditions.push("[\"matches\", \"$key\", \"\"]".to_owned());
    refused(&client, "an unknown condition", &malformed.send(b"new"), 400, "InvalidPolicyDocument");
}

/// A signature by nobody, by somebody who may not write there, of another policy, or none.
#[test]
fn p2_forms_that_nobody_signed() {
    let (proxy, client) = lab();
    let unsigned = Form::new(&client, BUCKET, KEY);
    refused(&client, "unsigned", &unsigned.send_as_is(b"new"), 403, "AccessDenied");
    for who in [NOBODY, READER] {
        let form = Form::new(&proxy.client_of(who), BUCKET, KEY);
        refused(&client, who.0, &form.send(b"new"), 403, "AccessDenied");
    }
    let stranger = Client { access_key: "AKIASTRANGER".to_owned(), ..client.clone() };
    refused(
        &client,
        "a stranger",
        &Form::new(&stranger, BUCKET, KEY).send(b"new"),
        403,
        "InvalidAccessKeyId",
    );
    let guess = Client { secret: "guess".to_owned(), ..client.clone() };
    refused(&client, "a guess", &Form::new(&guess, BUCKET, KEY).send(b"new"), 403, "SignatureDoesNotMatch");
    // The policy of another form.
    let mut swapped = Form::new(&client, BUCKET, KEY).signed();
    let wider = Form::new(&client, BUCKET, KEY).condition("[\"starts-with\", \"$x\", \"\"]").signed();
    for (field, other) in
        swapped.fields.iter_mut().zip(&wider.fields).filter(|(field, _)| field.0 == "policy")
    {
        field.1.clone_from(&other.1);
    }
    refused(&client, "another policy", &swapped.send_as_is(b"new"), 403, "SignatureDoesNotMatch");
    // A request's signature beside the form's: which of the two counts would be anybody's guess.
    let form = Form::new(&client, BUCKET, KEY).signed();
    let body = form.body(b"new");
    let authorization = [("Authorization", "AWS4-HMAC-SHA256 Credential=x")];
    let response = form.post(&body, &authorization);
    assert_eq!(response.status, 400, "{}", response.text());
    refused(&client, "two signatures", &response, 400, &response.code());
}

/// Whoever sends fields that another reader would take for others.
#[test]
fn p2_forms_that_can_be_read_in_two_ways() {
    let (_proxy, client) = lab();
    let form = || Form::new(&client, BUCKET, KEY).signed();
    let whole = form().body(b"new");
    let end = format!("--{BOUNDARY}--\r\n");
    let without_end = whole[..whole.len() - end.len()].to_vec();
    let with = |rest: &[&[u8]]| [&[without_end.as_slice()], rest].concat().concat();
    let file = || part("name=\"file\"; filename=\"b\"", b"other");
    for (what, body, code) in [
        ("two keys", form().field("key", "other").body(b"new"), "InvalidArgument"),
        ("two keys, by case", form().field("Key", "other").body(b"new"), "InvalidArgument"),
        ("two policies", form().field("policy", "e30=").body(b"new"), "InvalidArgument"),
        ("two files", with(&[&file(), end.as_bytes()]), "IncorrectNumberOfFilesInPostRequest"),
        ("a key after the file", with(&[&part("name=\"key\"", b"other"), end.as_bytes()]), "InvalidArgument"),
        (
            "no file",
            [part("name=\"key\"", KEY.as_bytes()), end.as_bytes().to_vec()].concat(),
            "IncorrectNumberOfFilesInPostRequest",
        ),
        ("no end", without_end.clone(), "IncompleteBody"),
        ("two names", part("name=\"key\"; name=\"x\"", b"v"), "MalformedPOSTRequest"),
    ] {
        let response = form().post(&body, &[]);
        assert_eq!(response.code(), code, "{what}: {}", response.text());
        refused(&client, what, &response, 400, code);
    }
    // A boundary that is not at the beginning of a line is content.
    let inner = format!("x--{BOUNDARY}--\r\nContent-Disposition: form-data; name=\"key\"\r\n\r\nother");
    assert_eq!(form().send_as_is(inner.as_bytes()).status, 204);
    assert_eq!(client.get(BUCKET, KEY).body, inner.as_bytes());
    assert_eq!(client.keys(BUCKET, ""), [KEY]);
}

/// Fields that mean something for an artifact mean the same here; what is Hallmark's own is not taken from anybody.
#[test]
fn p2_fields_are_checked_as_headers_are() {
    let (proxy, client) = lab();
    let any = |name: &str| format!("[\"starts-with\", \"${name}\", \"\"]");
    let with = |bucket: &str, name: &str, value: &str| {
        Form::new(&client, bucket, KEY).field(name, value).condition(&any(name))
    };
    let crc = checksum("crc32", b"other");
    let wrong = with(BUCKET, "x-amz-checksum-crc32", &crc).send(b"new");
    refused(&client, "another checksum", &wrong, 400, "BadDigest");
    let wrong = with(BUCKET, "Content-MD5", &checksum("md5", b"other")).send(b"new");
    refused(&client, "another MD5", &wrong, 400, "BadDigest");
    for name in ["x-amz-copy-source", "x-amz-object-lock-mode", "if-none-match", "x-amz-unknown"] {
        let response = with(BUCKET, name, "x").send(b"new");
        refused(&client, name, &response, 501, "NotImplemented");
    }
    refused(&client, "public", &with(BUCKET, "acl", "public-read").send(b"new"), 501, "NotImplemented");
    let look_alike = Form::new(&client, BUCKET, KEY).send(b"DSSEv1 28 application/vnd.in-toto+json 2 {}");
    refused(&client, "a statement", &look_alike, 400, "InvalidRequest");

    // The destination's rule.
    let header = "x-amz-meta-hallmark-signature";
    let (good, other) = (proxy.site.signature("ci", b"signed"), proxy.site.signature("other", b"signed"));
    for (form, code) in [
        (Form::new(&client, SIGNED, KEY), "ArtifactSignatureMissing"),
        (with(SIGNED, header, &other), "ArtifactSignerUntrusted"),
    ] {
        let response = form.send(b"signed");
        assert_eq!((response.status, response.code().as_str()), (403, code), "{}", response.text());
        assert_eq!(client.get(SIGNED, KEY).status, 404);
    }
    let posted = with(SIGNED, header, &good).send(b"signed");
    assert_eq!(posted.status, 204, "{}", posted.text());
    assert_eq!(client.get(SIGNED, KEY).header("x-hallmark-verified"), Some("seal,ci"));

    let seal = client.head(BUCKET, KEY).header("x-amz-meta-hallmark").unwrap().to_owned();
    let posted = with(BUCKET, "x-amz-meta-hallmark", &seal).send(b"new");
    assert_eq!(posted.status, 204, "{}", posted.text());
    assert_ne!(client.head(BUCKET, KEY).header("x-amz-meta-hallmark"), Some(seal.as_str()));
}

/// The policy is judged before the file is looked at: whoever must not send it is told before he has.
#[test]
fn p7_policies_are_judged_before_the_file_comes() {
    let (proxy, client) = lab();
    for (form, code) in [
        (Form::new(&client, BUCKET, KEY), "AccessDenied"),
        (Form::new(&proxy.client_of(READER), BUCKET, KEY).signed(), "AccessDenied"),
        (
            Form::new(&Client { secret: "guess".to_owned(), ..client.clone() }, BUCKET, KEY).signed(),
            "SignatureDoesNotMatch",
        ),
    ] {
        let body = form.body(b"");
        // All but the end of the file, of which a GiB is said to follow.
        let begin = &body[..body.len() - format!("\r\n--{BOUNDARY}--\r\n").len()];
        let request = client
            .request("POST", &format!("/{BUCKET}"))
            .header("Content-Type", format!("multipart/form-data; boundary={BOUNDARY}"))
            .header("Content-Length", (1 << 30).to_string());
        let mut connection = Connection::open(client.address);
        connection.send(&request.head());
        connection.send(begin);
        let response = connection.response(Asked::Other);
        refused(&client, "before the file", &response, 403, code);
    }
}

/// A form that breaks off, wherever, makes nothing.
#[test]
fn p2_forms_that_break_off() {
    let (_proxy, client) = lab();
    let form = Form::new(&client, BUCKET, KEY).signed();
    let body = form.body(&content(1, 12 * MIB));
    for sent in [10, 3000, body.len() / 2, body.len() - 30, body.len() - 3] {
        let request = client
            .request("POST", &format!("/{BUCKET}"))
            .header("Content-Type", format!("multipart/form-data; boundary={BOUNDARY}"))
            .header("Content-Length", body.len().to_string());
        let mut connection = Connection::open(client.address);
        connection.send(&request.head());
        connection.send(&body[..sent]);
        connection.finish();
        let response = connection.response(Asked::Other);
        assert!(response.status == 0 || response.status >= 400, "{sent}: {}", response.text());
        assert_eq!(client.get(BUCKET, KEY).body, OLD, "{sent}");
    }
}
