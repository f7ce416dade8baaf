"""Does one thing with boto3. The only argument is JSON: `action`, `bucket` and what the action needs."""

import json
import shutil
import sys

import boto3
from boto3.s3.transfer import TransferConfig
from botocore.config import Config

s3 = boto3.client("s3", config=Config(s3={"addressing_style": "path"}, retries={"total_max_attempts": 3}))
# Multipart uploads come later.
WHOLE = TransferConfig(multipart_threshold=1 << 30)


def checksum(arguments):
    return {"ChecksumAlgorithm": arguments["checksum"]} if "checksum" in arguments else {}


def put(bucket, arguments):
    def tell(request, **_):
        form = request.headers["X-Amz-Content-SHA256"]
        print(form if isinstance(form, str) else form.decode())

    s3.meta.events.register("before-send.s3.PutObject", tell)
    with open(arguments["file"], "rb") as body:
        s3.put_object(Bucket=bucket, Key=arguments["key"], Body=body, **checksum(arguments))


def upload(bucket, arguments):
    s3.upload_file(arguments["file"], bucket, arguments["key"], ExtraArgs=checksum(arguments), Config=WHOLE)


def get(bucket, arguments):
    ranged = {"Range": arguments["range"]} if "range" in arguments else {}
    answer = s3.get_object(Bucket=bucket, Key=arguments["key"], **ranged)
    with open(arguments["file"], "wb") as out:
        shutil.copyfileobj(answer["Body"], out)


def download(bucket, arguments):
    s3.download_file(bucket, arguments["key"], arguments["file"])


def head(bucket, arguments):
    answer = s3.head_object(Bucket=bucket, Key=arguments["key"], ChecksumMode="ENABLED")
    print(json.dumps({name: value for name, value in answer.items() if isinstance(value, str)}))


def list_keys(bucket, _):
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket)
    print(json.dumps([entry["Key"] for page in pages for entry in page.get("Contents", [])]))


def delete(bucket, arguments):
    s3.delete_object(Bucket=bucket, Key=arguments["key"])


def presign(bucket, arguments):
    signer = boto3.client("s3", config=Config(signature_version="s3v4", s3={"addressing_style": "path"}))
    print(signer.generate_presigned_url(arguments["method"], Params={"Bucket": bucket, "Key": arguments["key"]}))


ACTIONS = {
    "put": put,
    "upload": upload,
    "get": get,
    "download": download,
    "head": head,
    "list": list_keys,
    "delete": delete,
    "presign": presign,
}

if __name__ == "__main__":
    request = json.loads(sys.argv[1])
    ACTIONS[request["action"]](request["bucket"], request)
