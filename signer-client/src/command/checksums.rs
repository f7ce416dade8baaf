//! `hallmark checksums`.

use std::path::PathBuf;
use std::sync::Arc;

use hallmark_signer::signer::Signer;
use hallmark_signer::{
    BlobDigest, BlobHasher, BlobKey, ChecksumLine, KeyRegister, ListedName, MAX_CHECKSUM_LIST,
};
use indicatif::ProgressBar;
use serde_json::json;

use crate::command::args::ChecksumsArgs;
use crate::command::check::CheckedHead;
use crate::command::crew;
use crate::command::failure::{Exit, Failure};
use crate::command::head::HeadKeeper;
use crate::command::keys::SealTrust;
use crate::command::listing::{Entry, Listing, Scope};
use crate::command::location::Location;
use crate::command::output::{Counted, Form, Output};
use crate::command::place::Pending;
use crate::command::prefix::Prefix;
use crate::command::problem::Problem;
use crate::command::remote::Remote;
use crate::command::{hash, keygen, sibling, signing, standing};

/// What all questions have in common.
struct Asking {
    remote: Remote,
    seals: Option<SealTrust>,
}

/// The head of an object.
struct Looked {
    checked: CheckedHead,
    /// Whether the endpoint takes it for signatures over another object.
    is_sibling: bool,
}

impl Asking {
    /// Asks for the head of an artifact and checks it.
    async fn look(&self, location: &Location) -> Result<Looked, Failure> {
        let keeper = HeadKeeper::default();
        let request = self.remote.client.head_object().bucket(location.bucket()).key(location.key());
        if let Err(error) = request.customize().interceptor(keeper.clone()).send().await {
            return Err(standing::explained("look at", &self.remote, location, &error).await);
        }
        let head = keeper.take();
        let checked = CheckedHead::verify(&self.remote, &head, location, self.seals.as_ref()).await?;
        Ok(Looked { checked, is_sibling: head.once(sibling::SIBLING_HEADER)?.is_some() })
    }
}

/// Where lines wait until it is clear that they are to be seen: a list of which somebody reads the beginning is one without
/// the rest.
enum Lines {
    /// For standard output; at most [`MAX_CHECKSUM_LIST`] bytes.
    Held(Vec<u8>),
    /// For a file.
    Pending(Pending),
}

/// A list in the making.
struct List<'a> {
    output: &'a Output,
    lines: Lines,
    hasher: BlobHasher,
    bytes: u64,
    files: u64,
    /// Files with signatures over others.
    beside: u64,
    problems: u64,
}

pub(crate) async fn run(args: &ChecksumsArgs, output: &Output) -> Result<(), Failure> {
    if args.output.is_none() && output.form() == Form::Json {
        return Err(Failure::usage("--json and the list would both be written to standard output")
            .hint("give --output FILE"));
    }
    let seals = SealTrust::read(&args.seals, &mut KeyRegister::default())?;
    let key = if args.sign { signing::blob_key(&args.signer).await? } else { None };
    let remote = Remote::find(&args.remote).await?;
    let pending = args.output.clone().map(Pending::beside).transpose()?;
    let lines = pending.map_or(Lines::Held(Vec::new()), Lines::Pending);
    let asking = Arc::new(Asking { remote, seals });
    let bar = output.counter("looking", Counted::Objects);
    let mut list =
        List { output, lines, hasher: BlobHasher::new(), bytes: 0, files: 0, beside: 0, problems: 0 };

    let listing = Listing::new(&asking.remote, &args.prefix, Scope::Current);
    let look = |entry: Entry| {
        let asking = Arc::clone(&asking);
        async move { asking.look(&entry.location).await }
    };
    let done = |entry: Entry, looked| list.add(&args.prefix, &entry, looked, &bar);
    let objects = crew::on_each(listing, args.jobs, look, done).await;
    bar.finish_and_clear();
    let objects = objects?;
    if list.beside > 0 {
        output.note(&format!(
            "{} files with signatures over others are left out: what they are about is listed",
            list.beside
        ));
    }
    let problems = list.problems;
    match (objects, problems) {
        (0, _) => return Err(args.prefix.nothing()),
        (_, 0) => return list.finish(args, key.as_ref()).await,
        _ if args.skip_refused => list.finish(args, key.as_ref()).await?,
        _ => {}
    }
    let failure = Failure::refused(
        "ArtifactsNotVerified",
        format!("{problems} of {objects} objects of {} cannot be in the list", args.prefix),
    );
    Err(if args.skip_refused {
        failure
    } else {
        failure.hint("--skip-refused lists the others all the same")
    })
}

impl List<'_> {
    /// Adds what was found, or says why not.
    fn add(
        &mut self,
        prefix: &Prefix,
        entry: &Entry,
        looked: Result<Looked, Failure>,
        bar: &ProgressBar,
    ) -> Result<(), Failure> {
        bar.inc(1);
        match looked.and_then(|looked| line(prefix, &entry.location, &looked)) {
            Ok(Line::Of(line)) => self.write(&line),
            Ok(Line::Folder) => {
                bar.suspend(|| self.output.note(&format!("{} is a folder, and left out", entry.location)));
                Ok(())
            }
            Ok(Line::Signatures) => {
                self.beside += 1;
                Ok(())
            }
            Err(failure) => {
                self.problems += 1;
                let problem = Problem { entry, failure: &failure };
                bar.suspend(|| self.output.remark(&problem.json(), &problem.line()))
            }
        }
    }

    fn write(&mut self, line: &ChecksumLine) -> Result<(), Failure> {
        let line = format!("{line}\n");
        self.bytes += line.len() as u64;
        if self.bytes > MAX_CHECKSUM_LIST {
            return Err(Failure::failed(format!("the list is longer than {MAX_CHECKSUM_LIST} bytes"))
                .hint("make one for each of several prefixes"));
        }
        self.files += 1;
        self.hasher.update(line.as_bytes());
        match &mut self.lines {
            Lines::Pending(pending) => pending.write(line.as_bytes()),
            Lines::Held(held) => {
                held.extend_from_slice(line.as_bytes());
                Ok(())
            }
        }
    }

    /// Signs the list, and puts both in their places; or prints it.
    async fn finish(self, args: &ChecksumsArgs, key: Option<&BlobKey<Signer>>) -> Result<(), Failure> {
        let (pending, target) = match (self.lines, &args.output) {
            (Lines::Pending(pending), Some(target)) => (pending, target),
            (Lines::Held(held), _) => return self.output.bytes(&held),
            // Lines are pending for the file that was named.
            (Lines::Pending(_), None) => return Ok(()),
        };
        let blob = self.hasher.finish().map_err(|error| hash::looks_like_dsse(target, error))?;
        let signature = match key {
            Some(key) => Some(signed(&blob, key, keygen::with_suffix(target, "sig")).await?),
            None => None,
        };
        let signature_file = signature.as_ref().map(|signature| signature.target().display().to_string());
        pending.place()?;
        signature.map(Pending::place).transpose()?;
        let (list, sha256) = (target.display().to_string(), blob.sha256().to_hex());
        let key_id = key.map(|key| key.public_key().id().to_hex());
        let json = json!({
            "checksums": list,
            "files": self.files,
            "sha256": sha256,
            "signature_file": signature_file,
            "key_id": key_id,
            "seals_verified": !args.seals.seal_keys.is_empty(),
        });
        let mut lines = vec![("list", list), ("files", self.files.to_string()), ("sha256", sha256)];
        lines.extend(signature_file.map(|file| ("signature", file)));
        lines.extend(key_id.map(|id| ("key id", id)));
        self.output.result(&json, &lines)
    }
}

/// What an object is in the list.
enum Line {
    Of(ChecksumLine),
    /// An object without bytes whose key ends in `/`.
    Folder,
    /// Signatures over another object.
    Signatures,
}

fn line(prefix: &Prefix, location: &Location, looked: &Looked) -> Result<Line, Failure> {
    let (name, told) = (prefix.relative(location), looked.checked.told());
    if looked.is_sibling {
        return Ok(Line::Signatures);
    }
    if told.size == 0 && (name.is_empty() || name.ends_with('/')) {
        return Ok(Line::Folder);
    }
    looked.checked.demand_trusted()?;
    let name = ListedName::parse(name).map_err(|error| Failure {
        exit: Exit::Refused,
        code: Some("NotAFileName".to_owned()),
        ..Failure::failed(format!("its name below the prefix: {error}"))
    })?;
    Ok(Line::Of(ChecksumLine { sha256: told.sha256, name }))
}

/// A signature over the list, not yet in its place.
async fn signed(blob: &BlobDigest, key: &BlobKey<Signer>, target: PathBuf) -> Result<Pending, Failure> {
    let signature = key.sign(blob).await.map_err(|error| signing::failure(&error))?;
    let mut pending = Pending::beside(target)?;
    pending.write(&signature.to_der())?;
    Ok(pending)
}
