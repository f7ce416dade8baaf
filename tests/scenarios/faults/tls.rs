//! Over TLS: nothing is sent to whoever cannot show that it is the store.

use std::sync::Arc;

use hallmark_tests::fault::{Certificate, FaultProxy};
use hallmark_tests::proxy::Proxy;
use hallmark_tests::stores::Account;

use super::lab::{BUCKET, IMPATIENT, options};

const NAME: &str = "IP:127.0.0.1";

/// A store turns into somebody else while the proxy runs, and back.
pub(super) fn who_cannot_show_what_it_is_gets_nothing(account: Account) {
    let certificate = Certificate::of(NAME);
    let mut fault = FaultProxy::start_tls(account.address(), &certificate);
    let account = Arc::new(account);
    let lines = format!("{IMPATIENT}\nca_file = {:?}", certificate.authority());
    let proxy = Proxy::start_with(&options(&account, fault.endpoint(), &lines));
    let client = proxy.client();
    client.create_bucket(BUCKET);
    assert_eq!(client.put(BUCKET, "key", b"over TLS").status, 200);

    let stranger = Certificate::of(NAME);
    for (what, other) in [("plain HTTP", None), ("an authority that nobody trusts", Some(&stranger))] {
        fault.speak(other);
        fault.take_calls();
        for (action, response) in [
            ("GET", client.get(BUCKET, "key")),
            ("PUT", client.put(BUCKET, "key", b"other")),
            ("list", client.list(BUCKET, "list-type=2")),
            ("delete", client.delete(BUCKET, "key")),
        ] {
            assert_eq!(
                (response.status, response.code().as_str()),
                (503, "ServiceUnavailable"),
                "{what}, {action}: {}",
                response.text()
            );
        }
        assert!(fault.take_calls().is_empty(), "{what}: a request was sent");
    }
    fault.speak(Some(&certificate));
    assert_eq!(client.get(BUCKET, "key").body, b"over TLS");
}
