//! Over the independent server `s3s-fs` in this process: it was written by others, and so understands requests as others
//! do. What is not among the checks here it cannot keep: its writes and reads of one key mix, its conditions race, keys are
//! paths, parts are listed without their ETags, and it has no versions, no tags and no locks.

use std::net::SocketAddr;

use hyper::server::conn::http1;
use hyper_util::rt::TokioIo;
use s3s::auth::SimpleAuth;
use s3s::service::S3ServiceBuilder;
use s3s_fs::FileSystem;
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::runtime::Runtime;

const ACCESS_KEY: &str = "key-of-the-store";
const SECRET: &str = "secret-of-the-store";

/// A server that ends when this is dropped.
struct Server {
    address: SocketAddr,
    _files: TempDir,
    _runtime: Runtime,
}

impl Server {
    fn start() -> Self {
        let files = tempfile::tempdir().unwrap();
        let mut service = S3ServiceBuilder::new(FileSystem::new(files.path()).unwrap());
        service.set_auth(SimpleAuth::from_single(ACCESS_KEY, SECRET));
        let service = service.build();
        let runtime = Runtime::new().unwrap();
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
        let address = listener.local_addr().unwrap();
        runtime.spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let service = service.clone();
                tokio::spawn(async move {
                    // A client that goes away is none of its business.
                    let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
                });
            }
        });
        Self { address, _files: files, _runtime: runtime }
    }
}

mod conformance {
    use super::super::conformance::{a_test_each, at};
    use super::{ACCESS_KEY, SECRET, Server};

    fn check(name: &str) {
        let server = Server::start();
        let credentials =
            format!("[default]\naws_access_key_id = {ACCESS_KEY}\naws_secret_access_key = {SECRET}\n");
        at(format!("http://{}", server.address), &credentials, name);
    }

    a_test_each! {
        objects: replaced_and_deleted many_are_deleted_at_once an_unfinished_body_stores_nothing
            a_dropped_put_stores_nothing;
        guards: absent matches deletes;
        races: nobody_waits_for_a_body;
        lists: a_marker_that_is_a_rolled_up_prefix_skips_it entries_say_what_was_put;
        state: round_trips_and_spans areas_are_apart;
        versions: a_bucket_keeps_none_at_first;
    }
}
