"""What an operator is told when something cannot be done: the limit, the value, the reason, the next act."""

from collections.abc import Iterator
from contextlib import contextmanager

from azure.core.exceptions import AzureError, ClientAuthenticationError, HttpResponseError

PERMISSION = 403


class OperatorError(Exception):
    """A sentence for the terminal; no traceback is shown for it."""


class Conflict(OperatorError):
    """Somebody else wrote a control document since this plan was made."""


class Denied(OperatorError):
    """The operator's identity lacks a role."""


class NotAsAsked(OperatorError):
    """A step did not reach its end; running the same verb again goes on from there."""


@contextmanager
def told(what: str, scope: str, role: str) -> Iterator[None]:
    """Turns the SDK's errors into sentences: 403 names the role and the scope that it is needed on
    (https://learn.microsoft.com/azure/role-based-access-control/troubleshooting)."""
    try:
        yield
    except ClientAuthenticationError as error:
        raise Denied(f"{what}: no token was granted ({first_line(error)}). Sign in with `az login`, or set the "
                     "variables of azure-identity's EnvironmentCredential.") from error
    except HttpResponseError as error:
        if error.status_code == PERMISSION:
            raise Denied(f"{what}: your identity may not (403, {code(error)}). It needs the role {role!r} on {scope}, "
                         "or what the stack gives to the `operators` of the service; ask its owner.") from error
        raise NotAsAsked(f"{what}: Azure answered {error.status_code} {code(error)}: {first_line(error)}") from error
    except (AzureError, OSError, TimeoutError) as error:
        raise NotAsAsked(f"{what}: no answer ({type(error).__name__}: {first_line(error)}). "
                         "Run `failover status` to see what is reachable.") from error


def code(error: HttpResponseError) -> str:
    """Azure's error code, such as AuthorizationFailed; "" when the answer had none."""
    told_code = getattr(error, "error_code", None) or getattr(error.error, "code", None)
    return str(getattr(told_code, "value", told_code) or "")


def first_line(error: BaseException) -> str:
    """The first line of the text, at most 300 characters: the SDK adds bodies and headers below it."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:300]
