"""Credentials from the environment as HTTP headers take them. Knows no server and no client."""

from spar.errors import RecipeError


def header_value(variable: str, value: str) -> str:
    """The value without blanks around it (files end with a line break); empty if there is nothing else.

    Raises RecipeError, without the value, for what no header can hold.
    """
    value = value.strip()
    if not (value.isascii() and value.isprintable()):
        raise RecipeError(
            f"{variable} holds a character that no header may have, such as a line break.",
            f"Set {variable} again, to the credential alone on one line.",
        )
    return value
