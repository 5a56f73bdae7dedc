"""The dashboard: one page that shows runs live, behind a login by token. Reads only; serves its own assets.

Texts of runs are untrusted: the template escapes them, the script writes them as text, and the page's policy loads and
runs only these files.
"""

from functools import cache
from importlib.resources import files
from typing import Annotated

from fastapi import APIRouter, Form, Request
from fastapi.responses import HTMLResponse, RedirectResponse
from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.responses import Response

from services.api.auth import COOKIE, cookie_of, has_cookie
from services.api.backend import Context
from spar.db.runs import list_runs
from spar.recipes.init import place_of
from spar.runtime.bearer import same

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; "
    "form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)
ASSETS = {"dashboard.css": "text/css", "dashboard.js": "text/javascript"}
WEEK_S = 7 * 24 * 3600

router = APIRouter(include_in_schema=False)


@router.get("/", response_model=None)
def get_dashboard(request: Request, context: Context) -> Response:
    if not has_cookie(request, context.settings.token.get_secret_value()):
        return RedirectResponse("/login", 303)
    with context.session() as session:
        runs = list_runs(session, at_work=context.at_work)
    chosen = request.query_params.get("run") or next((run.run_id for run in runs), None)
    return _page("dashboard.html.jinja", runs=runs, chosen=chosen, place_of=place_of)


@router.get("/login", response_model=None)
def get_login() -> Response:
    return _page("login.html.jinja", wrong=False)


@router.post("/login", response_model=None)
def post_login(request: Request, context: Context, token: Annotated[str, Form()] = "") -> Response:
    wanted = context.settings.token.get_secret_value()
    if not same(token.strip(), wanted):
        page = _page("login.html.jinja", wrong=True)
        page.status_code = 401
        return page
    answer = RedirectResponse("/", 303)
    secure = request.url.scheme == "https"
    answer.set_cookie(COOKIE, cookie_of(wanted), max_age=WEEK_S, httponly=True, secure=secure, samesite="strict")
    return answer


@router.post("/logout", response_model=None)
def post_logout() -> Response:
    answer = RedirectResponse("/login", 303)
    answer.delete_cookie(COOKIE, httponly=True, samesite="strict")
    return answer


@router.get("/assets/{name}", response_model=None)
def get_asset(name: str) -> Response:
    if name not in ASSETS:
        return Response(status_code=404)
    return Response(_asset(name), media_type=ASSETS[name], headers={"Cache-Control": "no-cache"})


@cache
def _asset(name: str) -> bytes:
    return files("services.api").joinpath("pages", name).read_bytes()


@cache
def _environment() -> Environment:
    return Environment(
        loader=PackageLoader("services.api", "pages"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def _page(template: str, **values: object) -> HTMLResponse:
    text = _environment().get_template(template).render(**values)
    return HTMLResponse(text, headers={"Content-Security-Policy": POLICY})
