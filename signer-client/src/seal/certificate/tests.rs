use std::pin::pin;
use std::task::{Context, Poll, Waker};

use super::*;
use crate::key::PrivateKey;
use crate::seal::fixtures::Sample;
use crate::seal::{Certifier, SealError, SealKeys, SealLine, verify, verify_certified};
use crate::signer::Signer;
use crate::verdicts::NoVerdicts;
use crate::verdicts::tests::AllVerdicts;

/// What needs no waiting, as with a key in this process.
fn now<T>(future: impl Future<Output = T>) -> T {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(done) => done,
        Poll::Pending => panic!("nothing here has to be waited for"),
    }
}

fn certifier() -> Certifier {
    Signer::from(PrivateKey::generate().unwrap()).into_certifier()
}

/// A certificate of the sample's key, for an hour around the sample's time.
fn certificate(certifier: &Certifier, sample: &Sample) -> Certificate {
    let at = sample.claims.at;
    let lifetime = Lifetime::new(at - 1_800_000, at + 1_800_000).unwrap();
    now(certifier.certify(&sample.realm, sample.sealer.public_key(), lifetime)).unwrap()
}

/// What its signature is over.
fn said(certificate: &Certificate) -> KeyStatement<'_> {
    let Certificate { key, realm, lifetime, certifier, payload: _, signature: _ } = certificate;
    KeyStatement { realm, key, lifetime: *lifetime, certifier: *certifier }
}

fn trusting(certifier: &Certifier) -> SealKeys {
    SealKeys::default().certified_by([certifier.public_key().clone()])
}

fn check(sample: &Sample, keys: &SealKeys, certificate: &Certificate) -> Result<(), SealError> {
    let certificate = Arc::new(certificate.clone());
    let seal = verify_certified(&sample.seal(), &sample.observed(), keys, &certificate, &NoVerdicts)?;
    assert_eq!((seal.signer(), seal.certificate()), (sample.sealer.public_key(), Some(&certificate)));
    Ok(())
}

fn fault(sample: &Sample, fault: CertificateFault) -> Result<(), SealError> {
    Err(SealError::Certificate { key: sample.sealer.public_key().id().hint(), fault })
}

#[test]
fn a_certified_key_seals_for_its_certifiers_friends() {
    let (sample, certifier) = (Sample::of_size(5), certifier());
    let (good, keys) = (certificate(&certifier, &sample), trusting(&certifier));
    assert_eq!(check(&sample, &keys, &good), Ok(()));
    assert!(keys.may_be_certified(good.hint()));
    // Not by itself.
    let alone = verify(&sample.seal(), &sample.observed(), &keys, &NoVerdicts);
    assert_eq!(alone.err(), Some(SealError::UnknownKey(good.hint())));
    assert!(!keys.trusts(sample.sealer.public_key()) && !keys.trusts(certifier.public_key()));
}

#[test]
fn a_certificate_is_of_one_key_by_one_certifier_for_one_realm() {
    let ([sample, other], [certifier, stranger]) =
        ([(); 2].map(|()| Sample::of_size(5)), [(); 2].map(|()| certifier()));
    let keys = trusting(&certifier);
    let good = certificate(&certifier, &sample);
    let by_stranger = certificate(&stranger, &sample);
    assert_eq!(check(&sample, &keys, &by_stranger), fault(&sample, CertificateFault::Certifier));
    // Who names another one has not signed as that one.
    let feigned = KeyStatement { certifier: certifier.public_key().id(), ..said(&by_stranger) };
    let feigned = feigned.signed(by_stranger.signature);
    assert_eq!(check(&sample, &keys, &feigned), fault(&sample, CertificateFault::Signature));
    assert_eq!(
        check(&sample, &keys, &certificate(&certifier, &other)),
        fault(&sample, CertificateFault::Malformed)
    );
    let at = sample.claims.at;
    let wider =
        KeyStatement { lifetime: Lifetime::new(at - 3_600_000, at + 3_600_000).unwrap(), ..said(&good) };
    let wider = wider.signed(good.signature);
    assert_eq!(check(&sample, &keys, &wider), fault(&sample, CertificateFault::Signature));
    let mut elsewhere = Sample::of_size(5);
    elsewhere.realm = "elsewhere".to_owned();
    let of_another = certificate(&certifier, &elsewhere);
    elsewhere.realm = sample.realm.clone();
    assert_eq!(check(&elsewhere, &keys, &of_another), fault(&elsewhere, CertificateFault::Realm));
    // The certificate of a key does not make another's seal hold.
    let mut line = sample.seal();
    line.key = other.sealer.public_key().id().hint();
    let wrong = Arc::new(certificate(&certifier, &other));
    let swapped = verify_certified(&line, &sample.observed(), &keys, &wrong, &NoVerdicts);
    assert_eq!(swapped.err(), Some(SealError::Signature));
}

#[test]
fn a_certified_key_seals_within_its_time_alone() {
    let (mut sample, certifier) = (Sample::of_size(5), certifier());
    let (good, keys) = (certificate(&certifier, &sample), trusting(&certifier));
    for (at, expected) in [
        (good.lifetime().not_before() - 1, fault(&sample, CertificateFault::Lifetime)),
        (good.lifetime().not_before(), Ok(())),
        (good.lifetime().not_after(), Ok(())),
        (good.lifetime().not_after() + 1, fault(&sample, CertificateFault::Lifetime)),
    ] {
        sample.claims.at = at;
        assert_eq!(check(&sample, &keys, &good), expected, "{at}");
    }
}

/// Whatever was remembered: today's keys decide.
#[test]
fn what_was_verified_is_asked_again() {
    let (sample, certifier) = (Sample::of_size(5), certifier());
    let (good, keys) = (Arc::new(certificate(&certifier, &sample)), trusting(&certifier));
    let verdicts = AllVerdicts::default();
    let seal = verify_certified(&sample.seal(), &sample.observed(), &keys, &good, &verdicts).unwrap();
    assert!(keys.still_trust(&seal, &verdicts));
    let key = sample.sealer.public_key().id();
    for less in [SealKeys::default(), sample.keys(), keys.clone().refusing([(key, Arc::from("it leaked"))])] {
        assert!(!less.still_trust(&seal, &verdicts), "{less:?}");
    }
    let refusing = keys.refusing([(key, Arc::from("it leaked"))]);
    let refused = check(&sample, &refusing, &good).unwrap_err().to_string();
    assert!(refused.ends_with("is not trusted: it is refused: it leaked"), "{refused}");
    // A key that is trusted by itself needs no certificate, and is not asked for one.
    assert!(!sample.keys().certified_by([certifier.public_key().clone()]).may_be_certified(key.hint()));
    assert!(!sample.keys().may_be_certified(key.hint()), "nobody certifies");
}

#[test]
fn any_one_byte_change_is_refused() {
    let (sample, certifier) = (Sample::of_size(5), certifier());
    let (good, keys) = (certificate(&certifier, &sample), trusting(&certifier));
    let text = good.to_json().into_bytes();
    let holds = |text: &[u8]| {
        let read = Certificate::parse(text).ok();
        read.is_some_and(|read| check(&sample, &keys, &read).is_ok())
    };
    assert!(holds(&text) && text.len() * 2 < MAX_CERTIFICATE);
    for index in 0..text.len() {
        let mut changed = text.clone();
        for other in [text[index] ^ 1, text[index] ^ 0x20, b' ', b'A', b'0', b'"', 0, 0xff] {
            if other != text[index] {
                changed[index] = other;
                assert!(!holds(&changed), "{}", String::from_utf8_lossy(&changed));
            }
        }
        changed.remove(index);
        assert!(!holds(&changed), "without byte {index}");
        changed.splice(index..index, [text[index]; 2]);
        assert!(!holds(&changed), "byte {index} twice");
    }
}

#[test]
fn what_is_no_certificate_is_refused() {
    let (sample, certifier) = (Sample::of_size(5), certifier());
    let good = certificate(&certifier, &sample);
    let text = good.to_json();
    let envelope = Envelope::parse(text.as_bytes()).unwrap();
    let with_payload = |change: &dyn Fn(String) -> String| {
        let payload = change(String::from_utf8(envelope.payload.clone()).unwrap());
        Envelope { payload: payload.into_bytes(), ..envelope.clone() }.to_json()
    };
    let twice = Envelope {
        signatures: [envelope.signatures.as_slice(), envelope.signatures.as_slice()].concat(),
        ..envelope.clone()
    };
    let high = Certificate { signature: good.signature.negated(), ..good.clone() };
    let seal: SealLine = sample.seal();
    for bad in [
        String::new(),
        "{}".to_owned(),
        format!("{text}\n"),
        format!("{text}{}", " ".repeat(MAX_CERTIFICATE)),
        twice.to_json(),
        high.to_json(),
        with_payload(&|payload| payload.replace("seal-key:v1", "seal-key:v2")),
        with_payload(&|payload| payload.replace("notBefore\":1", "notBefore\":9")),
        with_payload(&|payload| payload.replace("{\"realm\"", "{\"more\":1,\"realm\"")),
        with_payload(&|payload| payload.replace("{\"realm\"", "{\"realm\":\"prod\",\"realm\"")),
        with_payload(&|payload| payload.replace("\"seal-key\"", "\"another\"")),
        with_payload(&|payload| payload + " "),
        sample.verified().envelope().to_json(),
        seal.to_string(),
    ] {
        assert_eq!(Certificate::parse(bad.as_bytes()), Err(MalformedCertificate), "{bad}");
    }
    assert_eq!(Certificate::parse(text.as_bytes()), Ok(good));
    assert_eq!(Lifetime::new(2, 1), None);
    let longest = (90 * 24 * 60 + 5) * 60 * 1000;
    assert!(Lifetime::new(7, 7 + longest).is_some());
    assert_eq!(Lifetime::new(7, 8 + longest), None);
    assert_eq!(Lifetime::new(0, MAX_NUMBER + 1), None);
}
