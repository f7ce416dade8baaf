//! `hallmark-proxy adopt` and `reseal`: new seals for what is in the store already.

use std::io::{IsTerminal as _, Write as _, stderr, stdout};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use hallmark_config::{Config, SignerName};
use hallmark_proxy::adopt::{Below, Campaign, Event, Lists, Problem, Summary, below, run};
use hallmark_proxy::gate::{Deed, OldContents, OldHeaders, Order, Voucher, Writing};
use hallmark_proxy::name::ObjectName;
use hallmark_signer::Rate;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde_json::json;

use crate::opening;

/// As `hallmark` says it.
const REFUSED: u8 = 3;
/// The same.
const NOTHING: u8 = 4;

const UNREACHABLE: &str = "no S3 client can ask the endpoint for a key like this (`.` or `..` between slashes, a NUL, no \
    UTF-8, over 1024 bytes): copy it to another key in the store";

/// What both commands ask.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// A list of digests kept outside of the store, as `hallmark checksums` and `sha256sum` write them; may be repeated. Its
    /// names are those below the folder that the prefix names or lies in.
    #[arg(long = "manifest", value_name = "FILE")]
    manifests: Vec<PathBuf>,
    /// Each list must be signed (FILE.sig) by this key of the configuration, valid now. The signature does not say for which
    /// folder the list is.
    #[arg(long, value_name = "KEY", requires = "manifests", value_parser = signer)]
    manifest_signer: Option<SignerName>,
    /// Seal content headers and user metadata as the store shows them. Nobody vouches for those, so they are dropped
    /// otherwise, but for publishers' signatures.
    #[arg(long)]
    trust_store_headers: bool,
    /// Read at most so much a second, all together: 20MB/s, 512KiB/s.
    #[arg(long, value_name = "RATE")]
    max_rate: Option<Rate>,
    /// Find out what would become of each object, and write nothing.
    #[arg(long)]
    dry_run: bool,
    /// Write JSON: an object on each line.
    #[arg(long)]
    json: bool,
}

/// Only `adopt` asks.
#[derive(Debug, Args)]
pub(crate) struct Trusting {
    /// Seal also what nobody vouches for, with its headers: whoever could write to the store until now is believed.
    #[arg(long)]
    trust_store_contents: bool,
}

fn signer(text: &str) -> Result<SignerName, String> {
    SignerName::parse(text).map_err(|error| format!("a key's name is {error}"))
}

/// Parses `s3://bucket[/prefix]`.
pub(crate) fn place(text: &str) -> Result<Below, String> {
    below(text)
}

/// Adopts what has no seal.
///
/// # Errors
/// As [`anew`].
pub(crate) fn adopt(
    file: &std::path::Path,
    below: &Below,
    options: &Options,
    trusting: &Trusting,
) -> anyhow::Result<ExitCode> {
    let contents = if trusting.trust_store_contents { OldContents::TrustStore } else { OldContents::Proven };
    anew(file, below, options, Deed::Adopt, contents)
}

/// Gives new seals to what has them of a key that is not trusted any more.
///
/// # Errors
/// As [`anew`].
pub(crate) fn reseal(file: &std::path::Path, below: &Below, options: &Options) -> anyhow::Result<ExitCode> {
    anew(file, below, options, Deed::Reseal, OldContents::Proven)
}

/// Does it and reports. Exit code 0: every object has a seal that holds; 3: some do not; 4: there are none.
///
/// # Errors
/// The configuration, a list or the store cannot be used.
fn anew(
    file: &std::path::Path,
    below: &Below,
    options: &Options,
    deed: Deed,
    contents: OldContents,
) -> anyhow::Result<ExitCode> {
    let config = Config::load(file)?;
    hallmark_proxy::check(&config)?;
    let signer = options.manifest_signer.as_ref().map(|signer| (&config, signer));
    let lists = Lists::read(&options.manifests, signer)?;
    let trust_headers = options.trust_store_headers || contents == OldContents::TrustStore;
    let order = Order {
        deed,
        headers: if trust_headers { OldHeaders::TrustStore } else { OldHeaders::Dropped },
        contents,
        writing: if options.dry_run { Writing::Pretended } else { Writing::Real },
    };
    let report = Report { bar: bar(options), options, below, deed };
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let summary = runtime.block_on(async {
        let store = opening::store(&config).await?;
        let campaign = Campaign { below, order, lists: &lists, rate: options.max_rate };
        run(&config, store, &campaign, &|event| report.tell(&event)).await.map_err(anyhow::Error::from)
    });
    report.bar.finish_and_clear();
    report.end(&summary?)
}

/// Shown to a person who watches, and to nobody else.
fn bar(options: &Options) -> ProgressBar {
    let watched = !options.json && stderr().is_terminal();
    let target = if watched { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
    let bar = ProgressBar::with_draw_target(None, target).with_message("reading");
    match ProgressStyle::with_template("{msg:>9} {binary_bytes:>11} {binary_bytes_per_sec:>13} {elapsed:>6}")
    {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}

struct Report<'r> {
    bar: ProgressBar,
    options: &'r Options,
    below: &'r Below,
    deed: Deed,
}

impl Report<'_> {
    fn tell(&self, event: &Event<'_>) {
        match event {
            Event::Read(bytes) => self.bar.inc(*bytes),
            Event::Sealed(name, voucher) => self.sealed(name, voucher),
            Event::Problem(name, problem) => self.problem(name, problem),
            Event::Unreachable(key) => self.unreachable(key, UNREACHABLE),
            Event::MoreUnreachable(count) => {
                self.unreachable(&self.below.prefix, &format!("and {count} more such keys"));
            }
        }
    }

    fn sealed(&self, name: &ObjectName, voucher: &Voucher) {
        let (word, signers) = match voucher {
            Voucher::Signers(signers) => {
                ("signers", signers.iter().map(|signer| signer.as_str().to_owned()).collect())
            }
            Voucher::List => ("manifest", Vec::new()),
            Voucher::Operator => ("trust-store-contents", Vec::new()),
        };
        let (bucket, key) = (name.bucket.as_str(), name.key.as_str());
        let location = location(bucket, key);
        let json = json!({ "sealed": {
            "location": location,
            "bucket": bucket,
            "key": key,
            "by": word,
            "signers": signers,
            "dry_run": self.options.dry_run,
        } });
        let by = if signers.is_empty() { word.to_owned() } else { signers.join(", ") };
        let done = if self.options.dry_run { "would be sealed" } else { "sealed  " };
        self.line(&json, &format!("{done} {}: {by}", shown(&location)));
    }

    fn problem(&self, name: &ObjectName, problem: &Problem) {
        self.told(name.bucket.as_str(), name.key.as_str(), problem);
    }

    fn unreachable(&self, key: &str, message: &str) {
        let problem = Problem { code: "UnreachableKey".to_owned(), message: message.to_owned() };
        self.told(self.below.bucket.as_str(), key, &problem);
    }

    fn told(&self, bucket: &str, key: &str, problem: &Problem) {
        let Problem { code, message } = problem;
        let location = location(bucket, key);
        // As `hallmark audit` has it.
        let json = json!({ "problem": {
            "location": location,
            "bucket": bucket,
            "key": key,
            "version": null,
            "code": code,
            "refused_by": "client",
            "message": message,
        } });
        self.line(&json, &format!("problem  {}: {} [{code}]", shown(&location), shown(message)));
    }

    fn line(&self, json: &serde_json::Value, text: &str) {
        self.bar.suspend(|| {
            let line = if self.options.json { json.to_string() } else { text.to_owned() };
            // If nobody reads it any more, the work goes on: it can be repeated for the report.
            let _ = writeln!(stdout(), "{line}");
        });
    }

    fn end(&self, summary: &Summary) -> anyhow::Result<ExitCode> {
        let Summary { objects, sealed_before, sealed, sealed_bytes, problems } = summary;
        let json = json!({ "summary": {
            "location": self.below.to_string(),
            "op": self.deed.op().as_str(),
            "dry_run": self.options.dry_run,
            "objects": objects,
            "sealed_before": sealed_before,
            "sealed": sealed,
            "sealed_bytes": sealed_bytes,
            "problems": problems,
        } });
        let mut out = stdout().lock();
        if self.options.json {
            writeln!(out, "{json}")?;
        } else {
            let done = if self.options.dry_run { "would be sealed" } else { "sealed" };
            writeln!(
                out,
                "objects          {objects}\nsealed before    {sealed_before}\n{done:15}  {sealed} ({sealed_bytes} bytes)\n\
                 problems         {problems}"
            )?;
        }
        Ok(match (objects, problems) {
            (0, 0) => ExitCode::from(NOTHING),
            (_, 0) => ExitCode::SUCCESS,
            (_, _) => ExitCode::from(REFUSED),
        })
    }
}

fn location(bucket: &str, key: &str) -> String {
    format!("s3://{bucket}/{key}")
}

/// Names of strangers must not command the terminal.
fn shown(text: &str) -> String {
    text.chars()
        .map(|c| if c.is_control() { c.escape_default().to_string() } else { c.to_string() })
        .collect()
}
