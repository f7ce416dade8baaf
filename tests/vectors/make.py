#!/usr/bin/env python3
"""Makes the vectors in this folder anew; fetches nothing. Needs openssl, softhsm2 and opensc (Debian's packages), PyPI's
cryptography and securesystemslib (with its extra `crypto`), and what make-sigstore.mjs wrote:

    node make-sigstore.mjs RAW FOLDER_WITH_NODE_MODULES && python3 make.py RAW

Each vector is a text: what it is, what is given, what must come of it, a line `---`, and the file.
"""
import base64, copy, datetime, hashlib, json, os, pathlib, subprocess, sys, tempfile

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, utils
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from securesystemslib.dsse import Envelope
from securesystemslib.signer import CryptoSigner

HERE = pathlib.Path(__file__).parent
RAW = pathlib.Path(sys.argv[1])
ARTIFACT = b"an artifact\n"
SHA256 = hashlib.sha256(ARTIFACT).hexdigest()
STATEMENT = "https://in-toto.io/Statement/v1"
IN_TOTO = "application/vnd.in-toto+json"
dump = lambda value: json.dumps(value, separators=(",", ":"))
b64 = lambda data: base64.b64encode(data).decode()
b64url = lambda data: base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def vector(name, what, body, expect, **given):
    """One file. `body` is a text, or bytes, which are written as base64."""
    lines = [f"# {what}", f"artifact: {json.dumps(given.pop('artifact', ARTIFACT.decode()))}"]
    lines += [f"{key}: {value}" for key, value in given.items()]
    if isinstance(body, bytes):
        body = b64(body)
        lines.append("encoding: base64")
    path = HERE / f"{name}.txt"
    path.parent.mkdir(exist_ok=True)
    path.write_text("\n".join(lines + [f"expect: {expect}", "---", body]))


def changed(value, path, new):
    """A copy of `value` with something else at `path`; without it, if that is `...`."""
    value = copy.deepcopy(value)
    inner = value
    for step in path[:-1]:
        inner = inner[step]
    if new is ...:
        del inner[path[-1]]
    else:
        inner[path[-1]] = new
    return value


def openssl(*words, **more):
    return subprocess.run(["openssl", *words], check=True, capture_output=True, **more).stdout


def key_files(name):
    """A key of openssl's."""
    key = openssl("genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256")
    (HERE / f"{name}.pub").write_bytes(openssl("pkey", "-pubout", input=key))
    return key


def detached(key, other):
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        (folder / "artifact").write_bytes(ARTIFACT)
        def sign(key, digest="-sha256"):
            (folder / "key").write_bytes(key)
            return openssl("dgst", digest, "-sign", str(folder / "key"), str(folder / "artifact"))
        der, theirs, wrong = sign(key), sign(other), sign(key, "-sha384")
        p384 = sign(openssl("genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-384"))
    given = dict(key="openssl.pub")
    put = lambda name, what, body, expect="accepted", **more: vector(f"detached/{name}", what, body, expect, **{**given, **more})
    put("openssl-der", "openssl dgst -sha256 -sign", der)
    put("openssl-base64", "openssl dgst -sha256 -sign, in base64, as cosign writes it", b64(der))
    put("newline", "The same with a newline", b64(der) + "\n")
    r, s = utils.decode_dss_signature(der)
    order = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
    put("other-s", "(r, n - s), which holds too", utils.encode_dss_signature(r, order - s))
    put("other-key", "By another key", theirs, "refused: nobody")
    put("other-artifact", "For another artifact", der, "refused: nobody", artifact="another artifact\n")
    put("other-digest", "Over the SHA-384 of the artifact", wrong, "refused: nobody")
    put("other-curve", "By a key on P-384", p384, "refused: neither a DER")
    put("two", "Two signatures", b64(der) + "\n" + b64(theirs) + "\n", "refused: neither a DER")
    put("trailing", "A byte after the DER", der + b"\0", "refused: neither a DER")
    put("trailing-base64", "The same in base64", b64(der + b"\0"), "refused: neither a DER")
    put("raw", "r || s in base64", b64(r.to_bytes(32) + s.to_bytes(32)), "refused: neither a DER")
    put("empty", "Nothing", "", "refused: neither a DER")
    return der


def token():
    """What SoftHSM signs with a key that it made and keeps: a digest that it is given, as pkcs11-tool asks it to."""
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        (folder / "tokens").mkdir()
        (folder / "softhsm2.conf").write_text(f"directories.tokendir = {folder / 'tokens'}\n")
        env = {**os.environ, "SOFTHSM2_CONF": str(folder / "softhsm2.conf")}
        run = lambda *words, **more: subprocess.run(words, check=True, capture_output=True, env=env, **more).stdout
        pin = ["--pin", "1234"]
        run("softhsm2-util", "--init-token", "--free", "--label", "vectors", "--so-pin", "1234", *pin)
        tool = lambda *words, **more: run("pkcs11-tool", "--module", "/usr/lib/softhsm/libsofthsm2.so", "--token-label", "vectors", *pin, *words, **more)
        tool("--keypairgen", "--key-type", "EC:prime256v1", "--id", "01")
        public = tool("--read-object", "--type", "pubkey", "--id", "01")
        (HERE / "softhsm2.pub").write_bytes(openssl("pkey", "-pubin", "-inform", "DER", "-pubout", input=public))
        def sign(digest):
            (folder / "digest").write_bytes(digest)
            tool("--sign", "--mechanism", "ECDSA", "--signature-format", "openssl", "--id", "01", "--input-file", str(folder / "digest"), "--output-file", str(folder / "signature"))
            return (folder / "signature").read_bytes()
        der, of_another = sign(hashlib.sha256(ARTIFACT).digest()), sign(hashlib.sha256(b"another artifact\n").digest())
    put = lambda name, what, body, expect="accepted": vector(f"detached/{name}", what, body, expect, key="softhsm2.pub")
    put("softhsm2", "By SoftHSM, over the digest, as pkcs11-tool asks it to", der)
    put("softhsm2-other-artifact", "By SoftHSM, over the digest of another artifact", of_another, "refused: nobody")
    vector("detached/softhsm2-other-key", "By SoftHSM, where another key is trusted", der, "refused: nobody", key="openssl.pub")


def statement(digest=SHA256, name="releases/app.tar", kind=STATEMENT, predicate_type="https://example.com/tested/v1", **predicate):
    subject = [{"name": name, "digest": {"sha256": digest}}]
    return {"_type": kind, "subject": subject, "predicateType": predicate_type, "predicate": predicate}


def provenance(parameters, builder="https://builder.example/v1", dependencies=()):
    return statement(
        predicate_type="https://slsa.dev/provenance/v1",
        buildDefinition={"buildType": "https://builder.example/workflow/v1", "externalParameters": parameters, "internalParameters": {},
                         "resolvedDependencies": [{"uri": uri, "digest": {"gitCommit": "00"}} for uri in dependencies]},
        runDetails={"builder": {"id": builder}, "metadata": {"invocationId": "1"}},
    )


def attestations(pem):
    key = serialization.load_pem_private_key(pem, None)
    signer, stranger = CryptoSigner(key), CryptoSigner.generate_ecdsa()
    def signed(payload, *signers, kind=IN_TOTO):
        payload = payload if isinstance(payload, bytes) else dump(payload).encode()
        envelope = Envelope(payload, kind, {})
        for signer in signers:
            envelope.sign(signer)
        return envelope.to_dict()
    given = dict(key="securesystemslib.pub")
    def put(name, what, body, expect="accepted", **more):
        body = body if isinstance(body, str) else dump(body)
        vector(f"attestation/{name}", what, body, expect, **{**given, **more})
    good = signed(statement(), signer)
    put("securesystemslib", "An in-toto statement that securesystemslib signed", good)
    put("named", "The same, which must name the artifact", good, names="releases/app.tar")
    put("other-name", "The same, which must name another", good, "refused: not about", names="releases/other.tar")
    put("newline", "The same with a newline", dump(good) + "\n")
    put("two-lines", "Two statements", dump(good) + "\n" + dump(signed(statement(name="b/k"), signer)))
    put("two-signatures", "Signed by two, of whom one is known", signed(statement(), stranger, signer))
    put("urlsafe", "In the other alphabet of base64", changed(good, ["payload"], good["payload"].replace("+", "-").replace("/", "_")))
    put("keyid", "With another key id, which decides nothing", changed(good, ["signatures", 0, "keyid"], "00" * 32))
    put("more-fields", "With a field that DSSE does not know", {**good, "more": 1})
    github = provenance({"workflow": {"ref": "refs/heads/main", "repository": "https://github.com/acme/app", "path": ".github/workflows/release.yml"}})
    demand = dict(demand=dump({"predicate_type": "https://slsa.dev/provenance/v1", "builder_id": "https://builder.example/v1",
                               "build_type": "https://builder.example/workflow/v1", "source": "https://github.com/acme/app"}))
    put("slsa", "SLSA provenance, with the parameters of GitHub's workflows", signed(github, signer), **demand)
    gitlab = provenance({"source": "https://github.com/acme/app", "entryPoint": "build"}, dependencies=["git+https://github.com/evil/app@1"])
    put("slsa-gitlab", "SLSA provenance, with the parameters of GitLab's runner", signed(gitlab, signer), **demand)
    plain = provenance({}, dependencies=["git+https://github.com/acme/app@refs/heads/main", "pkg:docker/rust@sha256:00"])
    put("slsa-dependencies", "SLSA provenance that names its source among its dependencies", signed(plain, signer), **demand)
    put("slsa-other-source", "SLSA provenance from another repository", signed(changed(github, ["predicate", "buildDefinition", "externalParameters", "workflow", "repository"], "https://github.com/evil/app"), signer), "refused: was built from `https://github.com/evil/app`", **demand)
    put("slsa-two-sources", "SLSA provenance with dependencies from two repositories", signed(provenance({}, dependencies=["git+https://github.com/acme/app@1", "git+https://github.com/evil/app@1"]), signer), "refused: was built from", **demand)
    put("slsa-other-builder", "SLSA provenance by another builder", signed(provenance({"source": "https://github.com/acme/app"}, builder="https://builder.example/v2"), signer), "refused: was built by `https://builder.example/v2`", **demand)
    put("slsa-other-type", "SLSA provenance of another type of build", signed(changed(github, ["predicate", "buildDefinition", "buildType"], "https://builder.example/workflow/v2"), signer), "refused: the build is of the type `https://builder.example/workflow/v2`", **demand)
    put("slsa-other-predicate", "Another predicate where SLSA provenance is demanded", good, "refused: is of the type", **demand)
    put("slsa-without-builder", "SLSA provenance without a builder", signed(changed(github, ["predicate", "runDetails", "builder"], {}), signer), "refused: missing field `id`", **demand)
    put("other-subject", "A statement about another artifact", signed(statement(hashlib.sha256(b"").hexdigest()), signer), "refused: not about")
    put("other-key", "By another key", signed(statement(), stranger), "refused: none of the keys")
    put("other-type", "A statement of version 0.1", signed(statement(kind="https://in-toto.io/Statement/v0.1"), signer), "refused: not the type of in-toto statements")
    put("other-payload-type", "Not an in-toto statement by its payload's type", signed(statement(), signer, kind="application/json"), "refused: holds `application/json`")
    put("changed-payload-type", "Its payload's type was changed", changed(signed(statement(), signer, kind="application/json"), ["payloadType"], IN_TOTO), "refused: none of the keys")
    put("changed-payload", "Its payload was changed", changed(good, ["payload"], b64(dump(statement(name="b/k")).encode())), "refused: none of the keys")
    put("no-subject", "A statement about nothing", signed(changed(statement(), ["subject"], []), signer), "refused: 0 subjects")
    put("upper-case", "A digest in upper case", signed(statement(SHA256.upper()), signer), "refused: subject 1")
    twice = dump(statement()).replace('"digest":{', f'"digest":{{"sha256":"{"0" * 64}",')
    put("duplicate-in-payload", "A digest that stands twice in the signed statement", signed(twice.encode(), signer), "refused: duplicate field `sha256`")
    put("trailing-in-payload", "Something after the signed statement", signed(dump(statement()).encode() + b"{}", signer), "refused: trailing")
    put("duplicate", "A payload that stands twice in the envelope", dump(good).replace('{"payload"', '{"payload":"","payload"', 1), "refused: duplicate field `payload`")
    put("no-signature", "Without a signature", changed(good, ["signatures"], []), "refused: 0 signatures")
    put("empty-line", "With an empty line", dump(good) + "\n\n", "refused: line 2")
    put("array", "An array of envelopes", dump([good]), "refused: line 1")
    put("seventeen", "Seventeen statements", "\n".join([dump(good)] * 17), "refused: more than 16")
    example = {"payload": "aGVsbG8gd29ybGQ=", "payloadType": "http://example.com/HelloWorld",
               "signatures": [{"sig": "A3JqsQGtVsJ2O2xqrI5IcnXip5GToJ3F+FnZ+O88SjtR6rDAajabZKciJTfUiHqJPcIAriEGAHTVeCUjW2JIZA=="}]}
    put = lambda name, what, body, expect="accepted": vector(f"dsse/{name}", what, dump(body), expect, key="dsse-specification.pub")
    put("specification", "The example of the DSSE specification (protocol, Test Vectors): P-256, r || s", example)
    put("specification-type", "The same with another payload type", changed(example, ["payloadType"], "http://example.com/HelloWorlds"), "refused: nobody")
    put("specification-payload", "The same with another payload", changed(example, ["payload"], b64(b"hello worle")), "refused: nobody")
    put("specification-spare-bits", "The same with a bit set in the payload's base64 that stands for nothing", changed(example, ["payload"], "aGVsbG8gd29ybGR="), "refused: `payload` of the envelope is not base64")
    put("specification-cut", "The same with half of the signature", changed(example, ["signatures", 0, "sig"], example["signatures"][0]["sig"][:44]), "refused: nobody")
    return good


def bundles(der, envelope):
    media = "application/vnd.dev.sigstore.bundle.v0.3+json"
    material = lambda hint: {"publicKey": {"hint": hint}, "tlogEntries": [], "timestampVerificationData": {"rfc3161Timestamps": []}}
    message = {"messageDigest": {"algorithm": "SHA2_256", "digest": b64(bytes.fromhex(SHA256))}, "signature": b64(der)}
    keyed = {"mediaType": media, "verificationMaterial": material("anything"), "messageSignature": message}
    given = dict(key="openssl.pub")
    def put(name, what, body, expect="accepted", **more):
        vector(f"bundle/{name}", what, body if isinstance(body, str) else dump(body), expect, **{**given, **more})
    put("key", "A signature of openssl's in a bundle, as cosign makes it with a key", keyed)
    for version in ["0.1", "0.2", "0.3"]:
        put(f"key-{version}", f"The same, version {version}", changed(keyed, ["mediaType"], f"application/vnd.dev.sigstore.bundle+json;version={version}"))
    put("key-digest", "With another digest of the artifact, which decides nothing", changed(keyed, ["messageSignature", "messageDigest", "digest"], b64(bytes(32))))
    put("key-other-artifact", "For another artifact, which it names as its own", changed(keyed, ["messageSignature", "messageDigest", "digest"], b64(hashlib.sha256(b"another artifact\n").digest())), "refused: nobody", artifact="another artifact\n")
    put("key-other-key", "By another key", keyed, "refused: nobody", key="securesystemslib.pub")
    dsse = {"mediaType": media, "verificationMaterial": material(""), "dsseEnvelope": envelope}
    put("key-statement", "An envelope of securesystemslib's in a bundle", dsse, key="securesystemslib.pub")
    put("two-contents", "A signature and an envelope", {**keyed, "dsseEnvelope": envelope}, "refused: exactly one of a message")
    put("no-content", "Neither signature nor envelope", changed(keyed, ["messageSignature"], ...), "refused: exactly one of a message")
    put("two-signatures", "An envelope with two signatures", changed(dsse, ["dsseEnvelope", "signatures"], envelope["signatures"] * 2), "refused: holds 2 signatures", key="securesystemslib.pub")
    put("version", "Of a version that is not known", changed(keyed, ["mediaType"], "application/vnd.dev.sigstore.bundle.v0.4+json"), "refused: media type")
    put("unknown-field", "With a field that is not known", {**keyed, "critical": 1}, "refused: unknown field")
    put("duplicate", "With a signature that stands twice", dump(keyed).replace('"signature":', '"signature":"AA==","signature":'), "refused: duplicate field")
    put("trailing", "Something after it", dump(keyed) + "{}", "refused: trailing")

    text = lambda name: (RAW / f"ours-{name}.json").read_text()
    raw = lambda name: json.loads((RAW / f"{name}.json").read_text())
    (HERE / "sigstore-js.pub").write_text((RAW / "ours-key.pub").read_text())
    given = dict(key="sigstore-js.pub")
    written = raw("ours-key")
    put("key-npm", "Signed with a key, by npm @sigstore/sign", text("key"))
    put("key-npm-statement", "A statement, signed with a key, by npm @sigstore/sign", text("key-statement"))
    put("key-npm-named", "The same, which must name the artifact", text("key-statement"), names="releases/app.tar")
    put("key-npm-witnessed", "Signed with a key, logged and timestamped, by npm @sigstore/sign", text("key-witnessed"))
    put("key-npm-witnessed-statement", "A statement, signed with a key, logged and timestamped, by npm @sigstore/sign", text("key-witnessed-statement"))
    put("key-npm-other-artifact", "The same for another artifact", text("key-witnessed"), "refused: nobody", artifact="another artifact\n")
    put("key-npm-other-subject", "A statement about another artifact", text("key-witnessed-statement"), "refused: not about", artifact="another artifact\n")
    put("key-npm-other-key", "By another key, which its hint does not show", changed(written, ["verificationMaterial", "publicKey", "hint"], "other"), "refused: nobody", key="openssl.pub")
    put("key-npm-other-statement", "With another payload", changed(raw("ours-key-statement"), ["dsseEnvelope", "payload"], b64(dump(statement(name="b/k")).encode())), "refused: none of the keys")
    put("key-npm-other-digest", "Over the SHA-384 of the artifact", text("key-other-digest"), "refused: nobody")
    put("key-npm-other-curve", "By a key on P-384", text("key-other-curve"), "refused: not the base64 of a DER-encoded ECDSA P-256")
    put("key-npm-other-algorithm", "That names the digest's algorithm otherwise, which decides nothing", changed(written, ["messageSignature", "messageDigest", "algorithm"], "SHA2_512"))

    for name in ["ours", "theirs"]:
        (HERE / f"{name}-root.json").write_text((RAW / f"{name}-root.json").read_text())
    given = dict(root="ours-root.json", identity="https://ci.example/release@main", issuer="https://issuer.example")
    ours, other, said = raw("ours-artifact"), raw("ours-other"), raw("ours-artifact-statement")
    put("certificate", "A signature with a certificate, by npm @sigstore/sign", ours)
    put("certificate-statement", "A statement with a certificate, by npm @sigstore/sign", said)
    put("certificate-named", "The same, which must name the artifact", said, names="releases/app.tar")
    put("certificate-other-name", "The same, which must name another", said, "refused: not about", names="releases/b.tar")
    entries, chain = ["verificationMaterial", "tlogEntries"], ["verificationMaterial", "x509CertificateChain"]
    newest = changed(changed(ours, chain, ...), ["mediaType"], media)
    newest["verificationMaterial"]["certificate"] = ours["verificationMaterial"]["x509CertificateChain"]["certificates"][0]
    put("certificate-0.3", "The same in the form of version 0.3", newest)
    put("certificate-other-artifact", "For another artifact", ours, "refused: not about this artifact", artifact="another artifact\n")
    put("certificate-other-subject", "A statement about another artifact", raw("ours-other-statement"), "refused: not about this artifact")
    put("certificate-other-entry", "With the log's entry of another artifact", changed(ours, entries, other["verificationMaterial"]["tlogEntries"]), "refused: hash mismatch for hashedrekord")
    stamps = ["verificationMaterial", "timestampVerificationData"]
    put("certificate-other-timestamp", "With the timestamp of another signature", changed(ours, stamps, other["verificationMaterial"]["timestampVerificationData"]), "refused: Timestamp message hash mismatch")
    # One that was issued before, so that it was valid then.
    put("certificate-other-certificate", "With the certificate of another signature", changed(other, chain, ours["verificationMaterial"]["x509CertificateChain"]), "refused: certificate in bundle does not match certificate in Rekor entry", artifact="another artifact\n")
    instead = changed(ours, ["messageSignature", "signature"], other["messageSignature"]["signature"])
    put("certificate-other-signature", "With another signature", instead, "refused: Timestamp message hash mismatch")
    put("certificate-other-signature-logged", "With another signature, and no timestamp of the one before", changed(instead, stamps, {}), "refused: invalid signature")
    put("certificate-other-algorithm", "With a digest of the artifact by another algorithm", changed(ours, ["messageSignature", "messageDigest", "algorithm"], "SHA2_512"), "refused: ECDSA P-256 does not support hash algorithm")
    put("certificate-statement-other-entry", "A statement with the log's entry of another", changed(said, entries, raw("ours-other-statement")["verificationMaterial"]["tlogEntries"]), "refused: log entry does not match the bundle: DSSE payload hash mismatch")
    first = changed(ours, ["mediaType"], "application/vnd.dev.sigstore.bundle+json;version=0.1")
    put("certificate-0.1", "The same in the form of version 0.1", first)
    put("certificate-0.1-promised", "In the form of version 0.1, which asks for no more of the log than its promise", changed(first, entries + [0, "inclusionProof"], ...))
    put("certificate-promised", "With no more of the log than its promise, in a form that asks for more", changed(ours, entries + [0, "inclusionProof"], ...), "refused: must have an inclusion proof")
    put("certificate-0.1-unpromised", "In the form of version 0.1, without the log's promise", changed(first, entries + [0, "inclusionPromise"], ...), "refused: must have an inclusion promise")
    put("certificate-late", "With a certificate that was over when it was logged", raw("ours-late"), "refused: CertExpired")
    put("certificate-unlogged", "Without an entry of a log", changed(ours, entries, []), "refused: must have an inclusion proof")
    put("certificate-other-time", "With another time of the log", changed(ours, entries + [0, "integratedTime"], str(int(ours["verificationMaterial"]["tlogEntries"][0]["integratedTime"]) - 60)), "refused: invalid inclusion promise")
    unstamped = "refused: Failed to verify timestamp signature"
    put("certificate-other-root", "Where another Sigstore is trusted", ours, unstamped, root="theirs-root.json")
    put("certificate-theirs", "Of another Sigstore", raw("theirs-artifact"), unstamped)
    # The same in one respect at a time.
    for name, part, what, why in [
        ("authority", "certificateAuthorities", "authority of certificates", "certificate chain is invalid"),
        ("certificate-log", "ctlogs", "log of certificates", "invalid signed certificate timestamp"),
        ("log", "tlogs", "log of signatures", "No log key valid"),
    ]:
        mixed = changed(raw("ours-root"), [part], raw("theirs-root")[part])
        (HERE / f"other-{name}-root.json").write_text(json.dumps(mixed, indent=1))
        put(f"certificate-other-{name}", f"Where another {what} is trusted", ours, f"refused: {why}", root=f"other-{name}-root.json")
    put("certificate-other-identity", "By somebody else", ours, "refused: signed by", identity="https://ci.example/release@mai")
    put("certificate-other-issuer", "By somebody of the same name elsewhere", ours, "refused: signed by somebody known to", issuer="https://issuer.example/")
    put("certificate-and-key", "With a certificate and a key", changed(ours, ["verificationMaterial", "publicKey"], {"hint": ""}), "refused: exactly one of a public key")
    put("certificate-duplicate", "With an entry's time that stands twice", dump(ours).replace('"integratedTime":', '"integratedTime":"0","integratedTime":', 1), "refused: duplicate field")
    put("certificate-two-signatures", "An envelope with two signatures", changed(said, ["dsseEnvelope", "signatures"], said["dsseEnvelope"]["signatures"] * 2), "refused: holds 2 signatures")


day = lambda number: datetime.datetime(2026, 1, 1, tzinfo=datetime.timezone.utc) + datetime.timedelta(days=number)
USAGES = ["digital_signature", "content_commitment", "key_encipherment", "data_encipherment", "key_agreement", "key_cert_sign", "crl_sign", "encipher_only", "decipher_only"]
usage = lambda *names: x509.KeyUsage(**{name: name in names for name in USAGES})


class Holder:
    """Somebody with a key and a certificate: made by `issuer`, or by itself."""

    def __init__(self, names, issuer=None, curve=ec.SECP256R1, ca=True, length=None, days=(0, 1000), usages=None, extended=(), basic_critical=True, signed_by=None):
        self.key = ec.generate_private_key(curve())
        self.name = x509.Name([x509.NameAttribute(oid, value) for oid, value in names])
        builder = (
            x509.CertificateBuilder().subject_name(self.name).issuer_name(issuer.name if issuer else self.name)
            .public_key(self.key.public_key()).serial_number(x509.random_serial_number())
            .not_valid_before(day(days[0])).not_valid_after(day(days[1]))
            .add_extension(x509.BasicConstraints(ca, length), critical=basic_critical)
        )
        usages = usages if usages is not None else (["key_cert_sign"] if ca else ["digital_signature"])
        if usages:
            builder = builder.add_extension(usage(*usages), critical=True)
        if extended:
            builder = builder.add_extension(x509.ExtendedKeyUsage(extended), critical=False)
        signer = signed_by or issuer or self
        self.certificate = builder.sign(signer.key, hashes.SHA384() if isinstance(signer.key.curve, ec.SECP384R1) else hashes.SHA256())
        self.chain = [self] + (issuer.chain if issuer else [])


def subject(name, unit=None):
    names = [(NameOID.COUNTRY_NAME, "US"), (NameOID.STATE_OR_PROVINCE_NAME, "WA"), (NameOID.ORGANIZATION_NAME, "Acme, Inc.")]
    return names + ([(NameOID.ORGANIZATIONAL_UNIT_NAME, unit)] if unit else []) + [(NameOID.COMMON_NAME, name)]


def sign_jws(holder, payload, headers, chain=None, algorithm=None, header=None):
    curve = holder.key.curve
    algorithm = algorithm or ("ES384" if isinstance(curve, ec.SECP384R1) else "ES256")
    protected = b64url(dump({"alg": algorithm, "cty": "application/vnd.cncf.notary.payload.v1+json", **headers}).encode() if isinstance(headers, dict) else headers)
    payload = b64url(payload if isinstance(payload, bytes) else dump(payload).encode())
    der = holder.key.sign(f"{protected}.{payload}".encode(), ec.ECDSA(hashes.SHA384() if isinstance(curve, ec.SECP384R1) else hashes.SHA256()))
    size = (curve.key_size + 7) // 8
    signature = b"".join(number.to_bytes(size) for number in utils.decode_dss_signature(der))
    x5c = [b64(one.certificate.public_bytes(serialization.Encoding.DER)) for one in (chain or holder.chain)]
    return {"payload": payload, "protected": protected, "header": {"x5c": x5c, "io.cncf.notary.signingAgent": "make.py", **(header or {})}, "signature": b64url(signature)}


def notation():
    root = Holder(subject("Root"))
    between = Holder(subject("Authority"), root, length=0)
    leaf = lambda issuer=between, name="build", **more: Holder(subject(name, "CI"), issuer, ca=False, **{"extended": [ExtendedKeyUsageOID.CODE_SIGNING], **more})
    build = leaf()
    root384 = Holder(subject("Root 384"), curve=ec.SECP384R1)
    build384 = leaf(root384, curve=ec.SECP384R1)
    stranger = Holder(subject("Root"))
    aws_root = Holder(subject("Signing Authority Root"), curve=ec.SECP384R1)
    aws = Holder(subject("Signing Authority"), Holder(subject("Signing Authority CA"), aws_root, curve=ec.SECP384R1), curve=ec.SECP384R1, ca=False, days=(0, 100))
    pem = lambda *holders: b"".join(one.certificate.public_bytes(serialization.Encoding.PEM) for one in holders).decode()
    (HERE / "notation-roots.pem").write_text(pem(root, root384))
    (HERE / "authority-roots.pem").write_text(pem(aws_root))

    N = "io.cncf.notary."
    x509_headers = {N + "signingScheme": "notary.x509", N + "signingTime": "2026-02-01T00:00:00Z", "crit": [N + "signingScheme"]}
    target = lambda digest=f"sha256:{SHA256}", size=len(ARTIFACT), **more: {"targetArtifact": {"mediaType": "application/octet-stream", "digest": digest, "size": size, **more}}
    given = dict(roots="notation-roots.pem", identity=r"x509.subject: C=US, ST=WA, O=Acme\, Inc., CN=build", seen="2026-03-01T00:00:00Z", now="2026-04-01T00:00:00Z")
    def put(name, what, body, expect="accepted", **more):
        vector(f"notation/{name}", what, body if isinstance(body, str) else dump(body), expect, **{**given, **more})
    signed = lambda holder=build, payload=None, headers=x509_headers, **more: sign_jws(holder, payload or target(), headers, **more)

    good = signed()
    put("es256", "ES256, root, authority and signer on P-256", good)
    put("es384", "ES384, all on P-384, over the SHA-256 of the artifact", signed(build384))
    put("mixed", "ES384, by a signer on P-384 under authorities on P-256", signed(leaf(curve=ec.SECP384R1)))
    put("annotations", "With annotations", signed(payload=target(annotations={"build": "1"}, artifactType="a/b")))
    put("unknown", "With a header that is not known and not critical", signed(headers={**x509_headers, "example.com/more": [1]}))
    put("without-extended-usage", "By a certificate without extended usages", signed(leaf(extended=())))
    alone = Holder(subject("build"), ca=False)
    (HERE / "notation-alone.pem").write_text(pem(alone))
    put("self-signed", "By a certificate that nobody issued and that is trusted itself", signed(alone), roots="notation-alone.pem")

    put("expired-later", "Seen while the certificates were valid; they are not any more", good, now="2030-01-01T00:00:00Z")
    put("expired-chain", "Seen when the certificates were not valid any more", good, "refused: was not valid", seen="2030-01-01T00:00:00Z", now="2030-01-01T00:00:00Z")
    put("early-chain", "Seen when the certificates were not valid yet", good, "refused: was not valid", seen="2025-12-31T23:59:59Z")
    put("expired-signer", "By a certificate that is not valid any more", signed(leaf(days=(0, 10))), "refused: certificate 1 of the chain was not valid")
    put("expired-authority", "By a certificate of an authority that is not valid any more", signed(leaf(Holder(subject("Authority"), root, days=(0, 10)))), "refused: certificate 2 of the chain was not valid")
    old_root = Holder(subject("Root"), days=(0, 10))
    (HERE / "notation-old.pem").write_text(pem(old_root))
    put("expired-root", "Under a root that is not valid any more", signed(leaf(old_root)), "refused: certificate 2 of the chain was not valid", roots="notation-old.pem")

    put("other-artifact", "For another artifact", good, "refused: over another artifact", artifact="another artifact\n")
    put("other-size", "With another size", signed(payload=target(size=13)), "refused: over another artifact")
    put("sha384", "With a descriptor by SHA-384, as notation blob sign makes it", signed(build384, target(f"sha384:{hashlib.sha384(ARTIFACT).hexdigest()}")), "refused: named by `sha384`")
    put("upper-case", "With a digest in upper case", signed(payload=target(f"sha256:{SHA256.upper()}")), "refused: over another artifact")
    put("two-targets", "With a digest that stands twice in the payload", signed(payload=dump(target()).replace('"digest":', f'"digest":"sha256:{"0" * 64}","digest":').encode()), "refused: duplicate field `digest`")
    put("changed-payload", "Its payload was changed", changed(good, ["payload"], b64url(dump(target(size=13)).encode())), "refused: not by this key")
    put("changed-headers", "Its headers were changed", changed(good, ["protected"], signed(headers={**x509_headers, N + "signingTime": "2026-02-02T00:00:00Z"})["protected"]), "refused: not by this key")
    put("changed-signature", "Its signature is another one's", changed(good, ["signature"], signed(payload=target(size=13))["signature"]), "refused: not by this key")

    put("other-root", "Under a root of the same name that is not trusted", signed(leaf(stranger)), "refused: does not end in a trusted root")
    put("claimed-root", "Issued by one root and shown with another of its name", signed(leaf(root, signed_by=stranger)), "refused: chain does not hold")
    put("without-root", "Without its root", signed(chain=build.chain[:2]), "refused: does not end in a trusted root")
    put("without-authority", "Without its authority", signed(chain=[build, root]), "refused: certificate 1 of the chain is not issued by")
    put("disorder", "In another order", signed(chain=[between, build, root]), "refused: certificate 1 of the chain is not issued by")
    put("unrelated", "With a certificate that does not belong to it", signed(chain=[build, between, root384, root]), "refused: certificate 2 of the chain is not issued by")
    put("empty-chain", "Without certificates", changed(good, ["header", "x5c"], []), "refused: 0 certificates")
    put("long-chain", "With nine certificates", changed(good, ["header", "x5c"], good["header"]["x5c"][:1] * 9), "refused: 9 certificates")
    put("not-an-authority", "Issued by one who is no authority", signed(leaf(leaf(root))), "refused: certificate 2 of the chain is not one of an authority")
    put("not-critical-authority", "Issued by one whose constraints are not critical", signed(leaf(Holder(subject("Authority"), root, basic_critical=False))), "refused: certificate 2 of the chain is not one of an authority")
    put("cannot-issue", "Issued by one whose key is not for certificates", signed(leaf(Holder(subject("Authority"), root, usages=["crl_sign"]))), "refused: certificate 2 of the chain is not one of an authority")
    put("too-deep", "Issued by an authority below one that may have none below it", signed(leaf(Holder(subject("Deeper"), between))), "refused: certificate 3 of the chain is not one of an authority")
    put("for-servers", "By a certificate for servers", signed(leaf(extended=[ExtendedKeyUsageOID.SERVER_AUTH])), "refused: not one for signing code")
    put("for-servers-too", "By a certificate for code and servers", signed(leaf(extended=[ExtendedKeyUsageOID.CODE_SIGNING, ExtendedKeyUsageOID.SERVER_AUTH])), "refused: not one for signing code")
    put("for-anything", "By a certificate for anything", signed(leaf(extended=[ExtendedKeyUsageOID.CODE_SIGNING, ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE])), "refused: not one for signing code")
    put("no-usage", "By a certificate without usages", signed(leaf(usages=[])), "refused: not one for signing code")
    put("other-usage", "By a certificate whose key is for encryption, too", signed(leaf(usages=["digital_signature", "key_encipherment"])), "refused: not one for signing code")
    put("authority-signs", "By an authority itself", signed(between), "refused: not one for signing code")
    put("p521", "By a key on P-521", signed(leaf(curve=ec.SECP521R1)), "refused: not on P-256 or P-384")

    put("other-common-name", "By somebody else", signed(leaf(name="test")), "refused: not the identity")
    put("prefix", "By somebody whose name goes on", signed(leaf(name="build2")), "refused: not the identity")
    put("unit", "Whose unit is demanded", good, identity=r"x509.subject: OU=CI")
    put("other-unit", "Whose unit is another one", good, "refused: not the identity", identity=r"x509.subject: OU=QA, CN=build")
    put("two-names", "Who has two names", signed(Holder(subject("build") + [(NameOID.COMMON_NAME, "other")], root, ca=False)), "refused: not the identity")

    put("other-algorithm", "ES384 by a key on P-256", signed(algorithm="ES384"), "refused: algorithm of the signature is not that")
    put("other-algorithm-384", "ES256 by a key on P-384", signed(build384, algorithm="ES256"), "refused: algorithm of the signature is not that")
    put("none", "The algorithm none", signed(algorithm="none"), "refused: algorithm `none`")
    put("hmac", "The algorithm HS256", signed(algorithm="HS256"), "refused: algorithm `HS256`")
    put("rsa", "The algorithm PS256", signed(algorithm="PS256"), "refused: algorithm `PS256`")
    put("content-type", "Of another content type", signed(headers={**x509_headers, "cty": "application/json"}), "refused: content type `application/json`")
    put("unknown-critical", "With a critical header that is not known", signed(headers={**x509_headers, "example.com/more": 1, "crit": [N + "signingScheme", "example.com/more"]}), "refused: critical header `example.com/more`")
    put("no-critical", "Without critical headers", signed(headers=changed(x509_headers, ["crit"], ...)), "refused: header `crit`")
    put("scheme-not-critical", "Whose scheme is not critical", signed(headers={**x509_headers, "crit": []}), "refused: not marked critical")
    put("critical-twice", "With a critical header that is named twice", signed(headers={**x509_headers, "crit": [N + "signingScheme"] * 2}), "refused: header `crit`")
    put("critical-missing", "With a critical header that is not there", signed(headers={**x509_headers, "crit": [N + "signingScheme", N + "expiry"]}), "refused: header `crit`")
    put("critical-registered", "With a critical header of JWS", signed(headers={**x509_headers, "crit": [N + "signingScheme", "alg"]}), "refused: critical header `alg`")
    put("unencoded", "With a payload that is not encoded (RFC 7797)", signed(headers={**x509_headers, "b64": False, "crit": [N + "signingScheme", "b64"]}), "refused: critical header `b64`")
    expiring = {**x509_headers, N + "expiry": "2026-05-01T00:00:00Z", "crit": [N + "signingScheme", N + "expiry"]}
    put("expiry", "With an expiry to come", signed(headers=expiring))
    put("expired", "With an expiry that is over", signed(headers=expiring), "refused: expiry", now="2026-05-01T00:00:00Z")
    put("expiry-not-critical", "With an expiry that is not critical", signed(headers={**expiring, "crit": [N + "signingScheme"]}), "refused: `io.cncf.notary.expiry` is not marked critical")
    put("expiry-malformed", "With an expiry that is no time", signed(headers={**expiring, N + "expiry": "2026-05-01"}), "refused: header `io.cncf.notary.expiry`")
    put("no-time", "Without a signing time", signed(headers=changed(x509_headers, [N + "signingTime"], ...)), "refused: neither `notary.x509`")
    put("other-scheme", "Of another scheme", signed(headers={**x509_headers, N + "signingScheme": "notary.x509.other"}), "refused: neither `notary.x509`")
    put("plugin", "That asks for a plugin", signed(headers={**x509_headers, N + "verificationPlugin": "com.example.plugin", "crit": [N + "signingScheme", N + "verificationPlugin"]}), "refused: critical header `io.cncf.notary.verificationPlugin`")
    put("plugin-not-critical", "That asks for a plugin, but not critically", signed(headers={**x509_headers, N + "verificationPlugin": "com.example.plugin"}), "refused: plugin that is not known")
    put("both-headers", "With a header that is signed and unsigned", signed(headers={**x509_headers, "more": 1}, header={"more": 1}), "refused: among the signed and among the unsigned")
    put("duplicate", "With a payload that stands twice", dump(good).replace('{"payload":', '{"payload":"","payload":', 1), "refused: duplicate field `payload`")
    put("duplicate-header", "With an algorithm that stands twice in the signed headers", signed(headers=dump({"cty": "application/vnd.cncf.notary.payload.v1+json", **x509_headers})[:-1].encode() + b',"alg":"none","alg":"ES256"}'), "refused: duplicate field `alg`")
    put("two-signatures", "Two signatures (JWS in its general form)", {"payload": good["payload"], "signatures": [{key: good[key] for key in ["protected", "header", "signature"]}] * 2}, "refused: unknown field `signatures`")
    put("padded", "With padded base64", changed(good, ["signature"], good["signature"] + "=="), "refused: `signature` is not in the base64")
    put("trailing", "Something after it", dump(good) + "{}", "refused: trailing")

    A = "com.amazonaws.signer."
    profile = "arn:aws:signer:us-east-1:111122223333:/signing-profiles/Build"
    aws_headers = {N + "signingScheme": "notary.x509.signingAuthority", N + "authenticSigningTime": "2026-02-01T00:00:00Z", N + "expiry": "2036-02-01T00:00:00Z",
                   N + "verificationPlugin": "com.amazonaws.signer.notation.plugin", N + "verificationPluginMinVersion": "1.0.0",
                   A + "signingProfileVersion": profile + "/ABCDEFGHIJ", A + "signingJob": "arn:aws:signer:us-east-1:111122223333:/signing-jobs/0"}
    aws_headers["crit"] = list(aws_headers)
    given = {**given, "roots": "authority-roots.pem", "identity": profile, "seen": "2026-08-01T00:00:00Z", "now": "2026-08-01T00:00:00Z"}
    put("profile", "As AWS Signer makes it: ES384, seen after its certificate was valid", signed(aws, headers=aws_headers))
    put("profile-version", "The same, of which one version is trusted", signed(aws, headers=aws_headers), identity=profile + "/ABCDEFGHIJ")
    put("profile-other-version", "The same, of which another version is trusted", signed(aws, headers=aws_headers), "refused: not the identity", identity=profile + "/ABCDEFGHIK")
    put("profile-other", "For another profile", signed(aws, headers={**aws_headers, A + "signingProfileVersion": profile + "2/ABCDEFGHIJ"}), "refused: not the identity")
    put("profile-none", "For no profile", signed(aws, headers={name: aws_headers[name] for name in [N + "signingScheme", N + "authenticSigningTime"]} | {"crit": [N + "signingScheme", N + "authenticSigningTime"]}), "refused: not the identity")
    put("profile-not-critical", "For a profile that is not critical", signed(aws, headers={**aws_headers, "crit": [name for name in aws_headers["crit"] if name != A + "signingProfileVersion"]}), "refused: `com.amazonaws.signer.signingProfileVersion` is not marked critical")
    put("profile-late", "Signed when the certificate was not valid any more", signed(aws, headers={**aws_headers, N + "authenticSigningTime": "2026-06-01T00:00:00Z"}), "refused: was not valid")
    put("profile-future", "Signed later than it was seen", signed(aws, headers=aws_headers), "refused: later than when", seen="2026-01-15T00:00:00Z")
    put("profile-x509", "By somebody who is no authority, for a profile", signed(aws), "refused: scheme `notary.x509`")
    put("profile-under-a-root", "By an authority, where a subject is trusted", signed(build, headers=aws_headers), "refused: scheme `notary.x509.signingAuthority`", roots="notation-roots.pem", identity="x509.subject: CN=build")
    put("profile-plugin", "That asks for another plugin", signed(aws, headers={**aws_headers, N + "verificationPlugin": "com.example.plugin"}), "refused: plugin that is not known")
    put("profile-plugin-version", "That asks for a plugin of another version", signed(aws, headers={**aws_headers, N + "verificationPluginMinVersion": "2.0.0"}), "refused: plugin that is not known")
    put("profile-two-times", "With both times", signed(aws, headers={**aws_headers, N + "signingTime": "2026-02-01T00:00:00Z"}), "refused: neither `notary.x509`")


first, second, third = (key_files(name) for name in ["openssl", "securesystemslib", "stranger"])
point = bytes.fromhex("0467cd390f77aa359cb08c2235f652270493a9ed832b0abcc01f70954c0390d2380c782bd54e269125a44f4433aff1432ce94e12bca73aa67ac80cea12608ddf74")
example = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), point)
(HERE / "dsse-specification.pub").write_bytes(example.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo))
signature = detached(first, third)
token()
bundles(signature, attestations(second))
notation()
(HERE / "stranger.pub").unlink()
