"""Verifies a DSSE envelope with securesystemslib: PUBLIC_KEY ENVELOPE. Prints the payload; fails if nobody known signed it."""

import json
import sys

from cryptography.hazmat.primitives.serialization import load_pem_public_key
from securesystemslib.dsse import Envelope
from securesystemslib.signer import SSlibKey

with open(sys.argv[1], "rb") as file:
    public = load_pem_public_key(file.read())
with open(sys.argv[2]) as file:
    envelope = Envelope.from_dict(json.load(file))
keys = [SSlibKey.from_crypto(public, keyid=keyid) for keyid in envelope.signatures]
if len(envelope.verify(keys, 1)) != 1:
    sys.exit("not one key accepted")
sys.stdout.buffer.write(envelope.payload)
