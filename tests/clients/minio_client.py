"""Does one thing with minio-py. The only argument is JSON: `action`, `bucket` and what the action needs."""

import json
import os
import sys
from urllib.parse import urlsplit

from minio import Minio

endpoint = urlsplit(os.environ["AWS_ENDPOINT_URL"])
client = Minio(
    endpoint.netloc,
    access_key=os.environ["AWS_ACCESS_KEY_ID"],
    secret_key=os.environ["AWS_SECRET_ACCESS_KEY"],
    region=os.environ["AWS_REGION"],
    secure=endpoint.scheme == "https",
)


def put(bucket, arguments):
    # In one piece: multipart uploads come later.
    client.fput_object(bucket, arguments["key"], arguments["file"], part_size=1 << 30)


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


ACTIONS = {"put": put, "get": get, "range": get_range, "list": list_keys, "delete": delete}

if __name__ == "__main__":
    request = json.loads(sys.argv[1])
    ACTIONS[request["action"]](request["bucket"], request)
