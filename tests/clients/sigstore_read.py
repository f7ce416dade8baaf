"""Reads a Sigstore bundle with PyPI's sigstore, and checks what it read by a public key: PUBLIC_KEY BUNDLE ARTIFACT.

sigstore verifies nothing that has no certificate: its own `Bundle` refuses others, whoever made them. So this takes the
bundle as sigstore's reader of the format gives it, and prints what `Bundle` says.
"""

import base64
import hashlib
import sys

from cryptography.hazmat.primitives.asymmetric.ec import ECDSA
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_public_key
from sigstore.models import Bundle, InvalidBundle
from sigstore_models.bundle.v1 import Bundle as Model

with open(sys.argv[1], "rb") as file:
    key = load_pem_public_key(file.read())
with open(sys.argv[2]) as file:
    text = file.read()
with open(sys.argv[3], "rb") as file:
    artifact = file.read()

model = Model.from_json(text)
material, message = model.verification_material, model.message_signature
spki = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
assert material.public_key.hint == base64.b64encode(hashlib.sha256(spki).digest()).decode(), material.public_key
assert material.tlog_entries == [], material.tlog_entries
assert message.message_digest.algorithm == "SHA2_256", message.message_digest
assert message.message_digest.digest == hashlib.sha256(artifact).digest(), message.message_digest
key.verify(message.signature, artifact, ECDSA(SHA256()))
try:
    Bundle.from_json(text)
    print("sigstore takes bundles of keys")
except InvalidBundle as error:
    print(f"sigstore: {error}")
