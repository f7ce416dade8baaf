//! `hallmark-proxy rotate-seal-key`: from one seal key to the next, in steps that can be repeated.
//!
//! Which step it is follows from what the configuration says and which files there are; nothing else is remembered, and
//! the configuration is never written. An existing key is never replaced. `deploy/keys.md` has the whole story.

mod files;
mod instance;

use std::io::{Write as _, stdout};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context as _;
use hallmark_config::{Config, SealKey, SealKeyWork};
use hallmark_signer::PublicKey;

use self::files::{Made, made_or_read};
use self::instance::Instance;

/// How far it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    /// The new key is there; the configuration does not trust it yet.
    Trust,
    /// The configuration trusts it; another key makes the seals.
    Sign,
    /// It makes the seals; others are still trusted.
    Drop,
    /// It makes the seals, and only its own are accepted.
    Done,
}

/// Finds out how far it is and says what is next. Exit code 1: some instance is not that far yet.
///
/// # Errors
/// The configuration is wrong, a file cannot be made or is not what it should be, or an instance does not answer.
pub(crate) fn run(config_file: &Path, new_key: &Path, instances: &[String]) -> anyhow::Result<ExitCode> {
    let config = Config::load(config_file)?;
    hallmark_proxy::check(&config)?;
    if let SealKeyWork::Certifies { lifetime } = config.seal.work {
        anyhow::bail!(
            "a certifier makes the seal keys, and every instance takes a new one by itself within {} hours: there is nothing to \
             rotate. To change the certifier, take the steps of deploy/keys.md: all instances trust the new one \
             (`trusted_certifier_files`), then each is given it (`certifier`) and trusts the old one, whose public half stays \
             for as long as what its keys sealed is served",
            lifetime.as_secs() / 3600
        );
    }
    let SealKey::File(active_file) = &config.seal.key else {
        anyhow::bail!(
            "the seal key is in a token (`seal.signer`), and this command works with key files: make the new key in the \
             token, and take the steps of deploy/keys.md by hand (`hallmark public-key --signer …` writes its public half)"
        );
    };
    // It may be encrypted, which the configuration knows how to open.
    let active = hallmark_proxy::seal_public_key(&config).map_err(anyhow::Error::msg)?;
    let (new, made) = made_or_read(new_key)?;
    // The old key's public half is needed when it no longer makes seals.
    let old_public = files::publish(active_file, &active)?;
    let new_public = files::publish(new_key, &new)?;
    let trusted = config.seal.trusted_key_files.iter().map(|path| files::public(path));
    let trusted: Vec<PublicKey> = trusted.collect::<Result<_, _>>()?;
    let step = step(&active, &new, &trusted);

    let mut out = stdout().lock();
    match made {
        Made::Now => writeln!(out, "made      {} (secret) and {}", new_key.display(), new_public.display())?,
        Made::Before => writeln!(out, "found     {}, as it was made before", new_key.display())?,
    }
    writeln!(out, "active    {} of {}", active.id().hint(), active_file.display())?;
    writeln!(out, "new       {} of {}\n", new.id().hint(), new_key.display())?;
    let mut behind = 0;
    for address in instances {
        let instance = Instance::ask(address).with_context(|| format!("cannot ask {address}"))?;
        let (ready, state) = instance.state(step, &new);
        writeln!(out, "instance  {address}: {state}")?;
        behind += usize::from(!ready);
    }
    if behind > 0 {
        writeln!(
            out,
            "\nNot yet: {behind} of the instances are not where the configuration is. Each reads it again by \
            itself within\nseconds, or on SIGHUP; its log says why it refuses one. Repeat this command then."
        )?;
        return Ok(ExitCode::FAILURE);
    }
    let text = advice(step, &config, config_file, new_key, &new_public, &old_public);
    writeln!(out, "{text}")?;
    Ok(ExitCode::SUCCESS)
}

fn step(active: &PublicKey, new: &PublicKey, trusted: &[PublicKey]) -> Step {
    match (active == new, trusted.contains(new), trusted.iter().any(|key| key != new)) {
        (true, _, true) => Step::Drop,
        (true, _, false) => Step::Done,
        (false, true, _) => Step::Sign,
        (false, false, _) => Step::Trust,
    }
}

/// A file as the configuration names it, which reads names from its own folder; this command, from where it runs.
fn as_configured(path: &Path, config_file: &Path) -> PathBuf {
    let folder =
        config_file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    match (path.canonicalize(), folder.canonicalize()) {
        (Ok(path), Ok(folder)) => path.strip_prefix(&folder).map(Path::to_owned).unwrap_or(path),
        (Err(_), _) | (_, Err(_)) => path.to_owned(),
    }
}

fn advice(
    step: Step,
    config: &Config,
    config_file: &Path,
    new_key: &Path,
    new_public: &Path,
    old_public: &Path,
) -> String {
    let shown = |path: &Path| shown(&as_configured(path, config_file));
    let (new_key, new_public, old_public) = (shown(new_key), shown(new_public), shown(old_public));
    let list = |paths: &[String]| paths.join(", ");
    let mut trusted: Vec<String> = config.seal.trusted_key_files.iter().map(|path| shown(path)).collect();
    match step {
        Step::Trust => {
            trusted.push(new_public.clone());
            format!(
                "Step 1 of 3: every instance must accept seals by the new key before any makes one.\n\
                 Copy {new_public} to all instances, and {new_key} by a way on which nobody else reads it (mode 0600).\n\
                 Then on all of them:\n\n    [seal]\n    trusted_key_files = [{}]\n\n\
                 Give {new_public} also to those who verify seals themselves (`hallmark pull --seal-key`).\n\
                 Repeat this command when it is done.",
                list(&trusted)
            )
        }
        Step::Sign => {
            trusted.retain(|path| *path != new_public);
            trusted.push(old_public);
            format!(
                "Step 2 of 3: when all instances accept seals by the new key, let one after the other make them with it:\n\n\
                 \x20   [seal]\n    key_file = {new_key}\n    trusted_key_files = [{}]\n\n\
                 The old key stays trusted: what it sealed goes on being served.\n\
                 Repeat this command when it is done.",
                list(&trusted)
            )
        }
        Step::Drop => "Step 3 of 3: all instances make seals with the new key. The old private key can be put away safely, or \
             destroyed.\nKeep its public half in `trusted_key_files` for as long as artifacts that it sealed are to be \
             served: without it they\nare refused (ArtifactSealInvalid). If it has leaked, take it out now; what was \
             sealed by it must be sealed anew."
            .to_owned(),
        Step::Done => "The new key makes the seals, and no other one's are accepted: whatever another key has sealed is refused \
             (ArtifactSealInvalid).\nIf nothing of that is to be served any more, this is done. Else the old key was forgotten: put \
             its public half back into\n`trusted_key_files` on all instances. The first step of this command left it beside the \
             old key, as its name with `.pub`."
            .to_owned(),
    }
}

/// As it can be pasted into TOML.
fn shown(path: &Path) -> String {
    format!("{:?}", path.display().to_string())
}

/// The file of the public half of the key in `path`.
fn public_path(path: &Path) -> PathBuf {
    path.with_extension("pub")
}

#[cfg(test)]
mod tests {
    use hallmark_signer::PrivateKey;

    use super::*;

    #[test]
    fn the_step_follows_from_which_keys_there_are() {
        let [old, new, older] =
            [(); 3].map(|()| PrivateKey::generate().unwrap().into_seal_key().public_key().clone());
        for (active, trusted, expected) in [
            (&old, vec![], Step::Trust),
            (&old, vec![&older], Step::Trust),
            (&old, vec![&older, &new], Step::Sign),
            (&new, vec![&old, &new], Step::Drop),
            (&new, vec![&old], Step::Drop),
            (&new, vec![&new], Step::Done),
            (&new, vec![], Step::Done),
        ] {
            let trusted: Vec<_> = trusted.into_iter().cloned().collect();
            assert_eq!(step(active, &new, &trusted), expected);
        }
    }
}
