//! Over Garage: one node, or three of which some are down.

use hallmark_tests::stores::{Account, Kind, Nodes};

use super::fleet::{BUCKET, Fleet};
use super::{restarts, sharing};

fn fleet(number: usize) -> Fleet {
    Fleet::start(number, Account::new(Kind::Garage))
}

#[test]
fn p6_two_instances_share_everything() {
    let fleet = fleet(2);
    sharing::uploads_are_visible_everywhere(&fleet);
    sharing::uploads_in_parts_wander(&fleet);
    sharing::one_writes_last(&fleet);
}

#[test]
fn p6_a_rolling_restart_under_load() {
    restarts::nothing_acknowledged_is_lost(fleet(2));
}

/// What it cannot do atomically is not done at all.
#[test]
fn conditions_are_refused() {
    let fleet = fleet(1);
    let client = fleet.client(0);
    let put = client.put_with(BUCKET, "key", b"x", &[("If-None-Match", "*")]);
    assert_eq!((put.status, put.code().as_str()), (501, "NotImplemented"), "{}", put.text());
    assert_eq!(client.get(BUCKET, "key").status, 404);
}

/// One of three nodes down is nothing; without a majority everything is refused, and comes back with it.
#[test]
fn p4_nodes_go_down_and_come_back() {
    let nodes = Nodes::start(3);
    let fleet = Fleet::start(2, nodes.account());
    let client = fleet.client(1);
    let large = hallmark_tests::data::content(1, 9 << 20);
    for (key, body) in [("small", &large[..1000]), ("large", &large)] {
        assert_eq!(client.put(BUCKET, key, body).status, 200, "{key}");
    }
    let upload = client.create_upload(BUCKET, "parts", &[]);
    let part = upload.send_part(1, &large[..70_000]);

    nodes.kill(3);
    for (key, body) in [("small", &large[..1000]), ("large", &large)] {
        assert_eq!(client.get(BUCKET, key).body, body, "{key}");
        assert_eq!(client.put(BUCKET, "more", body).status, 200, "{key}");
    }
    assert_eq!(client.keys(BUCKET, ""), ["large", "more", "small"]);

    nodes.kill(2);
    let document = &large[..1000];
    for (what, response) in [
        ("GET", client.get(BUCKET, "small")),
        ("HEAD", client.head(BUCKET, "small")),
        ("PUT", client.put(BUCKET, "small", b"other")),
        ("large PUT", client.put(BUCKET, "large", &large[1..])),
        ("list", client.list(BUCKET, "list-type=2")),
        ("copy", client.copy((BUCKET, "small", None), BUCKET, "copy", &[])),
        ("delete", client.delete(BUCKET, "small")),
        ("part", upload.part(2, document)),
    ] {
        assert!([503, 504].contains(&response.status), "{what}: {} {}", response.status, response.text());
    }

    nodes.resume(2);
    assert_eq!(client.get(BUCKET, "large").body, large);
    let done = hallmark_tests::s3::completed(&upload.complete(&[part]));
    assert!(done.is_ok(), "{done:?}");
    assert_eq!(client.get(BUCKET, "parts").body, &large[..70_000]);
    for body in [&b"again"[..], &large] {
        assert_eq!(client.put(BUCKET, "small", body).status, 200);
        assert_eq!(client.get(BUCKET, "small").body, body);
    }
}
