//! An object store in memory that speaks as much S3 as a proxy in front of it needs, and is as cheap as hyper allows: what
//! the proxies are measured before. It checks no signature and hashes nothing; its ETags are numbers.

use std::collections::{BTreeMap, HashMap};
use std::convert::Infallible;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use futures_util::stream;
use hallmark_tests::sigv4::encode;
use http::header::{CONTENT_LENGTH, CONTENT_RANGE, ETAG, LAST_MODIFIED};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, Full, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use md5::{Digest as _, Md5};
use tokio::net::TcpListener;

/// When everything was written.
const DATE: &str = "Sat, 01 Nov 2025 00:00:00 GMT";

type Answer = Response<UnsyncBoxBody<Bytes, Infallible>>;

/// Everything that is stored.
#[derive(Default)]
struct Origin {
    objects: Mutex<BTreeMap<String, Arc<Object>>>,
    uploads: Mutex<HashMap<String, Upload>>,
    next: AtomicU64,
}

/// Bytes as they came, with what is said of them.
struct Object {
    pieces: Vec<Bytes>,
    length: u64,
    etag: String,
    headers: HeaderMap,
}

#[derive(Default)]
struct Upload {
    name: String,
    headers: HeaderMap,
    parts: BTreeMap<u16, Arc<Object>>,
}

/// Serves until it is killed. Prints its address when it takes connections.
pub(crate) async fn serve() {
    let origin = Arc::new(Origin::default());
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port can be bound");
    println!("listening on http://{}", listener.local_addr().expect("it has an address"));
    loop {
        let (stream, _) = listener.accept().await.expect("connections can be accepted");
        stream.set_nodelay(true).expect("an open socket has options");
        let origin = origin.clone();
        tokio::spawn(async move {
            let service = service_fn(|request| async {
                Ok::<_, Infallible>(origin.answer(request).await.unwrap_or_else(error))
            });
            // A client that goes away is no matter.
            let _ = hyper::server::conn::http1::Builder::new()
                .serve_connection(TokioIo::new(stream), service)
                .await;
        });
    }
}

/// Names in queries that mean something here.
const KNOWN: [&str; 14] = [
    "continuation-token",
    "delimiter",
    "encoding-type",
    "fetch-owner",
    "key-marker",
    "list-type",
    "max-keys",
    "partNumber",
    "prefix",
    "start-after",
    "upload-id-marker",
    "uploadId",
    "uploads",
    "x-id",
];

/// What the query asks for.
struct Query(HashMap<String, String>);

impl Query {
    fn of(query: Option<&str>) -> Self {
        let decode = |text: &str| percent_encoding::percent_decode_str(text).decode_utf8_lossy().into_owned();
        let pairs = query.unwrap_or_default().split('&').filter(|pair| !pair.is_empty());
        Self(
            pairs
                .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
                .map(|(k, v)| (decode(k), decode(v)))
                .collect(),
        )
    }

    /// Whether all of it is among what this store has: it has no versions, tags or locks.
    fn is_known(&self) -> bool {
        self.0.iter().all(|(name, _)| KNOWN.contains(&name.as_str()))
    }

    fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }
}

impl Origin {
    async fn answer(&self, request: Request<Incoming>) -> Result<Answer, StatusCode> {
        let (parts, body) = request.into_parts();
        let path = percent_encoding::percent_decode_str(parts.uri.path()).decode_utf8_lossy();
        let name = path.trim_start_matches('/').trim_end_matches('/').to_owned();
        let is_bucket = !name.contains('/');
        let query = Query::of(parts.uri.query());
        if !query.is_known() {
            receive(body).await?;
            return Err(StatusCode::NOT_IMPLEMENTED);
        }
        match (parts.method, query.get("uploadId")) {
            (Method::GET, _) if is_bucket && query.get("uploads").is_some() => {
                Ok(self.list_uploads(&name, query.get("prefix").unwrap_or_default()))
            }
            (Method::GET, _) if is_bucket => Ok(self.list(&name, &query)),
            (Method::HEAD, _) if is_bucket => Ok(empty()),
            (Method::PUT | Method::DELETE, _) if is_bucket => {
                receive(body).await?;
                Ok(empty())
            }
            (Method::PUT, Some(id)) => {
                let number =
                    query.get("partNumber").and_then(|n| n.parse().ok()).ok_or(StatusCode::BAD_REQUEST)?;
                self.part(id, number, &parts.headers, body).await
            }
            (Method::GET, Some(id)) => self.list_parts(id),
            (Method::POST, Some(id)) => {
                receive(body).await?;
                self.complete(&name, id)
            }
            (Method::DELETE, Some(id)) => {
                lock(&self.uploads).remove(id);
                Ok(status(StatusCode::NO_CONTENT))
            }
            (Method::POST, None) if query.get("uploads").is_some() => Ok(self.create(&name, &parts.headers)),
            (Method::PUT, None) => self.put(name, &parts.headers, body).await,
            (Method::DELETE, None) => {
                lock(&self.objects).remove(&name);
                Ok(status(StatusCode::NO_CONTENT))
            }
            (Method::GET, None) => self.get(&name, &parts.headers, false),
            (Method::HEAD, None) => self.get(&name, &parts.headers, true),
            _ => Err(StatusCode::NOT_IMPLEMENTED),
        }
    }

    fn etag(&self) -> String {
        format!("{:032x}", self.next.fetch_add(1, Ordering::Relaxed))
    }

    async fn put(&self, name: String, headers: &HeaderMap, body: Incoming) -> Result<Answer, StatusCode> {
        if let Some(source) = headers.get("x-amz-copy-source") {
            return self.copy(name, source, headers);
        }
        let object = self.object(receive(body).await?, kept(headers));
        let mut objects = lock(&self.objects);
        let standing = objects.get(&name);
        let forbidden = headers.contains_key("if-none-match") && standing.is_some()
            || headers.get("if-match").is_some_and(|tag| {
                standing.is_none_or(|object| tag.as_bytes() != format!("\"{}\"", object.etag).as_bytes())
            });
        if forbidden {
            return Err(StatusCode::PRECONDITION_FAILED);
        }
        let answer = with_etag(empty(), &object.etag);
        objects.insert(name, Arc::new(object));
        Ok(answer)
    }

    fn copy(&self, name: String, source: &HeaderValue, headers: &HeaderMap) -> Result<Answer, StatusCode> {
        let source = percent_encoding::percent_decode(source.as_bytes()).decode_utf8_lossy();
        let mut objects = lock(&self.objects);
        let found = objects.get(source.trim_start_matches('/')).ok_or(StatusCode::NOT_FOUND)?.clone();
        let copy = Object {
            pieces: found.pieces.clone(),
            length: found.length,
            etag: found.etag.clone(),
            headers: kept(headers),
        };
        objects.insert(name, Arc::new(copy));
        Ok(xml(&format!(
            "<CopyObjectResult><ETag>\"{}\"</ETag><LastModified>2025-11-01T00:00:00.000Z</LastModified></CopyObjectResult>",
            found.etag
        )))
    }

    fn object(&self, (pieces, length): (Vec<Bytes>, u64), headers: HeaderMap) -> Object {
        Object { pieces, length, etag: self.etag(), headers }
    }

    fn create(&self, name: &str, headers: &HeaderMap) -> Answer {
        let id = self.etag();
        lock(&self.uploads).insert(
            id.clone(),
            Upload { name: name.to_owned(), headers: kept(headers), ..Upload::default() },
        );
        let (bucket, key) = name.split_once('/').unwrap_or_default();
        xml(&format!(
            "<InitiateMultipartUploadResult><Bucket>{bucket}</Bucket><Key>{key}</Key><UploadId>{id}</UploadId></InitiateMultipartUploadResult>"
        ))
    }

    async fn part(
        &self,
        id: &str,
        number: u16,
        headers: &HeaderMap,
        body: Incoming,
    ) -> Result<Answer, StatusCode> {
        if headers.contains_key("x-amz-copy-source") {
            return Err(StatusCode::NOT_IMPLEMENTED);
        }
        let part = self.object(receive(body).await?, HeaderMap::new());
        let etag = part.etag.clone();
        let mut uploads = lock(&self.uploads);
        uploads.get_mut(id).ok_or(StatusCode::NOT_FOUND)?.parts.insert(number, Arc::new(part));
        Ok(with_etag(empty(), &etag))
    }

    fn complete(&self, name: &str, id: &str) -> Result<Answer, StatusCode> {
        let upload = lock(&self.uploads).remove(id).ok_or(StatusCode::NOT_FOUND)?;
        let mut digest = Md5::new();
        let (mut pieces, mut length) = (Vec::new(), 0);
        for part in upload.parts.values() {
            digest.update(hex::decode(&part.etag).unwrap_or_default());
            pieces.extend(part.pieces.iter().cloned());
            length += part.length;
        }
        let etag = format!("{}-{}", hex::encode(digest.finalize()), upload.parts.len());
        let object = Object { pieces, length, etag: etag.clone(), headers: upload.headers };
        lock(&self.objects).insert(name.to_owned(), Arc::new(object));
        let (bucket, key) = name.split_once('/').unwrap_or_default();
        Ok(xml(&format!(
            "<CompleteMultipartUploadResult><Bucket>{bucket}</Bucket><Key>{key}</Key><ETag>\"{etag}\"</ETag></CompleteMultipartUploadResult>"
        )))
    }

    fn get(&self, name: &str, headers: &HeaderMap, head: bool) -> Result<Answer, StatusCode> {
        let object = lock(&self.objects).get(name).ok_or(StatusCode::NOT_FOUND)?.clone();
        let range = headers.get("range").and_then(|range| span(range, object.length));
        let (start, end) = range.unwrap_or((0, object.length));
        let body = if head {
            Full::default().boxed_unsync()
        } else if let [piece] = &object.pieces[..] {
            Full::new(piece.slice(start as usize..end as usize)).boxed_unsync()
        } else {
            let frames = slices(&object.pieces, start, end).into_iter().map(|piece| Ok(Frame::data(piece)));
            StreamBody::new(stream::iter(frames)).boxed_unsync()
        };
        let mut answer = with_etag(Response::new(body), &object.etag);
        answer.headers_mut().extend(object.headers.clone());
        answer.headers_mut().insert(CONTENT_LENGTH, (end - start).into());
        answer.headers_mut().insert(LAST_MODIFIED, HeaderValue::from_static(DATE));
        if range.is_some() {
            *answer.status_mut() = StatusCode::PARTIAL_CONTENT;
            let range = format!("bytes {start}-{}/{}", end.saturating_sub(1), object.length);
            answer
                .headers_mut()
                .insert(CONTENT_RANGE, HeaderValue::try_from(range).expect("it is visible ASCII"));
        }
        Ok(answer)
    }

    /// All on one page.
    fn list_uploads(&self, bucket: &str, prefix: &str) -> Answer {
        let mut text = format!(
            "<ListMultipartUploadsResult><Bucket>{bucket}</Bucket><IsTruncated>false</IsTruncated><EncodingType>url</EncodingType>"
        );
        for (id, upload) in lock(&self.uploads).iter() {
            let (of, key) = upload.name.split_once('/').unwrap_or_default();
            if of == bucket && key.starts_with(prefix) {
                let key = encode(key);
                text += &format!(
                    "<Upload><Key>{key}</Key><UploadId>{id}</UploadId><Initiated>2025-11-01T00:00:00.000Z</Initiated></Upload>"
                );
            }
        }
        xml(&(text + "</ListMultipartUploadsResult>"))
    }

    /// All on one page.
    fn list_parts(&self, id: &str) -> Result<Answer, StatusCode> {
        let uploads = lock(&self.uploads);
        let upload = uploads.get(id).ok_or(StatusCode::NOT_FOUND)?;
        let mut text = format!("<ListPartsResult><UploadId>{id}</UploadId><IsTruncated>false</IsTruncated>");
        for (number, part) in &upload.parts {
            text += &format!(
                "<Part><PartNumber>{number}</PartNumber><LastModified>2025-11-01T00:00:00.000Z</LastModified><ETag>\"{}\"</ETag><Size>{}</Size></Part>",
                part.etag, part.length
            );
        }
        Ok(xml(&(text + "</ListPartsResult>")))
    }

    /// ListObjectsV2, and of buckets nothing.
    fn list(&self, bucket: &str, query: &Query) -> Answer {
        if bucket.is_empty() {
            return xml(
                "<ListAllMyBucketsResult><Owner><ID>o</ID></Owner><Buckets></Buckets></ListAllMyBucketsResult>",
            );
        }
        let prefix = format!("{bucket}/{}", query.get("prefix").unwrap_or_default());
        let after = query.get("continuation-token").or(query.get("start-after"));
        let after = after.map(|after| format!("{bucket}/{after}"));
        let most: usize = query.get("max-keys").and_then(|n| n.parse().ok()).unwrap_or(1000);
        let objects = lock(&self.objects);
        let from = after.clone().filter(|after| *after > prefix).unwrap_or_else(|| prefix.clone());
        let mut found = objects
            .range(from..)
            .take_while(|(name, _)| name.starts_with(&prefix))
            .filter(|(name, _)| after.as_ref().is_none_or(|after| *name > after));
        let page: Vec<_> = found.by_ref().take(most).collect();
        let more = found.next().is_some();
        let encoded = query.get("encoding-type") == Some("url");
        let raw = |name: &str| {
            name.split_once('/').unwrap_or_default().1.replace('&', "&amp;").replace('<', "&lt;")
        };
        let key = |name: &str| {
            if encoded { encode(name.split_once('/').unwrap_or_default().1) } else { raw(name) }
        };
        let mut text = format!(
            "<ListBucketResult><Name>{bucket}</Name><KeyCount>{}</KeyCount><IsTruncated>{more}</IsTruncated>",
            page.len()
        );
        if encoded {
            text += "<EncodingType>url</EncodingType>";
        }
        if let (true, Some((last, _))) = (more, page.last()) {
            text += &format!("<NextContinuationToken>{}</NextContinuationToken>", raw(last));
        }
        for (name, object) in page {
            text += &format!(
                "<Contents><Key>{}</Key><LastModified>2025-11-01T00:00:00.000Z</LastModified><ETag>\"{}\"</ETag><Size>{}</Size><StorageClass>STANDARD</StorageClass></Contents>",
                key(name),
                object.etag,
                object.length
            );
        }
        xml(&(text + "</ListBucketResult>"))
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn receive(mut body: Incoming) -> Result<(Vec<Bytes>, u64), StatusCode> {
    let (mut pieces, mut length) = (Vec::new(), 0);
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|_| StatusCode::BAD_REQUEST)?;
        if let Ok(piece) = frame.into_data() {
            length += piece.len() as u64;
            pieces.push(piece);
        }
    }
    Ok((pieces, length))
}

/// What is kept of a request's headers and given back.
fn kept(headers: &HeaderMap) -> HeaderMap {
    let known = [
        "content-type",
        "content-encoding",
        "content-language",
        "content-disposition",
        "cache-control",
        "expires",
    ];
    let keep = |name: &HeaderName| name.as_str().starts_with("x-amz-meta-") || known.contains(&name.as_str());
    headers.iter().filter(|(name, _)| keep(name)).map(|(name, value)| (name.clone(), value.clone())).collect()
}

fn span(range: &HeaderValue, length: u64) -> Option<(u64, u64)> {
    let (start, end) = range.to_str().ok()?.strip_prefix("bytes=")?.split_once('-')?;
    let end = end.parse().map_or(length, |end: u64| length.min(end + 1));
    Some((start.parse().ok()?, end))
}

fn slices(pieces: &[Bytes], start: u64, end: u64) -> Vec<Bytes> {
    let mut at = 0u64;
    let mut slices = Vec::new();
    for piece in pieces {
        let (from, to) = (at, at + piece.len() as u64);
        at = to;
        if to > start && from < end {
            slices.push(piece.slice((start.max(from) - from) as usize..(end.min(to) - from) as usize));
        }
    }
    slices
}

fn empty() -> Answer {
    Response::new(Full::default().boxed_unsync())
}

fn status(status: StatusCode) -> Answer {
    let mut answer = empty();
    *answer.status_mut() = status;
    answer
}

fn error(code: StatusCode) -> Answer {
    let name = match code {
        StatusCode::NOT_FOUND => "NoSuchKey",
        StatusCode::PRECONDITION_FAILED => "PreconditionFailed",
        StatusCode::NOT_IMPLEMENTED => "NotImplemented",
        _ => "InvalidRequest",
    };
    let mut answer = xml(&format!("<Error><Code>{name}</Code><Message>no</Message></Error>"));
    *answer.status_mut() = code;
    answer
}

fn xml(text: &str) -> Answer {
    let document = format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n{text}");
    Response::new(Full::new(document.into()).boxed_unsync())
}

fn with_etag(mut answer: Answer, etag: &str) -> Answer {
    let value = HeaderValue::try_from(format!("\"{etag}\"")).expect("it is visible ASCII");
    answer.headers_mut().insert(ETAG, value);
    answer
}
