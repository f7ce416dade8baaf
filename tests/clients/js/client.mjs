// Does one thing with the AWS SDK for JavaScript. The only argument is JSON: `action`, `bucket` and what the action
// needs. Uploads are streams, whose length the SDK does not know.

import { createReadStream, createWriteStream } from "node:fs";
import { pipeline } from "node:stream/promises";
import {
  DeleteObjectCommand,
  GetObjectCommand,
  PutObjectCommand,
  S3Client,
  paginateListObjectsV2,
} from "@aws-sdk/client-s3";

const client = new S3Client({ forcePathStyle: true });

const actions = {
  async put({ bucket, key, file, length }) {
    await client.send(
      new PutObjectCommand({ Bucket: bucket, Key: key, Body: createReadStream(file), ContentLength: length }),
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
