//! Uploads before the embedded store.

mod listings;
mod parts;
mod readback;

use hallmark_signer::SIGNATURE_HEADER;

use super::testing::{Site, code, new_upload, number, object, payload};
use super::{Marker, names};
use crate::s3::error::Code;
use crate::store::{Guard, LegalHold, Lock};

#[tokio::test]
async fn an_upload_is_found_by_its_client_for_its_object_on_every_instance() {
    let site = Site::new().await;
    let mut new = new_upload("a key");
    new.headers.insert("content-type", "text/plain").unwrap();
    let marker = site.gate.create_upload(new, "ci").await.unwrap();
    let id = marker.id.as_str();
    for gate in [&site.gate, &site.another()] {
        assert_eq!(gate.find_upload(&object("bbb", "a key"), id, "ci").await.unwrap(), marker);
        for (bucket, key, client) in
            [("ccc", "a key", "ci"), ("bbb", "a kez", "ci"), ("bbb", "a key", "cj"), ("bbb", "a key", "-")]
        {
            assert_eq!(code(gate.find_upload(&object(bucket, key), id, client).await), Code::NoSuchUpload);
        }
        let other = gate.find_upload(&object("bbb", "a key"), &id.replace(&id[..1], "B"), "ci").await;
        assert_eq!(code(other), Code::NoSuchUpload);
    }
}

#[tokio::test]
async fn what_cannot_become_an_object_is_not_begun() {
    let site = Site::new().await;
    let mut elsewhere = new_upload("k");
    elsewhere.object = object("none", "k");
    assert_eq!(code(site.gate.create_upload(elsewhere, "ci").await), Code::NoSuchBucket);
    let mut signed = new_upload("k");
    signed.headers.insert(SIGNATURE_HEADER, "not a signature").unwrap();
    assert_eq!(code(site.gate.create_upload(signed, "ci").await), Code::InvalidArgument);
    let mut locked = new_upload("k");
    locked.lock = Lock { retention: None, legal_hold: Some(LegalHold::On) };
    assert_eq!(code(site.gate.create_upload(locked, "ci").await), Code::InvalidRequest);
    assert!(site.scratch().await.is_empty());
}

#[tokio::test]
async fn nothing_is_left_of_an_upload_that_was_aborted() {
    let site = Site::new().await;
    let (marker, other) = (site.create("k").await, site.create("k").await);
    for n in 1..=3 {
        site.gate.upload_part(&marker, number(n), payload(b"part", &[])).await.unwrap();
        site.gate.upload_part(&other, number(n), payload(b"part", &[])).await.unwrap();
    }
    site.another().abort_upload(&marker).await.unwrap();
    let find = site.gate.find_upload(&marker.object, marker.id.as_str(), "ci").await;
    assert_eq!(code(find), Code::NoSuchUpload);
    let late = site.gate.upload_part(&marker, number(4), payload(b"part", &[])).await;
    assert_eq!(code(late), Code::NoSuchUpload, "a part that was on its way");
    let left = site.scratch().await;
    assert!(left.iter().all(|name| !name.contains(&marker.id.short()) && !name.contains(marker.id.as_str())));
    assert_eq!(site.records(&other).await.len(), 3, "another upload to the same key stays");
    site.gate.abort_upload(&other).await.unwrap();
    assert!(site.scratch().await.is_empty());
}

#[tokio::test]
async fn a_marker_that_the_store_exchanged_is_no_upload() {
    let site = Site::new().await;
    let (one, two) = (site.create("one").await, site.create("two").await);
    let find = async |marker: &Marker| site.gate.find_upload(&marker.object, marker.id.as_str(), "ci").await;
    let value = two.encode(&site.gate.multipart.keys).unwrap();
    site.store.state_put(&one.name(), value.clone(), Guard::Any).await.unwrap();
    assert_eq!(code(find(&one).await), Code::NoSuchUpload);
    assert_eq!(find(&two).await.unwrap(), two);
    site.store.state_put(&two.name(), value.slice(1..), Guard::Any).await.unwrap();
    assert_eq!(code(find(&two).await), Code::NoSuchUpload);
    site.store.state_put(&two.name(), bytes::Bytes::new(), Guard::Any).await.unwrap();
    assert_eq!(code(find(&two).await), Code::NoSuchUpload);
    assert_eq!(two.name(), names::marker(&two.object, "ci", &two.id));
}
