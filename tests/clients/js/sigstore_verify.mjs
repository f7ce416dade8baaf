// Verifies a Sigstore bundle by a public key with @sigstore/verify: PUBLIC_KEY BUNDLE ARTIFACT. It is found by its hint, as
// a client finds one of many keys. Neither log nor timestamp is asked for: who has the key needs no one else's word.
import crypto from 'crypto';
import fs from 'fs';
import { bundleFromJSON } from '@sigstore/bundle';
import { Verifier, toSignedEntity, toTrustMaterial } from '@sigstore/verify';

const [, , keyFile, bundleFile, artifactFile] = process.argv;
const rawBytes = crypto.createPublicKey(fs.readFileSync(keyFile)).export({ type: 'spki', format: 'der' });
const hint = crypto.createHash('sha256').update(rawBytes).digest('base64');
const root = { mediaType: '', tlogs: [], certificateAuthorities: [], ctlogs: [], timestampAuthorities: [] };
const trusted = toTrustMaterial(root, { [hint]: { rawBytes, keyDetails: 'PKIX_ECDSA_P256_SHA_256' } });
const bundle = bundleFromJSON(JSON.parse(fs.readFileSync(bundleFile, 'utf8')));
const verifier = new Verifier(trusted, { tlogThreshold: 0, ctlogThreshold: 0, timestampThreshold: 0 });
verifier.verify(toSignedEntity(bundle, fs.readFileSync(artifactFile)));
console.log(`verified by ${hint}`);
