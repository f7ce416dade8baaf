//! What is valid and yet hardly meant.

use crate::error::Sources;
use crate::trust::{Enforce, Rule, RuleTarget};
use crate::types::{Bucket, Config};

/// Something that somebody should look at: the dotted key, and why.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{key}: {message}")]
pub struct Advice {
    /// Where it stands.
    pub key: String,
    /// What comes of it, and what to do.
    pub message: String,
}

impl Config {
    /// What an operator is told of a configuration that holds.
    pub fn advice(&self) -> Vec<Advice> {
        let mut all = Vec::new();
        for (name, bucket) in &self.buckets {
            let told = bucket.rules.iter().filter_map(|rule| never_approved(bucket, rule));
            let key = Sources::bucket_key(name, "rules");
            all.extend(told.map(|message| Advice { key: key.clone(), message }));
        }
        all
    }
}

/// Signatures that come later than their artifact stand beside it, or in the header of another upload of it.
fn never_approved(bucket: &Bucket, rule: &Rule) -> Option<String> {
    match rule.enforce {
        Enforce::Upload => return None,
        Enforce::Download if !rule.siblings.is_empty() => return None,
        Enforce::Download => {}
    }
    let (about, start) = match &rule.target {
        RuleTarget::Key(key) => (format!("key {key:?}"), key.as_str()),
        RuleTarget::Prefix(prefix) => (format!("prefix {:?}", prefix.as_str()), prefix.as_str()),
    };
    let comes_of_it = if bucket.immutable.holds(start) {
        "and keys are immutable there: what is uploaded without all of its signatures is never served"
    } else {
        "so nobody can approve of it: it is served once it is uploaded again with all of its signatures in the header"
    };
    Some(format!(
        "the rule for the {about} takes artifacts before they are signed (`enforce = \"download\"`) and looks for no \
         signatures beside them, {comes_of_it}; `siblings = [\"sig\"]` permits approvals"
    ))
}
