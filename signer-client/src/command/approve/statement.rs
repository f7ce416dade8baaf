//! A signed statement that names bucket, key and role: a line in `<key>.intoto.jsonl`, which all signers share.

use hallmark_signer::dsse::Envelope;
use hallmark_signer::evidence::{MAX_ATTESTATIONS, MAX_FILE, parse_attestations};
use hallmark_signer::signer::Signer;
use hallmark_signer::{DsseKey, NoVerdicts};

use super::{Added, Approval, Verified};
use crate::command::args::ApproveArgs;
use crate::command::failure::Failure;
use crate::command::keys::SealTrust;
use crate::command::location::Location;
use crate::command::remote::Remote;
use crate::command::sibling::{self, Condition, Found, New, Put};
use crate::command::signing;

/// How often it is tried while others add theirs.
const MAX_TRIES: usize = 5;

/// Signs a statement about the artifact and adds it to those that are there.
pub(super) async fn approve(
    args: &ApproveArgs,
    key: DsseKey<Signer>,
    verified: &Verified,
    remote: &Remote,
    seals: Option<&SealTrust>,
) -> Result<Approval, Failure> {
    let at = sibling::beside(&args.location, ".intoto.jsonl")?;
    let statement = verified.artifact.statement(args.role.as_str());
    let statement = statement.map_err(|error| Failure::failed(error.to_string()))?;
    let envelope = key.sign(&statement).await.map_err(|error| signing::failure(&error))?;
    let line = format!("{}\n", envelope.to_json());
    let mut added = None;
    for _ in 0..MAX_TRIES {
        let found = sibling::read(remote, &at, seals).await?;
        let present = found.as_ref().map_or(Ok(Vec::new()), |found| read(&at, found))?;
        if present.iter().any(|other| is_same(other, &envelope, &key)) {
            added = Some(Added::Before);
            break;
        }
        let (bytes, condition) = match found {
            None => (line.clone().into_bytes(), Condition::Absent),
            Some(found) => (appended(&at, found.bytes, &present, &line)?, Condition::Matches(found.etag)),
        };
        match sibling::put(remote, &at, New { bytes, role: &args.role, key: key.public_key() }, &condition)
            .await?
        {
            Put::Stored => {
                added = Some(Added::Now);
                break;
            }
            // Somebody else was faster: theirs stays.
            Put::Occupied => {}
        }
    }
    let added = added.ok_or_else(|| {
        Failure::failed(format!("{at} changed each of the {MAX_TRIES} times that a line was to be added"))
            .hint("try again when nobody else approves")
    })?;
    sibling::demand_counts(remote, &args.location, &at).await?;
    Ok(Approval { at, key: key.public_key().clone(), added })
}

/// The envelopes that are there. What cannot be read would spoil what is added.
fn read(at: &Location, found: &Found) -> Result<Vec<Envelope>, Failure> {
    parse_attestations(&found.bytes).map_err(|error| {
        Failure::failed(format!("{at} is there, and no statement can be added: {error}"))
            .hint("look at it, and take it away (`aws s3 rm`) if nobody needs it")
    })
}

/// Whether this key has signed the same statement before.
fn is_same(other: &Envelope, new: &Envelope, key: &DsseKey<Signer>) -> bool {
    let says = other.payload_type == new.payload_type && other.payload == new.payload;
    let signed = || other.verified_by([((), key.public_key())], &NoVerdicts).is_ok_and(|by| !by.is_empty());
    says && signed()
}

fn appended(at: &Location, mut bytes: Vec<u8>, present: &[Envelope], line: &str) -> Result<Vec<u8>, Failure> {
    if !bytes.ends_with(b"\n") {
        bytes.push(b'\n');
    }
    bytes.extend_from_slice(line.as_bytes());
    if present.len() >= MAX_ATTESTATIONS || bytes.len() > MAX_FILE {
        let most = format!("at most {MAX_ATTESTATIONS} statements and {MAX_FILE} bytes");
        return Err(Failure::failed(format!("{at} is full: it takes {most}")));
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_added_until_it_is_full() {
        let at: Location = "s3://b/k.intoto.jsonl".parse().unwrap();
        let envelope = r#"{"payloadType":"t","payload":"","signatures":[{"sig":"AA=="}]}"#;
        let line = format!("{envelope}\n");
        // Also where what is there does not end in a newline.
        let mut bytes = envelope.as_bytes().to_vec();
        for count in 1..MAX_ATTESTATIONS {
            let present = parse_attestations(&bytes).unwrap();
            assert_eq!(present.len(), count);
            bytes = appended(&at, bytes, &present, &line).unwrap();
        }
        let present = parse_attestations(&bytes).unwrap();
        assert!(appended(&at, bytes, &present, &line).is_err());
        let long = vec![b' '; MAX_FILE - line.len()];
        assert!(appended(&at, long, &present[..1], &line).is_err());
    }
}
