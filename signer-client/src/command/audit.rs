//! `hallmark audit`.

use std::sync::Arc;

use hallmark_signer::Pacer;
use indicatif::ProgressBar;
use serde_json::json;

use crate::command::args::AuditArgs;
use crate::command::crew;
use crate::command::download::{Download, Sink};
use crate::command::failure::Failure;
use crate::command::keys::Trust;
use crate::command::listing::{Entry, Listing, Scope};
use crate::command::output::{Counted, Output};
use crate::command::problem::Problem;
use crate::command::remote::Remote;

/// What all downloads have in common.
struct Audit {
    remote: Remote,
    trust: Trust,
    pacer: Pacer,
    bar: ProgressBar,
}

/// Bytes are hashed by who receives them; here they only wait for their turn.
impl Sink for &Audit {
    async fn take(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        self.bar.inc(bytes.len() as u64);
        tokio::time::sleep(self.pacer.wait(bytes.len() as u64)).await;
        Ok(())
    }
}

impl Audit {
    /// Downloads an artifact and checks it, as `pull` does; its length, bytes.
    async fn verify(&self, entry: &Entry) -> Result<u64, Failure> {
        let (location, version) = (&entry.location, entry.version.as_deref());
        let download = Download { remote: &self.remote, location, version, seals: self.trust.seals.as_ref() };
        let (checked, body) = download.open().await?;
        let mut sink = self;
        checked.demand_content(&download.receive(&checked, body, &mut sink).await?)?;
        checked.demand_trusted()?;
        // The endpoint does not hold the body ready meanwhile.
        self.trust.signers.find(&self.remote, location, &checked).await?.demand_all()?;
        Ok(checked.told().size)
    }
}

pub(crate) async fn run(args: &AuditArgs, output: &Output) -> Result<(), Failure> {
    let trust = Trust::read(&args.trust)?;
    let remote = Remote::find(&args.remote).await?;
    let bar = output.counter("auditing", Counted::Bytes);
    let audit = Arc::new(Audit { remote, trust, pacer: Pacer::new(args.max_rate), bar });
    let scope = if args.versions { Scope::Versions } else { Scope::Current };
    let listing = Listing::new(&audit.remote, &args.prefix, scope);

    let (mut verified, mut bytes) = (0_u64, 0_u64);
    let verify = |entry: Entry| {
        let audit = Arc::clone(&audit);
        async move { audit.verify(&entry).await }
    };
    let done = |entry: Entry, result| match result {
        Ok(size) => {
            verified += 1;
            bytes += size;
            Ok(())
        }
        Err(failure) => {
            let problem = Problem { entry: &entry, failure: &failure };
            audit.bar.suspend(|| output.entry(&problem.json(), &problem.line()))
        }
    };
    let objects = crew::on_each(listing, args.jobs, verify, done).await;
    audit.bar.finish_and_clear();
    let objects = objects?;
    if objects == 0 {
        return Err(args.prefix.nothing());
    }

    let problems = objects - verified;
    let location = args.prefix.to_string();
    let json = json!({ "summary": {
        "location": location,
        "objects": objects,
        "verified": verified,
        "verified_bytes": bytes,
        "problems": problems,
        "seals_verified": audit.trust.seals.is_some(),
    } });
    let lines = [
        ("objects", objects.to_string()),
        ("verified", verified.to_string()),
        ("bytes", bytes.to_string()),
        ("problems", problems.to_string()),
    ];
    output.result(&json, &lines)?;
    if audit.trust.seals.is_none() {
        output.note(
            "the seals' own signatures were checked by the endpoint, not here: \
             --seal-key FILE.pub --realm REALM checks them here",
        );
    }
    match problems {
        0 => Ok(()),
        _ => Err(Failure::refused(
            "ArtifactsNotVerified",
            format!("{problems} of {objects} objects of {location} could not be verified"),
        )),
    }
}
