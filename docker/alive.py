"""Health check: exit 0 if the address answers 200 within 4 seconds. The image has no curl."""

import sys
import urllib.request

direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))  # Docker may pass a proxy on
with direct.open(sys.argv[1], timeout=4) as answer:
    sys.exit(answer.status != 200)
