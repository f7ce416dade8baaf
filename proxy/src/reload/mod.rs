//! A changed configuration takes effect without a restart: on `SIGHUP` at once, or when a file that it depends on has changed
//! and come to rest.
//!
//! All of it is read and checked first, as at the start. What is wrong is refused as a whole: the old one stays, the log says
//! why, and it is counted.

mod sight;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use hallmark_config::{Config, ConfigErrors, Loaded};
use tokio::sync::mpsc;
use tokio::time::MissedTickBehavior;

use self::sight::{Settling, Sight};
use crate::app::{App, NotRenewed};
use crate::metrics::Metrics;
use crate::server::{Certificates, read_tls};
use crate::supervisor;

/// Between two looks at the files. A change is taken over after the second look that shows the same, so within twice this.
const EVERY: Duration = Duration::from_secs(1);

/// After so long a configuration is read again with which nothing was wrong but that the seal key's token or certifier did not
/// answer: else what it revokes would go on counting until somebody touches the file, or there would be no uploads. Never where
/// it has answered: tokens lock after a few wrong PINs.
const AGAIN: Duration = Duration::from_secs(30);

/// How often a configuration is read again that names other files than the one before: each is looked at before it is read.
const MAX_READS: usize = 3;

/// A configuration as it was read, and what its files looked like just before.
pub struct Reading {
    config: Result<Config, ConfigErrors>,
    before: Sight,
}

/// Takes over changed configurations for a running proxy.
pub struct Reloader {
    file: PathBuf,
    /// What the proxy began with, and what of it stays for its life.
    began: Config,
    app: Arc<App>,
    certificates: Option<Certificates>,
    metrics: Metrics,
    settling: Settling,
    /// When to read again what the token was in the way of.
    again: Option<Instant>,
}

/// What became of a configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// It holds now, but for these settings, which only count after a restart.
    Taken(Vec<&'static str>),
    /// The old one stays.
    Refused(ConfigErrors),
    /// The old one stays for now: the token with the seal key did not answer, and is asked again.
    Unanswered(ConfigErrors),
    /// The old one stays for now: the files were changed while they were read.
    Moving,
}

impl Reading {
    /// Reads the configuration in `file`.
    pub fn of(file: &Path) -> Self {
        Self::knowing(file, BTreeSet::from([file.to_owned()]))
    }

    /// The same, where it is likely to depend on `files`.
    fn knowing(file: &Path, mut files: BTreeSet<PathBuf>) -> Self {
        let mut reads = 1;
        loop {
            // In this order: what changes in between is seen at the next look.
            let before = Sight::of(&files);
            let Loaded { config, files: named } = Config::load_with_files(file);
            if named.is_subset(&files) || reads == MAX_READS {
                // While something is wrong with it, what it named before is looked at as well.
                let before = if config.is_ok() { before.only(&named) } else { before };
                return Self { config, before };
            }
            files.extend(named);
            reads += 1;
        }
    }

    /// The configuration.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn config(&self) -> Result<&Config, ConfigErrors> {
        self.config.as_ref().map_err(Clone::clone)
    }
}

/// How the application takes a configuration.
type Renew = fn(&App, &Config) -> Result<(), NotRenewed>;

impl Reloader {
    /// For `app`, which began with what is in `file` and was `read` as this.
    ///
    /// # Errors
    /// What is wrong with that.
    pub fn new(
        file: &Path,
        read: Reading,
        app: Arc<App>,
        certificates: Option<Certificates>,
        metrics: &Metrics,
    ) -> Result<Self, ConfigErrors> {
        let Reading { config, before } = read;
        let again = app.lacks_certifier().then(|| Instant::now() + AGAIN);
        Ok(Self {
            file: file.to_owned(),
            began: config?,
            app,
            certificates,
            metrics: metrics.clone(),
            // What it could do without, the start has made itself: that is no change.
            settling: Settling::new(before.with_what_came()),
            again,
        })
    }

    /// Takes over what changes, whenever somebody has `asked` for it and whenever files changed, until nobody can ask any
    /// more.
    pub async fn run(self, mut asked: mpsc::Receiver<()>) {
        let mut looks = tokio::time::interval(EVERY);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut reloader = self;
        // Somebody asked, but then the files were changing.
        let mut owing = false;
        loop {
            let now = tokio::select! {
                asked = asked.recv() => match asked {
                    Some(()) => true,
                    None => return,
                },
                _ = looks.tick() => owing,
            };
            // Files are read, which may take a while.
            let done = tokio::task::spawn_blocking(move || {
                let outcome = (now || reloader.changed()).then(|| reloader.reload());
                (reloader, outcome)
            });
            let Ok((returned, outcome)) = done.await else {
                tracing::error!(
                    "reading the configuration again failed; it is not read again before a restart"
                );
                return;
            };
            reloader = returned;
            owing = now && outcome == Some(Outcome::Moving);
        }
    }

    /// Whether the files have changed and come to rest, or it is time to ask the token again.
    pub fn changed(&mut self) -> bool {
        let now = Sight::of(&self.settling.files());
        // What is just being written waits until it has come to rest.
        let due = self.again.is_some_and(|again| again <= Instant::now()) && self.settling.is_for(&now);
        self.settling.settled(now) || due
    }

    /// Reads the configuration and takes it over, or says why not.
    pub fn reload(&mut self) -> Outcome {
        supervisor::reloading();
        let outcome = self.read_again();
        // Also where it was refused: what is there goes on being served.
        supervisor::ready();
        outcome
    }

    fn read_again(&mut self) -> Outcome {
        let Reading { config, before } = Reading::knowing(&self.file, self.settling.files());
        if Sight::of(&before.files()) != before {
            tracing::info!("the configuration is being changed; it is read again when that is over");
            return Outcome::Moving;
        }
        let unchanged = self.settling.is_for(&before);
        // A token is not asked again by itself: it may count wrong PINs.
        let asks_kms = config.as_ref().is_ok_and(|config| config.seal.key.is_in_kms());
        let renew = if unchanged { App::ask_again } else { App::renew };
        // Whatever is wrong with it, it is not read again before something changes.
        self.settling = Settling::new(before);
        let outcome = match config.map_err(NotRenewed::Wrong).and_then(|config| self.take(&config, renew)) {
            Ok(pending) => Outcome::Taken(pending),
            Err(NotRenewed::Wrong(errors)) => Outcome::Refused(errors),
            Err(NotRenewed::Unanswered(errors)) => Outcome::Unanswered(errors),
        };
        self.again = match &outcome {
            Outcome::Unanswered(_) => Some(Instant::now() + AGAIN),
            Outcome::Taken(_) => self.app.lacks_certifier().then(|| Instant::now() + AGAIN),
            Outcome::Refused(_) => (asks_kms && self.app.lacks_certifier()).then(|| Instant::now() + AGAIN),
            Outcome::Moving => None,
        };
        let only_asked = unchanged && matches!(outcome, Outcome::Taken(_)) && self.again.is_some();
        if !only_asked {
            self.tell(&outcome);
        }
        outcome
    }

    fn take(&self, config: &Config, renew: Renew) -> Result<Vec<&'static str>, NotRenewed> {
        let tls = match (&self.certificates, &config.server.tls) {
            (Some(certificates), Some(tls)) => {
                let blamed = |(key, message): &(&'static str, String)| ((*key).to_owned(), message.clone());
                let usable = read_tls(tls).map_err(|error| {
                    NotRenewed::Wrong(config.sources.errors(error.problems().iter().map(blamed)))
                })?;
                Some((certificates, usable))
            }
            (None, _) | (_, None) => None,
        };
        renew(&self.app, config)?;
        for advice in config.advice() {
            tracing::warn!(setting = advice.key, "{}", advice.message);
        }
        if let Some((certificates, usable)) = tls {
            certificates.replace(usable);
        }
        Ok(config.needs_restart(&self.began))
    }

    fn tell(&self, outcome: &Outcome) {
        match outcome {
            Outcome::Taken(pending) => {
                for setting in pending {
                    tracing::warn!(setting, "this setting has changed and only counts after a restart");
                }
                self.metrics.reloads().taken(pending.len());
                tracing::info!(file = %self.file.display(), "the changed configuration holds from now on");
            }
            Outcome::Refused(errors) | Outcome::Unanswered(errors) => {
                for error in errors.errors() {
                    // Says nothing of what stands in the file.
                    tracing::error!(file = errors.origin(), error = %error, "the configuration is wrong");
                }
                self.metrics.reloads().refused();
                tracing::error!(
                    errors = errors.errors().len(),
                    "the changed configuration was refused: the old one stays, and what the changed one revokes still counts"
                );
                if let Some(again) = self.again {
                    let seconds = again.saturating_duration_since(Instant::now()).as_secs();
                    tracing::error!(
                        seconds,
                        "only the keeper of the seal key, or the store, is in its way; it is asked again"
                    );
                }
            }
            Outcome::Moving => {}
        }
    }
}
