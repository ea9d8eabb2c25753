"""Exit status 0 where the web process of this container answers. It is asked as BASE_URL's host: it listens to no other name."""

import os
import sys
import urllib.request
from pathlib import Path
from urllib.parse import urlsplit

file = os.environ.get("BASE_URL_FILE")
base_url = Path(file).read_text(encoding="utf-8").strip() if file else os.environ["BASE_URL"]
address = sys.argv[1] if len(sys.argv) > 1 else "http://127.0.0.1:8000/livez"
question = urllib.request.Request(address, headers={"Host": urlsplit(base_url).netloc})  # noqa: S310  # our own address
with urllib.request.urlopen(question, timeout=4) as answer:  # noqa: S310
    sys.exit(answer.status != 200)
