//! A download that does not reach its end looks like a failure, whatever ended it.

use hallmark_tests::data::{MIB, content};
use hallmark_tests::proxy::Proxy;
use hallmark_tests::raw::{Connection, End};
use hallmark_tests::s3::object;

const BUCKET: &str = "artifacts";

/// The kernel closes the sockets of a process that is gone: by then it must know how.
#[test]
fn p1_a_killed_proxy_resets_its_downloads() {
    let mut proxy = Proxy::start();
    let client = proxy.client();
    client.create_bucket(BUCKET);
    // More than all buffers between the two hold.
    assert_eq!(client.put(BUCKET, "key", &content(1, 64 * MIB)).status, 200);
    let mut request = client.request("GET", &object(BUCKET, "key"));
    client.signer().sign_body(&mut request);
    let mut connection = Connection::open(client.address);
    connection.send(&request.head());
    assert_eq!(connection.head().0, 200);
    proxy.kill();
    assert_eq!(connection.drain(), End::Reset);
}
