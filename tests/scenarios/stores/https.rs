//! A store over TLS, which only an authority of its own vouches for. (What becomes of one that turns into somebody else is in
//! `faults::tls`.)

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use hallmark_tests::command::Sandbox;
use hallmark_tests::data::{MIB, assert_same, content};
use hallmark_tests::fault::Certificate;
use hallmark_tests::proxy::{Options, Proxy, program};
use hallmark_tests::s3::completed;
use hallmark_tests::site::{Engine, Remote, Site};
use hallmark_tests::stores::{Account, Kind, OverTls};

const BUCKET: &str = "artifacts";

/// A deployment that reaches the store there, and trusts this authority, or those that everybody trusts.
fn options(over: &OverTls, authority: Option<&Path>) -> Options {
    let lines = authority.map(|file| format!("ca_file = {file:?}")).unwrap_or_default();
    let account = Arc::new(Account::new(Kind::Rgw));
    Options {
        store: Engine::S3(Remote { account, endpoint: over.endpoint.clone(), lines }),
        ..Options::default()
    }
}

/// Every kind of request that the hot path and the SDK make.
pub(super) fn all_ways(over: &OverTls) {
    let proxy = Proxy::start_with(&options(over, Some(&over.authority)));
    let client = proxy.client();
    client.create_bucket(BUCKET);
    for (key, length) in [("small", 1000), ("large", 9 * MIB + 5)] {
        let body = content(length, length);
        let put = client.put(BUCKET, key, &body);
        assert_eq!(put.status, 200, "{key}: {}", put.text());
        assert_same(&client.get(BUCKET, key).body, &body, key);
        assert_same(&client.get_range(BUCKET, key, "bytes=-100").body, &body[body.len() - 100..], key);
        let copy = client.copy((BUCKET, key, None), BUCKET, &format!("{key}-copy"), &[]);
        assert_eq!(copy.status, 200, "{key}: {}", copy.text());
        assert_same(&client.get(BUCKET, &format!("{key}-copy")).body, &body, key);
    }
    let parts = [content(1, 5 * MIB), content(2, 100)];
    let made = client.put_parts(BUCKET, "parts", &[&parts[0], &parts[1]], &[]);
    assert!(completed(&made).is_ok(), "{}", made.text());
    let whole = client.get(BUCKET, "parts");
    assert_same(&whole.body, &parts.concat(), "parts");
    assert_eq!(whole.header("x-hallmark-verified"), Some("seal"));
    assert_eq!(client.keys(BUCKET, ""), ["large", "large-copy", "parts", "small", "small-copy"]);
    assert_eq!(client.delete(BUCKET, "parts").status, 204);
    assert_eq!(client.head(BUCKET, "parts").status, 404);
}

/// Neither where a file names another authority, nor where none is named.
pub(super) fn by_another_authority_nothing_starts(over: &OverTls) {
    let stranger = Certificate::of("IP:127.0.0.1");
    let sandbox = Sandbox::new(SocketAddr::from(([127, 0, 0, 1], 1)));
    for authority in [Some(stranger.authority()), None] {
        let site = Site::new(&options(over, authority.as_deref()));
        let file = site.config_file();
        for arguments in
            [vec!["check-store".as_ref(), file.as_os_str()], vec!["--config".as_ref(), file.as_os_str()]]
        {
            let said = sandbox.run(program("hallmark-proxy"), &arguments).bad();
            for words in ["certificate", "ca_file"] {
                assert!(said.contains(words), "{arguments:?} does not say {words:?}: {said}");
            }
            assert!(!said.contains("listening"), "{said}");
        }
    }
    // With the right one, the same starts.
    sandbox
        .run(
            program("hallmark-proxy"),
            &[
                "check-store".as_ref(),
                Site::new(&options(over, Some(&over.authority))).config_file().as_os_str(),
            ],
        )
        .good();
}
