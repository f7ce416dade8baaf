//! What is wrong with one of many: reported, and the others go on.

use serde_json::{Value, json};

use crate::command::failure::{Failure, RefusedBy};
use crate::command::listing::Entry;

/// An artifact that is not as it has to be, or cannot be had.
pub(crate) struct Problem<'a> {
    pub(crate) entry: &'a Entry,
    pub(crate) failure: &'a Failure,
}

impl Problem<'_> {
    /// For people.
    pub(crate) fn line(&self) -> String {
        let Entry { location, version } = self.entry;
        let Failure { code, message, .. } = self.failure;
        let version = version.as_ref().map(|version| format!(" (version {version})")).unwrap_or_default();
        // Some messages begin with what was tried, for where that is not known.
        let tried =
            message.strip_prefix("cannot ").and_then(|rest| rest.split_once(&format!("{location}: ")));
        let message = tried.map_or(message.as_str(), |(_, rest)| rest);
        let code = code.as_ref().map(|code| format!(" [{code}]")).unwrap_or_default();
        format!("{location}{version}: {message}{code}")
    }

    /// For programs.
    pub(crate) fn json(&self) -> Value {
        let Entry { location, version } = self.entry;
        let Failure { code, refused_by, message, .. } = self.failure;
        json!({ "problem": {
            "location": location.to_string(),
            "bucket": location.bucket(),
            "key": location.key(),
            "version": version,
            "code": code,
            "refused_by": refused_by.map(RefusedBy::as_str),
            "message": message,
        } })
    }
}
