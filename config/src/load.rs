//! From a file to a [`Config`], or to everything that is wrong with it.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use toml::de::DeTable;

use crate::error::{ConfigError, ConfigErrors, Position};
use crate::reader::{Document, Read, Table};
use crate::sections;
use crate::types::Config;

/// A configuration that was read, or what is wrong with it, and what it depends on.
#[derive(Debug)]
pub struct Loaded {
    /// The configuration.
    pub config: Result<Config, ConfigErrors>,
    /// The file itself and all that it names, as far as it could be read: files, there or not, and folders.
    pub files: BTreeSet<PathBuf>,
}

impl Config {
    /// Reads and checks the file at `path`, the files with secrets and public keys that it names, and the
    /// environment variables that it names.
    ///
    /// # Errors
    /// [`ConfigErrors`]: everything that is wrong, at once.
    pub fn load(path: &Path) -> Result<Self, ConfigErrors> {
        Self::load_with_files(path).config
    }

    /// The same, and which files that depended on, also where something is wrong: what was missing may come.
    pub fn load_with_files(path: &Path) -> Loaded {
        let origin = path.display().to_string();
        let mut files = BTreeSet::from([path.to_owned()]);
        let base_dir = path.parent().unwrap_or(Path::new(""));
        let text = fs::read_to_string(path)
            .map_err(|error| ConfigErrors::unreadable(&origin, format!("cannot be read: {error}")));
        let env = |name: &str| std::env::var(name).ok();
        let config = text.and_then(|text| read_text(&text, base_dir, &origin, &env, &mut files));
        Loaded { config, files }
    }

    /// Checks `text`. Relative file names in it begin at `base_dir`; `origin` is what errors call the file; `env`
    /// looks up environment variables.
    ///
    /// # Errors
    /// [`ConfigErrors`]: everything that is wrong, at once. A text that is not TOML is judged no further.
    pub fn parse(
        text: &str,
        base_dir: &Path,
        origin: &str,
        env: &dyn Fn(&str) -> Option<String>,
    ) -> Result<Self, ConfigErrors> {
        read_text(text, base_dir, origin, env, &mut BTreeSet::new())
    }
}

/// Adds to `files` what `text` names.
fn read_text(
    text: &str,
    base_dir: &Path,
    origin: &str,
    env: &dyn Fn(&str) -> Option<String>,
    files: &mut BTreeSet<PathBuf>,
) -> Result<Config, ConfigErrors> {
    let table = syntax(text, origin)?;
    let document = Document::new(text, base_dir, env);
    let config = read(&document, &table);
    files.append(&mut document.files());
    let sources = document.sources(origin);
    document.finish(origin, config.map(|config| Config { sources, ..config }))
}

/// Reads all of a document.
pub(crate) fn read<'a>(document: &'a Document<'a>, table: &'a DeTable<'a>) -> Read<Config> {
    Table::read(document.root(), Some(table), sections::config)
}

/// The TOML tree of `text`, or the first thing that is not TOML: those after it are mostly its echoes.
pub(crate) fn syntax<'a>(text: &'a str, origin: &str) -> Result<DeTable<'a>, ConfigErrors> {
    DeTable::parse(text).map(toml::Spanned::into_inner).map_err(|error| {
        let position = error.span().map(|span| Position::of(text, span.start));
        let message = format!("not TOML: {}", error.message());
        ConfigErrors::new(origin, vec![ConfigError { position, key: String::new(), message }])
    })
}
