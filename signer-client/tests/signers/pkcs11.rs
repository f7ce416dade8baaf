//! Keys in tokens: SoftHSM.

use super::Bench;

const MODULE: &str = "/usr/lib/softhsm/libsofthsm2.so";
const PIN: &str = "271828";

/// A bench with a token `releases`.
fn bench() -> Bench {
    let mut bench = Bench::new();
    assert!(
        std::path::Path::new(MODULE).is_file(),
        "this test needs {MODULE} (Debian: softhsm2, opensc; tests/run installs them)"
    );
    std::fs::create_dir(bench.path("tokens")).unwrap();
    bench.write("softhsm2.conf", format!("directories.tokendir = {}\n", bench.path("tokens").display()));
    bench.set("SOFTHSM2_CONF", bench.path("softhsm2.conf").display().to_string());
    let arguments = ["--init-token", "--free", "--label", "releases", "--so-pin", "314159", "--pin", PIN];
    bench.good("softhsm2-util", &arguments);
    bench
}

/// Makes a key in the token.
fn key(bench: &Bench, kind: &str, label: &str, id: &str) {
    let token = ["--module", MODULE, "--token-label", "releases", "--login", "--pin", PIN];
    let make = ["--keypairgen", "--key-type", kind, "--label", label, "--id", id, "--usage-sign"];
    bench.good("pkcs11-tool", &[token, make[..7].try_into().unwrap()].concat());
}

#[test]
fn keys_in_a_token_sign() {
    let mut bench = bench();
    key(&bench, "EC:prime256v1", "ci", "01");
    let uri = format!("pkcs11:token=releases;object=ci;type=private?module-path={MODULE}");
    bench.write("pin", format!("{PIN}\n"));
    bench.signs(&format!("{uri}&pin-source=file:{}", bench.path("pin").display()));
    bench.set("HALLMARK_PIN", PIN);
    bench.signs(&uri);
    bench.set("HALLMARK_PKCS11_MODULE", MODULE);
    bench.signs("pkcs11:id=%01");
    // Its public key is what the token's own tool says it is.
    let read =
        ["--module", MODULE, "--token-label", "releases", "--read-object", "--type", "pubkey", "--id", "01"];
    bench.good("pkcs11-tool", &[&read[..], &["--output-file", "token.der"]].concat());
    let pem = bench.good("openssl", &["pkey", "-pubin", "-inform", "DER", "-in", "token.der", "-pubout"]);
    assert_eq!(pem, bench.good("hallmark", &["public-key", "--signer", "pkcs11:id=%01"]));
}

#[test]
fn what_is_not_meant_or_not_fit_is_refused() {
    let mut bench = bench();
    for (kind, label, id) in [
        ("EC:prime256v1", "twin", "01"),
        ("EC:prime256v1", "twin", "02"),
        ("EC:secp384r1", "large", "03"),
        ("RSA:2048", "rsa", "04"),
    ] {
        key(&bench, kind, label, id);
    }
    bench.set("HALLMARK_PKCS11_MODULE", MODULE);
    let signer = |uri: &'static str| ["sign", "--signer", uri, "app.tar"];
    bench.bad(&signer("pkcs11:token=releases;id=%01"), 2, "", "HALLMARK_PIN");
    bench.set("HALLMARK_PIN", PIN);
    bench.bad(&signer("pkcs11:object=twin"), 2, "several private keys", "id=");
    bench.bad(&signer("pkcs11:object=large"), 2, "not on P-256", "");
    bench.bad(&signer("pkcs11:object=rsa"), 2, "not one on P-256", "");
    bench.bad(&signer("pkcs11:object=nobody"), 2, "no private key", "--list-objects");
    bench.bad(&signer("pkcs11:token=other;id=%01"), 2, "no token `other`", "`releases`");
    bench.bad(&signer("pkcs11:id=%01?module-path=/nowhere.so"), 2, "/nowhere.so", "module-path");
    bench.signs("pkcs11:object=twin;id=%02");
    bench.set("HALLMARK_PIN", "000000");
    bench.bad(&signer("pkcs11:token=releases;id=%01"), 2, "refuses the PIN", "lock");
}
