//! What is wrong with a configuration beyond its text, gathered so that all of it is told at once.

use hallmark_config::{Config, ConfigErrors};
use hallmark_signer::{KeyRegister, KeyUse, KeyUseConflict, PublicKey};

use super::NotRenewed;
use crate::seal_signer::{OpenError, OpenSealKey};
use crate::{server, sizes};

/// What is wrong with the files that a configuration names: each dotted key with its message.
#[derive(Default)]
pub(super) struct Problems {
    pub(super) all: Vec<(String, String)>,
    /// How many of them are only that a token did not answer.
    unanswered: usize,
}

impl Problems {
    /// What cannot be with the memory that there is.
    pub(super) fn sizes(&mut self, config: &Config) {
        if let Err(message) = sizes::check(&config.limits) {
            self.add("limits.max_object_size", message);
        }
    }

    pub(super) fn none_or(self, config: &Config) -> Result<(), ConfigErrors> {
        if self.all.is_empty() { Ok(()) } else { Err(config.sources.errors(self.all)) }
    }

    pub(super) fn add(&mut self, key: &str, message: String) {
        self.all.push((key.to_owned(), message));
    }

    /// What there is of them, and whether it is worth asking again. At least one.
    pub(super) fn refusal(self, config: &Config) -> NotRenewed {
        let Self { all, unanswered } = self;
        let alone = unanswered > 0 && unanswered == all.len();
        let errors = config.sources.errors(all);
        if alone { NotRenewed::Unanswered(errors) } else { NotRenewed::Wrong(errors) }
    }

    pub(super) fn add_tls(&mut self, config: &Config) {
        if let Some(Err(error)) = config.server.tls.as_ref().map(server::check_tls) {
            self.all
                .extend(error.problems().iter().map(|(key, message)| ((*key).to_owned(), message.clone())));
        }
    }

    pub(super) fn opened(&mut self, at: &str, opened: Result<OpenSealKey, OpenError>) -> Option<OpenSealKey> {
        if let Err(OpenError::Unanswered(_)) = &opened {
            self.unanswered += 1;
        }
        self.key(at, opened.map_err(|error| error.to_string()))
    }

    pub(super) fn key<K>(&mut self, at: &str, read: Result<K, String>) -> Option<K> {
        read.map_err(|message| self.add(at, message)).ok()
    }

    pub(super) fn register(
        &mut self,
        register: &mut KeyRegister,
        key: &PublicKey,
        key_use: KeyUse,
        at: &str,
    ) {
        if let Err(KeyUseConflict { first, .. }) = register.register(key, key_use, at) {
            self.add(
                at,
                format!(
                    "is also {first}: one key has one use (a signature for the one could be taken for the other)"
                ),
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn only_a_token_that_did_not_answer_is_asked_again() {
        let text = "realm = \"r\"\nseal.key_file = \"k\"\nstore.path = \"d\"\n";
        let config = Config::parse(text, Path::new(""), "h.toml", &|_| None).unwrap();
        let refusal = |opened: OpenError, more: Option<&str>| {
            let mut problems = Problems::default();
            assert!(problems.opened("seal.signer", Err(opened)).is_none());
            if let Some(more) = more {
                problems.add(more, "wrong".to_owned());
            }
            problems.refusal(&config)
        };
        let unanswered = || OpenError::Unanswered("late".to_owned());
        assert!(matches!(refusal(unanswered(), None), NotRenewed::Unanswered(_)));
        assert!(matches!(refusal(unanswered(), Some("keys.ci.public_key")), NotRenewed::Wrong(_)));
        let refused = OpenError::Wrong("the token refuses the PIN".to_owned());
        assert!(matches!(refusal(refused, None), NotRenewed::Wrong(_)));
    }

    #[test]
    fn what_could_never_be_completed_is_not_permitted() {
        let config = |limits: &str| {
            let text =
                format!("realm = \"r\"\nseal.key_file = \"k\"\nstore.path = \"d\"\n[limits]\n{limits}\n");
            Config::parse(&text, Path::new(""), "h.toml", &|_| None).unwrap()
        };
        let check = |config: &Config| {
            let mut problems = Problems::default();
            problems.sizes(config);
            problems.none_or(config)
        };
        // The default is as much as there is memory for.
        for good in ["", "memory_budget = \"33 MiB\"", "max_object_size = \"300 GiB\""] {
            assert!(check(&config(good)).is_ok(), "{good}");
        }
        let errors = check(&config("max_object_size = \"1 TiB\"")).unwrap_err().to_string();
        assert!(
            errors.starts_with("h.toml:5:19: limits.max_object_size: an artifact of 1048576 MiB"),
            "{errors}"
        );
    }
}
