#!/usr/bin/env bash
# ijson 3.6.0, default backend yajl2_c: a string with the escape of half a surrogate pair, which JSON's grammar allows
# (RFC 8259, section 8.2), silently becomes other text: "\ud800" is "?", and "\ud800\ud800" is the one character U+10000.
# The Python backend and the standard library keep both.
# Prints `finding: true` and exits with 0 as long as this holds; exits with 1 once it has changed.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet "ijson==3.6.0"
cat > "$work/show.py" <<'PYTHON'
import io
import json
from importlib.metadata import version

import ijson

half, two_halves = rb'["\ud800"]', rb'["\ud800\ud800"]'


def read(backend, data):
    return list(ijson.get_backend(backend).items(io.BytesIO(data), "item"))


print("ijson", version("ijson"), "default backend", ijson.backend)
for data in (half, two_halves):
    print(data.decode(), {name: ascii(read(name, data)) for name in ("yajl2_c", "python")}, ascii(json.loads(data)))
same = (
    ijson.backend == "yajl2_c"
    and [read("yajl2_c", data) for data in (half, two_halves)] == [["?"], ["\U00010000"]]
    and all(read("python", data) == json.loads(data) for data in (half, two_halves))
)
print("finding:", str(same).lower())
raise SystemExit(0 if same else 1)
PYTHON
"$work/venv/bin/python" "$work/show.py"
