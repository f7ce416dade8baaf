"""Does one thing with minio-py. The only argument is JSON: `action`, `bucket` and what the action needs."""

import json
import os
import sys
from datetime import datetime, timedelta, timezone
from urllib.parse import urlsplit

from minio import Minio
from minio.commonconfig import ENABLED, REPLACE, ComposeSource, CopySource, Tags
from minio.datatypes import PostPolicy
from minio.deleteobjects import DeleteObject
from minio.versioningconfig import VersioningConfig

endpoint = urlsplit(os.environ["AWS_ENDPOINT_URL"])
client = Minio(
    endpoint.netloc,
    access_key=os.environ["AWS_ACCESS_KEY_ID"],
    secret_key=os.environ["AWS_SECRET_ACCESS_KEY"],
    region=os.environ["AWS_REGION"],
    secure=endpoint.scheme == "https",
)


class Stream:
    """A file that can be read once, and neither measured nor rewound."""

    def __init__(self, file):
        self._file = file

    def read(self, amount):
        return self._file.read(amount)


def put(bucket, arguments):
    client.fput_object(bucket, arguments["key"], arguments["file"])


def put_stream(bucket, arguments):
    with open(arguments["file"], "rb") as file:
        client.put_object(bucket, arguments["key"], Stream(file), length=-1, part_size=5 << 20)


def get(bucket, arguments):
    client.fget_object(bucket, arguments["key"], arguments["file"])


def get_range(bucket, arguments):
    answer = client.get_object(bucket, arguments["key"], offset=arguments["offset"], length=arguments["length"])
    with open(arguments["file"], "wb") as out:
        for part in answer.stream():
            out.write(part)


def list_keys(bucket, _):
    print(json.dumps([entry.object_name for entry in client.list_objects(bucket, recursive=True)]))


def delete(bucket, arguments):
    client.remove_object(bucket, arguments["key"])


def delete_many(bucket, arguments):
    errors = client.remove_objects(bucket, [DeleteObject(key) for key in arguments["keys"]])
    print(json.dumps([str(error) for error in errors]))


def copy(bucket, arguments):
    told = {"metadata": arguments["metadata"], "metadata_directive": REPLACE} if "metadata" in arguments else {}
    client.copy_object(bucket, arguments["key"], CopySource(*arguments["source"]), **told)


def compose(bucket, arguments):
    sources = [ComposeSource(*source) for source in arguments["sources"]]
    client.compose_object(bucket, arguments["key"], sources)


def tag(bucket, arguments):
    tags = Tags.new_object_tags()
    tags.update(arguments["tags"])
    client.set_object_tags(bucket, arguments["key"], tags)
    print(json.dumps(client.get_object_tags(bucket, arguments["key"])))


def versions(bucket, arguments):
    """Uploads the key twice, with versions; tells the versions, the newest first, as they read."""
    client.set_bucket_versioning(bucket, VersioningConfig(ENABLED))
    for file in arguments["files"]:
        put(bucket, {**arguments, "file": file})
    found = client.list_objects(bucket, prefix=arguments["key"], include_version=True)
    print(json.dumps([read_version(bucket, entry) for entry in found]))


def read_version(bucket, entry):
    answer = client.get_object(bucket, entry.object_name, version_id=entry.version_id)
    return {"latest": entry.is_latest, "text": answer.read().decode()}


def presign(bucket, arguments):
    print(client.get_presigned_url(arguments["method"], bucket, arguments["key"]))


def form(bucket, arguments):
    policy = PostPolicy(bucket, datetime.now(timezone.utc) + timedelta(minutes=5))
    policy.add_starts_with_condition("key", arguments["prefix"])
    policy.add_content_length_range_condition(1, arguments["most"])
    print(json.dumps(client.presigned_post_policy(policy)))


ACTIONS = {
    "put": put,
    "put_stream": put_stream,
    "get": get,
    "range": get_range,
    "list": list_keys,
    "delete": delete,
    "delete_many": delete_many,
    "copy": copy,
    "compose": compose,
    "tag": tag,
    "versions": versions,
    "presign": presign,
    "form": form,
}

if __name__ == "__main__":
    request = json.loads(sys.argv[1])
    ACTIONS[request["action"]](request["bucket"], request)
