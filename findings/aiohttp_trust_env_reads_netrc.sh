#!/usr/bin/env bash
# aiohttp 3.14.5: a session with trust_env=True, which is needed to honour HTTPS_PROXY, also reads ~/.netrc for the host.
# If the session sets its own Authorization header, every request then fails with a ValueError about an auth argument that
# was never passed; otherwise the password from .netrc is sent.
# Prints `finding: true` and exits with 0 as long as this holds; exits with 1 once it has changed.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet "aiohttp==3.14.5"
printf 'machine 127.0.0.1 login user password word\n' > "$work/netrc"
chmod 600 "$work/netrc"
cat > "$work/show.py" <<'PYTHON'
import asyncio

import aiohttp
from aiohttp import web


async def received(request):
    return web.json_response(request.headers.get("Authorization"))


async def send(url, trust_env, headers):
    async with aiohttp.ClientSession(trust_env=trust_env, headers=headers) as session:
        try:
            async with session.get(url) as reply:
                return await reply.json()
        except ValueError as error:
            return f"ValueError: {error}"


async def main():
    app = web.Application()
    app.router.add_get("/", received)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    url = f"http://127.0.0.1:{runner.addresses[0][1]}/"
    key = {"Authorization": "Bearer key"}
    found = {trust: (await send(url, trust, None), await send(url, trust, key)) for trust in (False, True)}
    await runner.cleanup()
    print("aiohttp", aiohttp.__version__)
    for trust, (without, with_key) in found.items():
        print(f"trust_env={trust}: without a header {without!r}, with one {with_key!r}")
    error = "ValueError: Cannot combine AUTHORIZATION header with AUTH argument or credentials encoded in URL"
    same = found == {False: (None, "Bearer key"), True: ("Basic dXNlcjp3b3Jk", error)}
    print("finding:", str(same).lower())
    raise SystemExit(0 if same else 1)


asyncio.run(main())
PYTHON
NETRC="$work/netrc" "$work/venv/bin/python" "$work/show.py"
