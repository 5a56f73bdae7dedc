"""Credentials taken out of text: by their value and by their form, and nothing else."""

import subprocess
import sys

import pytest

from spar import redaction
from spar.errors import DataError, ObjectMissing
from spar.redaction import has_credential, redact, redact_all, secrets_of

NO_VARIABLES: dict[str, str] = {}


@pytest.mark.parametrize(
    ("name", "value", "secret"),
    [
        ("SPAR_ENGINE_API_KEY", "a-key-of-ours", "a-key-of-ours"),
        ("SPAR_API_TOKEN", " 0123456789abcdef\n", "0123456789abcdef"),
        ("HF_TOKEN", "hf_short", "hf_short"),
        ("SPAR_S3_SECRET_KEY", "minio+secret/1", "minio+secret/1"),
        ("AWS_ACCESS_KEY_ID", "access-id", "access-id"),
        ("PGPASSWORD", "letmein", "letmein"),
        ("SPAR_BROKER_URL", "redis://:pass/word@redis:6379/0", "pass/word"),
        ("SPAR_DATABASE_URL", "postgresql+psycopg://spar:p@ssword@db/spar", "p@ssword"),
        ("HTTPS_PROXY", "http://a-token-of-mine@proxy:3128", "a-token-of-mine"),
    ],
)
def test_values_of_the_environment_are_known(name: str, value: str, secret: str) -> None:
    assert secrets_of({name: value}) == {secret}
    assert redact(f"It is {secret}.", {name: value}) == "It is [redacted]."


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SPAR_ENGINE_API_KEY", "none"),
        ("SPAR_GATEWAY_JUDGE_TOKENS", "2048000"),
        ("TOKENIZERS_PARALLELISM", "false-and-so-on"),
        ("SSH_AUTH_SOCK", "/tmp/ssh-socket"),
        ("SPAR_API_URL", "http://127.0.0.1:8000"),
        ("KEYBOARD", "qwertz-and-more"),
    ],
)
def test_other_values_are_left(name: str, value: str) -> None:
    assert secrets_of({name: value}) == set()


def test_a_value_is_found_as_urls_and_json_have_it() -> None:
    environment = {"X_PASSWORD": 'pass/word "ü"'}
    for text in ("pass%2Fword%20%22%C3%BC%22", 'pass/word \\"\\u00fc\\"'):
        assert redact(f"<{text}>", environment) == "<[redacted]>"


def test_a_short_value_is_no_part_of_a_word() -> None:
    assert redact("simulated, a simulatedly", {"X_KEY": "simulated"}) == "[redacted], a simulatedly"


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("redis://:pw1@h:6379/0 is away", "redis://:[redacted]@h:6379/0 is away"),
        ("postgresql+psycopg://spar:pw@db/spar", "postgresql+psycopg://spar:[redacted]@db/spar"),
        ("https://hf_abcdefghijklmnop@host/x", "https://[redacted]@host/x"),
        ("GET http://h/v1?key=abc123&n=1", "GET http://h/v1?key=[redacted]&n=1"),
        ("{'Authorization': 'Bearer abc-def-ghi'}", "{'Authorization': 'Bearer [redacted]'}"),
        ('"authorization": "Basic dXNlcjpwYXNz"', '"authorization": "Basic [redacted]"'),
        ("x-api-key: 12345678", "x-api-key: [redacted]"),
        ("sent Bearer abcdef1234567890 there", "sent Bearer [redacted] there"),
        ("Incorrect API key: sk-proj-abcdefghijklmnop.", "Incorrect API key: [redacted]."),
    ],
)
def test_credentials_are_known_by_their_form(text: str, wanted: str) -> None:
    assert redact(text, NO_VARIABLES) == wanted


@pytest.mark.parametrize(
    "text",
    [
        "Send the header `Authorization: Bearer TOKEN`.",
        "Authorization: Bearer ${KEY}",
        "Bearer certificates and basic authentication",
        "http://127.0.0.1:8000/v1#name and me@example.org",
        "http://h/v1?api-version=2024-02-01",
        "scikit-learn, sk-learn and hf_home",
        "max_tokens=3072, key=value, tokens: 12",
    ],
)
def test_what_is_no_credential_stays(text: str) -> None:
    assert redact(text, NO_VARIABLES) == text


def test_errors_hold_no_credential(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SPAR_ENGINE_API_KEY", "a-key-of-ours")
    error = DataError("The server repeats a-key-of-ours.", "Is a-key-of-ours right?")
    assert "a-key" not in error.what + error.fix + str(error) + repr(error)
    assert "a-key" not in str(ObjectMissing("a-key-of-ours", key="results/x"))


def test_fields_of_logs_are_redacted_at_any_depth(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_of_mine")
    fields = {"event": "x", "n": 1, "more": [{"a": "hf_of_mine"}], "error": ValueError("hf_of_mine")}
    assert "hf_of_mine" not in str(redact_all(fields))


@pytest.mark.parametrize(
    ("url", "holds"),
    [
        ("http://u:p@h/v1", True),
        ("http://token@h/v1", True),
        ("https://h/v1?key=abc", True),
        ("https://h/v1?api-version=2024-02-01", False),
        ("http://h:8000/v1#name", False),
    ],
)
def test_urls_with_credentials_are_known(url: str, holds: bool) -> None:
    assert has_credential(url) is holds


def test_a_traceback_that_ends_a_process_holds_no_credential() -> None:
    code = "from spar.redaction import redact_tracebacks as r; r(); raise ValueError('a-key-of-ours')"
    environment = {"X_API_KEY": "a-key-of-ours"}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr.splitlines()[-1]) == (1, "ValueError: [redacted]")


def test_the_guard_can_load_it_alone() -> None:
    code = f"import runpy; runpy.run_path({redaction.__file__!r})"
    subprocess.run([sys.executable, "-I", "-S", "-c", code], check=True, env={})
