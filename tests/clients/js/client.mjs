// Does one thing with the AWS SDK for JavaScript. The only argument is JSON: `action`, `bucket` and what the action
// needs. Uploads are streams, of a length that is told, found by the SDK (`length` is left out) or, with
// `unmeasured`, known to nobody.

import { createReadStream, createWriteStream } from "node:fs";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import {
  DeleteObjectCommand,
  GetObjectCommand,
  PutObjectCommand,
  S3Client,
  paginateListObjectsV2,
} from "@aws-sdk/client-s3";

const client = new S3Client({ forcePathStyle: true });

// A stream of a file has a path, by which the SDK finds out its length; this one has none.
async function* pieces(file) {
  yield* createReadStream(file);
}

const actions = {
  async put({ bucket, key, file, length, unmeasured }) {
    const body = unmeasured ? Readable.from(pieces(file), { objectMode: false }) : createReadStream(file);
    await client.send(
      new PutObjectCommand({ Bucket: bucket, Key: key, Body: body, ContentLength: length }),
    );
  },
  async get({ bucket, key, file, range }) {
    const answer = await client.send(new GetObjectCommand({ Bucket: bucket, Key: key, Range: range }));
    await pipeline(answer.Body, createWriteStream(file));
  },
  async list({ bucket }) {
    const keys = [];
    for await (const page of paginateListObjectsV2({ client }, { Bucket: bucket })) {
      keys.push(...(page.Contents ?? []).map((entry) => entry.Key));
    }
    console.log(JSON.stringify(keys));
  },
  async delete({ bucket, key }) {
    await client.send(new DeleteObjectCommand({ Bucket: bucket, Key: key }));
  },
};

const request = JSON.parse(process.argv[2]);
await actions[request.action](request);
