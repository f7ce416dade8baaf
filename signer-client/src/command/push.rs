//! `hallmark push`.

use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hallmark_signer::signer::Signer;
use hallmark_signer::{
    BlobKey, Content, METADATA_PREFIX, Md5Digest, Op, PublisherSignatures, SIGNATURE_HEADER, SealedEtag,
    SealedHeaders, UploadHasher,
};
use serde_json::json;

use crate::command::args::PushArgs;
use crate::command::body::{self, SignedPayload};
use crate::command::check::CheckedHead;
use crate::command::failure::Failure;
use crate::command::head::HeadKeeper;
use crate::command::location::Location;
use crate::command::output::Output;
use crate::command::remote::{self, Remote};
use crate::command::standing::{self, Standing};
use crate::command::told::Told;
use crate::command::{hash, service, signing};

/// The largest single upload, bytes: S3's limit.
const MAX_UPLOAD: u64 = 5 << 30;

/// Metadata names that begin so are Hallmark's.
const RESERVED: &str = "hallmark";

/// What was hashed, and what goes with it.
struct Upload<'a> {
    file: &'a Path,
    location: Location,
    content: Content,
    etag: SealedEtag,
    headers: SealedHeaders,
}

pub(crate) async fn run(args: &PushArgs, output: &Output) -> Result<(), Failure> {
    let location = args.destination.of_file(&args.file)?;
    let mut headers = headers(args)?;
    let key = signing::blob_key(&args.signer).await?;
    let remote = Remote::find(&args.remote).await?;
    let (content, md5) = read(&args.file, output)?;
    if let Some(key) = &key {
        let signature = sign(key, &content, &args.file).await?;
        insert(&mut headers, SIGNATURE_HEADER, &signature)?;
    }
    let etag = SealedEtag::single(md5);
    let upload = Upload { file: &args.file, location, content, etag, headers };

    let standing = upload.send(&remote, output).await?;
    // What the endpoint takes in, it need not serve.
    if let Some(why) = &standing.untrusted {
        output.note(&format!(
            "uploaded, but not served yet to those who may only read what is trusted: {why}; {}",
            standing::HOW_TO_SIGN
        ));
    }
    let checked = match upload.look(&remote).await {
        Ok(checked) => Some(checked),
        Err(failure) if failure.code.as_deref() == Some(service::ACCESS_DENIED) => {
            output.note("this client may not read what it uploaded, so the seal was not checked");
            None
        }
        // It was taken to wait for signatures, and is shown to those who are to sign it.
        Err(failure) if standing::waits(&failure) => {
            output.note("this client may not see what is not served yet, so the seal was not checked");
            None
        }
        Err(failure) => return Err(failure),
    };
    report(&upload, key.as_ref(), checked.as_ref(), &standing, output)
}

/// The headers that the command line asks for.
fn headers(args: &PushArgs) -> Result<SealedHeaders, Failure> {
    let mut headers = SealedHeaders::default();
    if let Some(content_type) = &args.content_type {
        insert(&mut headers, "content-type", content_type)?;
    }
    for (name, value) in &args.metadata {
        let name = name.to_ascii_lowercase();
        if name.starts_with(RESERVED) {
            return Err(Failure::usage(format!("metadata `{name}`: names that begin so are Hallmark's own")));
        }
        insert(&mut headers, &format!("{METADATA_PREFIX}{name}"), value)?;
    }
    Ok(headers)
}

fn insert(headers: &mut SealedHeaders, name: &str, value: &str) -> Result<(), Failure> {
    headers.insert(name, value).map_err(|error| Failure::usage(error.to_string()))
}

/// Hashes the file.
fn read(path: &Path, output: &Output) -> Result<(Content, Md5Digest), Failure> {
    let (file, size) = hash::open(path)?;
    if size > MAX_UPLOAD {
        return Err(Failure::failed(format!("{} is larger than 5 GiB ({size} bytes)", path.display()))
            .hint("that takes a multipart upload, which comes with a later release"));
    }
    let bar = output.bar("hashing", size);
    let mut hasher = UploadHasher::exactly(size);
    hash::each_chunk(file, path, |bytes| {
        hasher.update(bytes);
        bar.inc(bytes.len() as u64);
    })?;
    bar.finish_and_clear();
    hasher.finish().map_err(|error| {
        Failure::failed(format!("{} changed while it was read: {error}", path.display()))
            .hint("upload it when nothing writes to it")
    })
}

/// The value of the header that carries the signature.
async fn sign(key: &BlobKey<Signer>, content: &Content, path: &Path) -> Result<String, Failure> {
    let blob = content.blob_digest().map_err(|error| hash::looks_like_dsse(path, error))?;
    let signature = key.sign(&blob).await.map_err(|error| signing::failure(&error))?;
    let signatures = PublisherSignatures::new(vec![signature]);
    signatures.map(|signatures| signatures.to_value()).map_err(|error| Failure::failed(error.to_string()))
}

impl Upload<'_> {
    /// Uploads it. What the endpoint makes of it.
    async fn send(&self, remote: &Remote, output: &Output) -> Result<Standing, Failure> {
        let (size, sha256) = (self.content.size(), *self.content.sha256());
        let bar = output.bar("uploading", size);
        let mut request = remote
            .client
            .put_object()
            .bucket(self.location.bucket())
            .key(self.location.key())
            .checksum_sha256(STANDARD.encode(sha256.as_bytes()))
            .content_length(i64::try_from(size).unwrap_or(i64::MAX))
            .set_content_type(self.headers.get("content-type").map(str::to_owned))
            .body(body::of_file(self.file, size, &bar));
        for (name, value) in self.headers.iter() {
            if let Some(name) = name.strip_prefix(METADATA_PREFIX) {
                request = request.metadata(name, value);
            }
        }
        let keeper = HeadKeeper::default();
        let sent = request
            .customize()
            .config_override(remote::upload_timeouts(size))
            .interceptor(SignedPayload(sha256))
            .interceptor(keeper.clone())
            .send()
            .await;
        bar.finish_and_clear();
        match sent {
            Ok(_) => Standing::of(&keeper.take()),
            Err(error) => Err(standing::with_new_name(self.failure("upload", remote, &error))),
        }
    }

    /// Looks at what is there now: it must be this upload.
    async fn look(&self, remote: &Remote) -> Result<CheckedHead, Failure> {
        let keeper = HeadKeeper::default();
        let request = remote.client.head_object().bucket(self.location.bucket()).key(self.location.key());
        let answer = request.customize().interceptor(keeper.clone()).send().await;
        answer.map_err(|error| {
            let failure = self.failure("read back", remote, &error);
            Failure { message: format!("uploaded, but {}", failure.message), ..failure }
        })?;
        let checked = CheckedHead::check(&keeper.take(), &self.location)?;
        let told = checked.told();
        let sent = |(name, value): (&str, &str)| checked.headers().get(name) == Some(value);
        if told.op != Op::Put.as_str() || told.etag != self.etag || !self.headers.iter().all(sent) {
            let message = format!("what is at {} now is not this upload", self.location);
            return Err(Failure::refused("ArtifactSealInvalid", message)
                .hint("somebody else may have uploaded to the same name: see `hallmark inspect`"));
        }
        checked.demand_content(&self.content)?;
        Ok(checked)
    }

    fn failure<E>(&self, doing: &str, remote: &Remote, error: &service::SdkFailure<E>) -> Failure
    where
        E: service::ServiceError,
    {
        service::failure(&format!("{doing} {}", self.location), &remote.endpoint, error)
    }
}

fn report(
    upload: &Upload<'_>,
    key: Option<&BlobKey<Signer>>,
    checked: Option<&CheckedHead>,
    standing: &Standing,
    output: &Output,
) -> Result<(), Failure> {
    let Upload { location, content, etag, .. } = upload;
    let sha256 = content.sha256().to_hex();
    let seal = checked.map(CheckedHead::told);
    let json = json!({
        "location": location.to_string(),
        "bucket": location.bucket(),
        "key": location.key(),
        "size": content.size(),
        "sha256": sha256,
        "etag": etag.to_string(),
        "signed_by": key.map(|key| key.public_key().id().to_hex()),
        "seal": seal.map(Told::to_json),
        "untrusted": standing.untrusted,
    });
    let id = seal.map_or_else(|| "not checked".to_owned(), |seal| seal.id.to_string());
    output.result(
        &json,
        &[
            ("uploaded", location.to_string()),
            ("seal", id),
            ("sha256", sha256),
            ("size", content.size().to_string()),
        ],
    )
}
