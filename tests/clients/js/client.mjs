// Does one thing with the AWS SDK for JavaScript. The only argument is JSON: `action`, `bucket` and what the action
// needs. Uploads are streams, of a length that is told, found by the SDK (`length` is left out) or, with
// `unmeasured`, known to nobody.

import { createReadStream, createWriteStream, openAsBlob } from "node:fs";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import * as sdk from "@aws-sdk/client-s3";
import { Upload } from "@aws-sdk/lib-storage";
import { createPresignedPost } from "@aws-sdk/s3-presigned-post";
import { getSignedUrl } from "@aws-sdk/s3-request-presigner";

const client = new sdk.S3Client({ forcePathStyle: true });

// A stream of a file has a path, by which the SDK finds out its length; this one has none.
async function* pieces(file) {
  yield* createReadStream(file);
}

function stream({ file, unmeasured }) {
  return unmeasured ? Readable.from(pieces(file), { objectMode: false }) : createReadStream(file);
}

async function got(response, what) {
  if (!response.ok) {
    throw new Error(`${what}: ${response.status} ${await response.text()}`);
  }
  return response;
}

const actions = {
  async put({ bucket, key, length, ...source }) {
    const body = stream(source);
    await client.send(
      new sdk.PutObjectCommand({ Bucket: bucket, Key: key, Body: body, ContentLength: length }),
    );
  },
  // As much as fits in a part goes in one piece, the rest in parts of 5 MiB.
  async upload({ bucket, key, extra, ...source }) {
    const params = { Bucket: bucket, Key: key, Body: stream(source), ...extra };
    await new Upload({ client, params }).done();
  },
  async get({ bucket, key, file, range, part }) {
    const answer = await client.send(
      new sdk.GetObjectCommand({ Bucket: bucket, Key: key, Range: range, PartNumber: part }),
    );
    await pipeline(answer.Body, createWriteStream(file));
    console.log(JSON.stringify({ PartsCount: answer.PartsCount, ContentRange: answer.ContentRange }));
  },
  async list({ bucket }) {
    const keys = [];
    for await (const page of sdk.paginateListObjectsV2({ client }, { Bucket: bucket })) {
      keys.push(...(page.Contents ?? []).map((entry) => entry.Key));
    }
    console.log(JSON.stringify(keys));
  },
  async delete({ bucket, key }) {
    await client.send(new sdk.DeleteObjectCommand({ Bucket: bucket, Key: key }));
  },
  // Any command whose answer is no stream.
  async call({ bucket, command, input }) {
    const { $metadata, ...answer } = await client.send(new sdk[command]({ Bucket: bucket, ...input }));
    console.log(JSON.stringify(answer));
  },
  // With URLs that are signed for whoever has them; by default those for uploads hold the checksum of no bytes at all.
  async presigned({ bucket, key, file, to, requestChecksumCalculation }) {
    const signer = new sdk.S3Client({ forcePathStyle: true, requestChecksumCalculation });
    const body = Buffer.from(await (await openAsBlob(file)).arrayBuffer());
    const object = { Bucket: bucket, Key: key };
    const put = await getSignedUrl(signer, new sdk.PutObjectCommand(object));
    await got(await fetch(put, { method: "PUT", body }), "PUT");
    const get = await getSignedUrl(signer, new sdk.GetObjectCommand(object));
    const answer = await got(await fetch(get), "GET");
    await pipeline(Readable.fromWeb(answer.body), createWriteStream(to));
  },
  async post({ bucket, key, file, fields, conditions }) {
    const form = await createPresignedPost(client, {
      Bucket: bucket,
      Key: key,
      Fields: fields,
      Conditions: conditions,
    });
    const data = new FormData();
    for (const [name, value] of Object.entries(form.fields)) {
      data.append(name, value);
    }
    data.append("file", await openAsBlob(file), "content");
    const answer = await fetch(form.url, { method: "POST", body: data });
    console.log(JSON.stringify({ status: answer.status, text: await answer.text() }));
  },
};

const request = JSON.parse(process.argv[2]);
await actions[request.action](request);
