//! What the store would refuse when all of it was sent is refused at once.

use hallmark_tests::raw::{Asked, Connection};
use hallmark_tests::s3::object;
use hallmark_tests::sigv4::UNSIGNED;

use super::lab::{BUCKET, Lab};

/// What one PUT into an S3 store holds, bytes.
const MOST: u64 = 5 << 30;

/// Of the body nothing is sent, and nothing is asked of the store.
pub(super) fn more_than_the_store_takes(lab: &Lab) {
    let length = (MOST + 1).to_string();
    let mut request = lab.client.request("PUT", &object(BUCKET, "long")).header("Content-Length", length);
    lab.client.signer().sign(&mut request, UNSIGNED);
    lab.fault.take_calls();
    let mut connection = Connection::open(lab.client.address);
    connection.send(&request.head());
    let response = connection.response(Asked::Other);
    assert_eq!((response.status, response.code().as_str()), (400, "EntityTooLarge"), "{}", response.text());
    assert!(response.element("Message").contains("upload it in parts"), "{}", response.text());
    // Left-overs may be looked for meanwhile, elsewhere.
    let asked: Vec<_> = lab.fault.take_calls().into_iter().map(|call| call.name).collect();
    assert!(!asked.iter().any(|name| name.ends_with("/long")), "{asked:?}");
}
