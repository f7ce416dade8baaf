//! New seals for what a real store held before.

use std::sync::Arc;

use hallmark_tests::command::{Ran, Sandbox};
use hallmark_tests::data::{MIB, assert_same, content};
use hallmark_tests::proxy::{Proxy, program};
use hallmark_tests::site::{Engine, Options, Remote, SIGNED, Site};
use hallmark_tests::stores::{Account, Kind};

const HEADER: &str = "x-amz-meta-hallmark-signature";

fn ran(site: &Site, command: &str) -> Ran {
    let config = site.config_file().display().to_string();
    let sandbox = Sandbox::new("127.0.0.1:1".parse().unwrap());
    sandbox.run(program("hallmark-proxy"), &[command, &config, "s3://signed"])
}

/// Small objects and large ones, put there without Hallmark, are adopted in place while a proxy runs, and sealed anew
/// after a leak.
pub(super) fn is_adopted_and_sealed_anew(kind: Kind) {
    let store = Engine::S3(Remote::new(Account::new(kind)));
    let site = Arc::new(Site::new(&Options { store, ..Options::nothing_kept() }));
    let direct = site.account().unwrap().client();
    direct.create_bucket(SIGNED);
    let bodies = [("small", content(1, 1000)), ("large", content(2, 9 * MIB + 5)), ("empty", Vec::new())];
    for (key, body) in &bodies {
        let signature = site.signature("ci", body);
        let headers = [(HEADER, signature.as_str()), ("content-type", "text/html")];
        let put = direct.put_with(SIGNED, key, body, &headers);
        assert_eq!(put.status, 200, "{}", put.text());
    }
    // None of these is proven; two of them no client can ask for.
    for key in ["evil", "small/../good", "y/."] {
        let signature = site.signature("ci", b"good");
        let headers = if key == "evil" { vec![] } else { vec![(HEADER, signature.as_str())] };
        assert_eq!(direct.put_with(SIGNED, key, b"good", &headers).status, 200, "{key}");
    }

    let proxy = Proxy::start_at(Arc::clone(&site));
    let served = |proxy: &Proxy, op: &str| {
        for (key, body) in &bodies {
            let got = proxy.client().get(SIGNED, key);
            assert_eq!(got.status, 200, "{key}: {}", got.text());
            assert_same(&got.body, body, key);
            assert!(got.header("x-amz-meta-hallmark").unwrap().contains(&format!(" op={op} ")));
            assert_eq!(got.header("content-type"), Some("binary/octet-stream"));
        }
        assert_eq!(proxy.client().get(SIGNED, "evil").code(), "ArtifactUnsealed");
    };
    assert_eq!(proxy.client().get(SIGNED, "small").code(), "ArtifactUnsealed");
    let adopted = ran(&site, "adopt");
    assert_eq!(adopted.status.code(), Some(3), "{}", adopted.bad());
    let said = adopted.bad();
    for line in [
        "problem  s3://signed/small/../good: no S3 client can ask",
        "problem  s3://signed/y/.: no S3 client can ask",
        "objects          6\n",
        "problems         3\n",
    ] {
        assert!(said.contains(line), "{said}");
    }
    served(&proxy, "adopt");

    site.make_key("next");
    site.edit_config(|text| text.replace("key_file = \"seal.key\"", "key_file = \"next.key\""));
    assert!(proxy.reload());
    assert_eq!(proxy.client().get(SIGNED, "large").code(), "ArtifactSealInvalid");
    let resealed = ran(&site, "reseal");
    assert_eq!(resealed.status.code(), Some(3), "{}", resealed.bad());
    served(&proxy, "reseal");
}
