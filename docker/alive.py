"""Health check: exit 0 if the address answers 200 within 4 seconds. The image has no curl."""

import sys
import urllib.request

with urllib.request.urlopen(sys.argv[1], timeout=4) as answer:  # noqa: S310 - an address of docker-compose.yml
    sys.exit(answer.status != 200)
