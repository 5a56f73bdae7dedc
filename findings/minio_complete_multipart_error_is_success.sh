#!/usr/bin/env bash
# minio 7.2.20: S3 may respond to CompleteMultipartUpload with status 200 and an error document, because it sends the
# status before it knows the outcome; its API reference requires clients to read the body. put_object does not: it returns
# a result whose etag is None although the object was never stored.
# Prints `finding: true` and exits with 0 as long as this holds; exits with 1 once it has changed.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet "minio==7.2.20"
cat > "$work/show.py" <<'PYTHON'
import io
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import minio

ERROR = b"<Error><Code>InternalError</Code><Message>Please try again.</Message></Error>"
BEGUN = b"<InitiateMultipartUploadResult><UploadId>1</UploadId></InitiateMultipartUploadResult>"


class S3(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def reply(self, body):
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.send_response(200)
        self.send_header("Content-Type", "application/xml")
        self.send_header("Content-Length", str(len(body)))
        if self.command == "PUT":
            self.send_header("ETag", '"part"')
        self.end_headers()
        self.wfile.write(body)

    def do_PUT(self):
        self.reply(b"")

    def do_POST(self):
        self.reply(ERROR if "uploadId" in self.path else BEGUN)

    def log_message(self, *args):
        pass


server = ThreadingHTTPServer(("127.0.0.1", 0), S3)
threading.Thread(target=server.serve_forever, daemon=True).start()
client = minio.Minio(f"127.0.0.1:{server.server_port}", "key", "secret", secure=False, region="us-east-1")
size, part = (5 << 20) + 1, 5 << 20
try:
    found = client.put_object("bucket", "object", io.BytesIO(bytes(size)), size, part_size=part)
    print("minio", minio.__version__, "returned: etag", found.etag)
    same = found.etag is None
except minio.error.S3Error as error:
    print("minio", minio.__version__, "raised:", error.code)
    same = False
print("finding:", str(same).lower())
raise SystemExit(0 if same else 1)
PYTHON
"$work/venv/bin/python" "$work/show.py"
