"""Does one thing with boto3, or several. The only argument is JSON: `action`, `bucket` and what the action needs, or a
list of such."""

import json
import shutil
import sys

import boto3
import requests
from botocore.config import Config

s3 = boto3.client("s3", config=Config(s3={"addressing_style": "path"}, retries={"total_max_attempts": 3}))


class Stream:
    """A file that can be read or written once, and neither measured nor rewound."""

    def __init__(self, file):
        self._file = file

    def read(self, amount=-1):
        return self._file.read(amount)

    def write(self, data):
        return self._file.write(data)


def checksum(arguments):
    return {"ChecksumAlgorithm": arguments["checksum"]} if "checksum" in arguments else {}


def tell(answer):
    answer.pop("ResponseMetadata", None)
    print(json.dumps(answer, default=str))


# --- single calls

def put(bucket, arguments):
    def tell_form(request, **_):
        form = request.headers["X-Amz-Content-SHA256"]
        print(form if isinstance(form, str) else form.decode())

    s3.meta.events.register("before-send.s3.PutObject", tell_form)
    with open(arguments["file"], "rb") as body:
        s3.put_object(Bucket=bucket, Key=arguments["key"], Body=body, **checksum(arguments))


def get(bucket, arguments):
    ranged = {"Range": arguments["range"]} if "range" in arguments else {}
    answer = s3.get_object(Bucket=bucket, Key=arguments["key"], **ranged)
    with open(arguments["file"], "wb") as out:
        shutil.copyfileobj(answer["Body"], out)


def head(bucket, arguments):
    answer = s3.head_object(Bucket=bucket, Key=arguments["key"], ChecksumMode="ENABLED")
    print(json.dumps({name: value for name, value in answer.items() if isinstance(value, str)}))


def list_keys(bucket, _):
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket)
    print(json.dumps([entry["Key"] for page in pages for entry in page.get("Contents", [])]))


def delete(bucket, arguments):
    s3.delete_object(Bucket=bucket, Key=arguments["key"])


def call(bucket, arguments):
    tell(getattr(s3, arguments["method"])(Bucket=bucket, **arguments.get("parameters", {})))


# --- managed transfers, with their own idea of what is large

def upload(bucket, arguments):
    extra = {**checksum(arguments), **arguments.get("extra", {})}
    s3.upload_file(arguments["file"], bucket, arguments["key"], ExtraArgs=extra)


def upload_stream(bucket, arguments):
    with open(arguments["file"], "rb") as file:
        s3.upload_fileobj(Stream(file), bucket, arguments["key"])


def download(bucket, arguments):
    s3.download_file(bucket, arguments["key"], arguments["file"])


def download_stream(bucket, arguments):
    with open(arguments["file"], "wb") as file:
        s3.download_fileobj(bucket, arguments["key"], Stream(file))


def copy(bucket, arguments):
    s3.copy(arguments["source"], bucket, arguments["key"], ExtraArgs=arguments.get("extra", {}))


# --- what others may use

def signer(arguments):
    version = {} if arguments.get("plain") else {"signature_version": "s3v4"}
    return boto3.client("s3", config=Config(s3={"addressing_style": "path"}, **version))


def presign(bucket, arguments):
    parameters = {"Bucket": bucket, "Key": arguments["key"], **arguments.get("parameters", {})}
    print(signer(arguments).generate_presigned_url(arguments["method"], Params=parameters))


def post(bucket, arguments):
    """Uploads by a form: with what the signer gave, and with the fields of `replaced` replaced."""
    form = signer(arguments).generate_presigned_post(
        bucket, arguments["key"], Fields=arguments.get("fields"), Conditions=arguments.get("conditions")
    )
    with open(arguments["file"], "rb") as body:
        fields = {**form["fields"], **arguments.get("replaced", {})}
        answer = requests.post(form["url"], data=fields, files={"file": body})
    print(json.dumps({"status": answer.status_code, "headers": dict(answer.headers), "text": answer.text}))


ACTIONS = {
    "put": put,
    "get": get,
    "head": head,
    "list": list_keys,
    "delete": delete,
    "call": call,
    "upload": upload,
    "upload_stream": upload_stream,
    "download": download,
    "download_stream": download_stream,
    "copy": copy,
    "presign": presign,
    "post": post,
}

if __name__ == "__main__":
    wanted = json.loads(sys.argv[1])
    for request in wanted if isinstance(wanted, list) else [wanted]:
        ACTIONS[request["action"]](request["bucket"], request)
