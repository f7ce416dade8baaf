//! What to do about an answer that refuses.
//!
//! A code may have several reasons, which only the endpoint's words tell apart. Where they are not known, what is said holds
//! for all of them.

use crate::command::failure::Failure;
use crate::command::service::ACCESS_DENIED;

/// What the code and the message of an answer suggest.
fn of(code: Option<&str>, message: Option<&str>) -> Option<&'static str> {
    let says = |words: &str| message.is_some_and(|message| message.contains(words));
    Some(match code? {
        "ArtifactUnsealed" => "it did not come through Hallmark: upload it again",
        "ArtifactDigestMismatch" => {
            "it was changed in the store: find out who wrote to it, and upload the artifact again"
        }
        "ArtifactSealInvalid" => {
            "look at the endpoint's configuration first: is the key that sealed it seal.key_file (or seal.signer) or among \
             seal.trusted_key_files, or certified by seal.certifier or one of seal.trusted_certifier_files, and not among \
             [[seal.refused]]? else it was changed in the store: find out who wrote to it, and upload the artifact again"
        }
        "ArtifactSignatureMissing" | "ArtifactSignerUntrusted" => {
            "the endpoint's rule for this key names who must sign: upload it signed (`hallmark push --key FILE.key`, or `--signer`), \
             have it approved where that is enough (`hallmark approve`), or change the rule"
        }
        "ArtifactKeyRevoked" => {
            "what was signed is revoked, with its key or alone, and does not count any more: have it signed anew, with a key that the rule \
             names and that is not revoked"
        }
        "ArtifactKeyNotValid" => {
            "sign with a key that is valid now: its `not_before` and `not_after` are in the endpoint's configuration"
        }
        "ArtifactRoleUnmet" | "ArtifactAttestationUnmet" => {
            "others have to sign it: `hallmark approve --role ROLE --key FILE.key …`, by a client that may see it before"
        }
        "ArtifactSignatureRefused" => refused_signature(says),
        "ArtifactDenied" => "the endpoint's configuration denies it, whoever signs it: use another artifact",
        "ArtifactSealTooOld" | "ArtifactSealKindRefused" => {
            "the rule accepts no such seal, whoever signs: upload the artifact again, if it is known to be good"
        }
        "ArtifactRolledBack" => {
            "find out who wrote to the store; uploading the right version again makes it good"
        }
        "InvalidAccessKeyId" | "SignatureDoesNotMatch" => {
            "these are not credentials of the endpoint: see AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, --profile"
        }
        "AuthorizationHeaderMalformed" if says("the region ") => {
            "give the endpoint's region (`server.region` of its configuration) by --region, AWS_REGION or the profile's `region`"
        }
        "PreconditionFailed" => "it changed in between: try again",
        "RequestTimeTooSkewed" => "set the clock of this machine",
        "NoSuchBucket" => "is the bucket's name right? a new one is made by `aws s3 mb s3://BUCKET`",
        ACCESS_DENIED if says("whether there is such a key") => {
            "is the key spelt right? who may list is told; permissions are given to clients in the endpoint's configuration: `grants`"
        }
        // The endpoint names it itself.
        ACCESS_DENIED if says("permission") => {
            "permissions are given to clients in the endpoint's configuration: `grants`"
        }
        ACCESS_DENIED => {
            "are these the right credentials? the client's permissions are in the endpoint's configuration"
        }
        _ => return None,
    })
}

/// The failure, with what its code and the endpoint's `message` suggest.
pub(crate) fn onto(failure: Failure, message: Option<&str>) -> Failure {
    match of(failure.code.as_deref(), message) {
        Some(hint) => failure.hint(hint),
        None => failure,
    }
}

/// Why a signature that was to stand beside an artifact would not count.
fn refused_signature(says: impl Fn(&str) -> bool) -> &'static str {
    if says("stands under the name for one by") {
        "--as NAME says whose key it is: what the endpoint's configuration calls the signer"
    } else if says("and the rule for the artifact asks for") {
        "give one of those by --role"
    } else if says("is not one of its signers") {
        "give a role that this signer has by --role, or have the endpoint's configuration name the signer in that one \
         ([roles.ROLE] signers)"
    } else if says("it is by another key, or over other bytes") {
        "does the rule for the artifact name this key, and does the endpoint's configuration call it so (--as NAME)? if the \
         artifact was replaced meanwhile, look at it and repeat this"
    } else {
        "sign what stands there now, with the key that the endpoint's configuration calls so (`hallmark approve --as NAME`)"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The words are those of the endpoint: the scenarios compare them with what it says.
    #[test]
    fn each_reason_has_its_own() {
        let codes = ["ArtifactSignatureRefused", "AccessDenied"];
        let messages = [
            None,
            Some("it is a signature by `a`, and stands under the name for one by `b`"),
            Some(
                "it says that it approves for the role `x`, and the rule for the artifact asks for `release`",
            ),
            Some("it says that it approves for the role `x`, and `a` is not one of its signers"),
            Some(
                "it is no signature by `a` over `k` as that stands there: it is by another key, or over other bytes",
            ),
        ];
        let hints: std::collections::BTreeSet<_> =
            messages.iter().map(|message| of(Some(codes[0]), *message).unwrap()).collect();
        assert_eq!(hints.len(), messages.len());
        let unknown = of(Some(codes[1]), Some("ci lacks the permission `read` there."));
        assert!(unknown.unwrap().contains("`grants`") && !unknown.unwrap().contains("spelt"));
        assert_eq!(of(Some("AuthorizationHeaderMalformed"), Some("the Credential is mal-formed")), None);
        assert_eq!(of(None, Some("the region ")), None);
        let seal = of(Some("ArtifactSealInvalid"), None).unwrap();
        for place in ["seal.key_file", "trusted_key_files", "certifier", "[[seal.refused]]"] {
            assert!(seal.contains(place), "{place}");
        }
    }
}
