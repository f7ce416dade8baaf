// Makes Sigstore bundles with npm's @sigstore/sign against @sigstore/mock's authorities, which live in this process, and
// the trusted root that goes with them. Fetches nothing. For make.py, which says what becomes of them:
//
//   npm install @sigstore/mock @sigstore/sign @sigstore/bundle      (in a folder of your own)
//   node make-sigstore.mjs OUT FOLDER_WITH_NODE_MODULES
import crypto from 'crypto';
import fs from 'fs';
import http from 'http';
import path from 'path';
import { createRequire } from 'module';

const [, , out, modules] = process.argv;
const require = createRequire(path.resolve(modules, 'x.js'));
const mock = require('@sigstore/mock');
const sign = require('@sigstore/sign');
const { bundleToJSON } = require('@sigstore/bundle');

const base64 = bytes => Buffer.from(bytes).toString('base64');
const sha256 = (bytes, encoding) => crypto.createHash('sha256').update(bytes).digest(encoding);
const pair = () => crypto.generateKeyPairSync('ec', { namedCurve: 'P-256' });
const port = 19108;
const url = `http://127.0.0.1:${port}`;

// What Rekor does and the mock does not: PEM ends in a newline, and entries of envelopes hold digests of them.
const pem = text => {
  const held = Buffer.from(text, 'base64');
  if (!held.includes('CERTIFICATE')) return base64(crypto.createPublicKey(held).export({ type: 'spki', format: 'pem' }));
  return base64(new crypto.X509Certificate(held).toString());
};
const asRekor = handler => ({ path: handler.path, fn: body => {
  const entry = JSON.parse(body);
  if (entry.kind === 'hashedrekord') entry.spec.signature.publicKey.content = pem(entry.spec.signature.publicKey.content);
  if (entry.kind === 'dsse') {
    const { envelope: text, verifiers } = entry.spec.proposedContent;
    const envelope = JSON.parse(text);
    entry.spec = {
      envelopeHash: { algorithm: 'sha256', value: sha256(text, 'hex') },
      payloadHash: { algorithm: 'sha256', value: sha256(Buffer.from(envelope.payload, 'base64'), 'hex') },
      signatures: envelope.signatures.map(({ sig }, index) => ({ signature: sig, verifier: pem(verifiers[index]) })),
    };
  }
  return handler.fn(JSON.stringify(entry));
} });

// Somebody who signs with a key that the verifier has, and leaves a hint at it, as @sigstore/sign has it.
const keyed = curve => {
  const { publicKey, privateKey } = crypto.generateKeyPairSync('ec', { namedCurve: curve });
  const text = publicKey.export({ type: 'spki', format: 'pem' });
  const hint = sha256(publicKey.export({ type: 'spki', format: 'der' }), 'base64');
  const signing = digest => ({
    sign: async data => ({ signature: crypto.sign(digest, data, privateKey), key: { $case: 'publicKey', publicKey: text, hint } }),
  });
  return { text, signing };
};

// One world: its authorities, their trusted root, and somebody who signs.
async function world(name, artifacts) {
  const clock = new Date(Math.floor(Date.now() / 1000) * 1000);
  // The certificates' authority has a clock of its own: one that is slow issues what is over at once.
  const authority = new Date(clock);
  let behind = 0;
  const ctlog = await mock.initializeCTLog(pair());
  const ca = await mock.initializeCA(pair(), ctlog, authority);
  const tlog = await mock.initializeTLog(url, pair());
  const tsa = await mock.initializeTSA(pair(), clock);
  const handlers = [mock.fulcioHandler(ca, { strict: true }), asRekor(mock.rekorHandler(tlog, { strict: true })), mock.tsaHandler(tsa, { strict: true })];
  const server = http.createServer((request, response) => {
    const body = [];
    request.on('data', data => body.push(data));
    request.on('end', async () => {
      clock.setTime(Math.floor(Date.now() / 1000) * 1000);
      authority.setTime(clock.getTime() - behind);
      const answer = await handlers.find(handler => request.url === handler.path).fn(Buffer.concat(body).toString());
      response.writeHead(answer.statusCode, { 'content-type': answer.contentType || 'text/plain', connection: 'close' });
      response.end(answer.response);
    });
  });
  await new Promise(done => server.listen(port, '127.0.0.1', done));

  const start = { start: new Date(Date.now() - 86400e3).toISOString() };
  const trusted = bytes => ({ rawBytes: base64(bytes), keyDetails: 'PKIX_ECDSA_P256_SHA_256', validFor: start });
  const certificates = (...list) => ({ certificates: list.map(bytes => ({ rawBytes: base64(bytes) })) });
  const log = (bytes, id) => ({ baseUrl: url, hashAlgorithm: 'SHA2_256', publicKey: trusted(bytes), logId: { keyId: id } });
  const subject = commonName => ({ organization: 'sigstore.mock', commonName });
  fs.writeFileSync(`${out}/${name}-root.json`, JSON.stringify({
    mediaType: 'application/vnd.dev.sigstore.trustedroot+json;version=0.1',
    tlogs: [log(tlog.publicKey, sha256(tlog.publicKey, 'base64'))],
    certificateAuthorities: [{ subject: subject('ca'), uri: url, certChain: certificates(ca.rootCertificate), validFor: start }],
    ctlogs: [log(ctlog.publicKey, base64(ctlog.logID))],
    timestampAuthorities: [{ subject: subject('tsa'), uri: url, certChain: certificates(tsa.intCertificate, tsa.rootCertificate), validFor: start }],
  }, null, 1));

  const json = value => Buffer.from(JSON.stringify(value)).toString('base64url');
  const now = Math.floor(Date.now() / 1000);
  const token = [json({ alg: 'RS256', typ: 'JWT' }), json({ iss: 'https://issuer.example', sub: 'https://ci.example/release@main', aud: 'sigstore', iat: now, nbf: now - 5, exp: now + 3600 }), 'dW5zaWduZWQ'].join('.');
  const witnesses = entryType => [new sign.RekorWitness({ rekorBaseURL: url, entryType }), new sign.TSAWitness({ tsaBaseURL: url })];
  const holder = new sign.FulcioSigner({ fulcioBaseURL: url, identityProvider: { getToken: async () => token } });
  const parts = entryType => ({ signer: holder, witnesses: witnesses(entryType) });
  const write = (file, bundle) => {
    const json = bundleToJSON(bundle);
    // A log of one entry: zero and empty, which the writer leaves out and those who read them with certificates miss.
    const { publicKey, tlogEntries } = json.verificationMaterial;
    for (const { inclusionProof } of publicKey ? [] : tlogEntries) {
      inclusionProof.logIndex ??= '0';
      inclusionProof.hashes ??= [];
    }
    fs.writeFileSync(`${out}/${name}-${file}.json`, JSON.stringify(json));
  };
  const over = (data, parts) => new sign.MessageSignatureBundleBuilder(parts).create({ data });
  const about = (data, parts) => {
    const statement = {
      _type: 'https://in-toto.io/Statement/v1',
      subject: [{ name: 'releases/app.tar', digest: { sha256: sha256(data, 'hex') } }],
      predicateType: 'https://example.com/tested/v1',
      predicate: { passed: true },
    };
    return new sign.DSSEBundleBuilder(parts).create({ data: Buffer.from(JSON.stringify(statement)), type: 'application/vnd.in-toto+json' });
  };
  for (const [file, artifact] of Object.entries(artifacts)) {
    const data = Buffer.from(artifact);
    write(file, await over(data, parts('hashedrekord')));
    write(`${file}-statement`, await about(data, parts('dsse')));
  }
  const artifact = Buffer.from(artifacts.artifact);
  behind = 60 * 60 * 1000;
  write('late', await over(artifact, parts('hashedrekord')));
  behind = 0;

  const key = keyed('P-256');
  fs.writeFileSync(`${out}/${name}-key.pub`, key.text);
  const alone = (key, digest) => ({ signer: key.signing(digest), witnesses: [] });
  const witnessed = entryType => ({ signer: key.signing('sha256'), witnesses: witnesses(entryType) });
  write('key', await over(artifact, alone(key, 'sha256')));
  write('key-statement', await about(artifact, alone(key, 'sha256')));
  write('key-witnessed', await over(artifact, witnessed('hashedrekord')));
  write('key-witnessed-statement', await about(artifact, witnessed('dsse')));
  write('key-other-digest', await over(artifact, alone(key, 'sha384')));
  write('key-other-curve', await over(artifact, alone(keyed('P-384'), 'sha384')));
  await new Promise(done => server.close(done));
}

await world('ours', { artifact: 'an artifact\n', other: 'another artifact\n' });
await world('theirs', { artifact: 'an artifact\n' });
