"""Which of a database's refusals may pass, and what is said of each."""

import sqlite3

import psycopg
import pytest
from psycopg import errors

from spar.db.refusals import HomeBlocked, postgres_trouble, sqlite_refusal
from spar.errors import HomeError

ADDRESS = "db:5432/spar"


@pytest.mark.parametrize(
    "kind",
    [
        errors.ReadOnlySqlTransaction,
        errors.DiskFull,
        errors.OutOfMemory,
        errors.DeadlockDetected,
        errors.SerializationFailure,
        errors.LockNotAvailable,
        errors.QueryCanceled,
        errors.IoError,
        errors.InternalError_,
        errors.InsufficientPrivilege,
        errors.InvalidPassword,  # of no group above, but no mistake of the statement either
        psycopg.OperationalError,
    ],
)
def test_what_a_server_has_trouble_with_may_pass(kind: type[psycopg.Error]) -> None:
    trouble = postgres_trouble(kind("planted"), ADDRESS)
    assert trouble is not None
    assert trouble.may_pass
    assert trouble.what.startswith(f"PostgreSQL at {ADDRESS} ")
    assert trouble.fix


@pytest.mark.parametrize(
    "kind",
    [errors.UndefinedColumn, errors.SyntaxError, errors.UniqueViolation, errors.ProgramLimitExceeded, ValueError],
)
def test_a_mistake_in_a_statement_is_not_taken_for_one(kind: type[Exception]) -> None:
    assert postgres_trouble(kind("planted"), ADDRESS) is None


@pytest.mark.parametrize("name", ["SQLITE_FULL", "SQLITE_BUSY", "SQLITE_IOERR_WRITE", "SQLITE_READONLY"])
def test_a_home_that_takes_no_writes_just_now_may_pass(name: str) -> None:
    assert isinstance(_refused(name), HomeBlocked)


@pytest.mark.parametrize("name", ["SQLITE_CORRUPT", "SQLITE_NOTADB", "SQLITE_CANTOPEN"])
def test_a_home_that_has_to_be_changed_does_not_pass(name: str) -> None:
    refusal = _refused(name)
    assert isinstance(refusal, HomeError)
    assert not refusal.may_pass


def _refused(name: str) -> object:
    error = sqlite3.OperationalError("planted")
    error.sqlite_errorname = name
    return sqlite_refusal(error, "spar.db")
