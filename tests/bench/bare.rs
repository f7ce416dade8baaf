//! A hyper server that does nothing but HTTP: `PUT` reads the body and forgets it, `GET` answers from memory. It knows
//! no signatures, hashes nothing and touches no disk.

use std::convert::Infallible;

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;

use crate::load::Contents;

/// Serves until it is killed. Prints its address when it takes connections.
pub(crate) async fn serve() {
    let contents = Contents::make();
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port can be bound");
    println!("listening on http://{}", listener.local_addr().expect("it has an address"));
    loop {
        let (stream, _) = listener.accept().await.expect("connections can be accepted");
        stream.set_nodelay(true).expect("an open socket has options");
        let contents = contents.clone();
        tokio::spawn(async move {
            let service = service_fn(|request| answer(request, &contents));
            // A client that goes away is no matter.
            let _ = hyper::server::conn::http1::Builder::new()
                .serve_connection(TokioIo::new(stream), service)
                .await;
        });
    }
}

async fn answer(
    request: Request<Incoming>,
    contents: &Contents,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let (parts, mut body) = request.into_parts();
    if parts.method == Method::GET {
        let found = contents.of_target(parts.uri.path()).cloned();
        let status = if found.is_some() { StatusCode::OK } else { StatusCode::NOT_FOUND };
        let mut response = Response::new(Full::new(found.unwrap_or_default()));
        *response.status_mut() = status;
        return Ok(response);
    }
    while let Some(Ok(_)) = body.frame().await {}
    Ok(Response::new(Full::default()))
}
