//! The log on stderr, and what `HALLMARK_LOG` says of it.

use std::env::{self, VarError};
use std::io::{self, IsTerminal as _};

use tracing::level_filters::LevelFilter;
use tracing_subscriber::EnvFilter;

const VARIABLE: &str = "HALLMARK_LOG";

/// Starts logging.
///
/// # Errors
/// `HALLMARK_LOG` holds something else than levels.
pub(crate) fn init() -> anyhow::Result<()> {
    let filter = match env::var(VARIABLE) {
        Ok(text) => filter(&text),
        Err(VarError::NotPresent) => filter(""),
        Err(VarError::NotUnicode(_)) => None,
    };
    let filter = filter.ok_or_else(|| {
        anyhow::anyhow!(
            "{VARIABLE} must be error, warn, info, debug or trace, or levels by module such as \
             `warn,hallmark_proxy=debug`"
        )
    })?;
    tracing_subscriber::fmt()
        .with_writer(io::stderr)
        .with_ansi(io::stderr().is_terminal())
        .with_env_filter(filter)
        .init();
    Ok(())
}

/// Nothing is the default, `info`. A bare word that is no level would be taken for the name of a module, of which
/// everything is logged, and nothing of all others: hardly ever what was meant.
fn filter(text: &str) -> Option<EnvFilter> {
    let text = if text.trim().is_empty() { "info" } else { text.trim() };
    let meant = |directive: &str| {
        let level = || !directive.is_empty() && directive.parse::<LevelFilter>().is_ok();
        directive.contains(['=', '[']) || level()
    };
    if !text.split(',').all(|directive| meant(directive.trim())) {
        return None;
    }
    EnvFilter::builder().parse(text).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_levels_are_taken_for_levels() {
        for good in ["", " ", "error", "warn", "INFO", "debug", "trace", "off", "warn,hallmark_proxy=debug"] {
            assert!(filter(good).is_some(), "{good}");
        }
        for bad in ["nonsense", "inf", "info,", "info,nonsense", "hallmark_proxy=loud", "=", "warn;debug"] {
            assert!(filter(bad).is_none(), "{bad}");
        }
        assert_eq!(filter("").map(|filter| filter.to_string()), Some("info".to_owned()));
    }
}
