"""Downloads a URL to a file with nothing but the standard library, as small scripts do."""

import shutil
import sys
import urllib.request

with urllib.request.urlopen(sys.argv[1]) as answer, open(sys.argv[2], "wb") as out:
    shutil.copyfileobj(answer, out)
