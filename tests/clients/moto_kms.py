"""moto's server, whose KMS signs digests as digests: as it comes, it hashes them once more, whatever MessageType says."""

import sys

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, utils
from moto.kms.utils import ECDSAPrivateKey
from moto.server import main


def sign(self, message, signing_algorithm):
    assert signing_algorithm == "ECDSA_SHA_256" and len(message) == 32
    return self.private_key.sign(message, ec.ECDSA(utils.Prehashed(hashes.SHA256())))


ECDSAPrivateKey.sign = sign
main(sys.argv[1:])
