"""The fields that the stand-in has of a node. One that it has not refuses the whole call, as one does that Facebook has not."""

from sandbox.facebook import errors

USER = frozenset({"id", "name", "first_name", "last_name", "email"})
AD_ACCOUNT = frozenset(
    {
        "id", "account_id", "name", "account_status", "disable_reason", "currency", "timezone_id", "timezone_name",
        "timezone_offset_hours_utc", "business", "business_name", "user_tasks",
    }
)  # fmt: skip
CAMPAIGN = frozenset({"id", "account_id", "name", "objective", "status"})


def asked(text: str, known: frozenset[str], node: str) -> list[str]:
    """Return the names in a `fields` parameter; what is asked of a field (`name{id}`, `name.limit(3)`) is left out.

    Raises GraphError for one that the node has not.
    """
    names = _names(text)
    for name in names:
        if name not in known:
            raise errors.bad_parameter(f"Tried accessing nonexisting field ({name}) on node type ({node})")
    return names


def _names(text: str) -> list[str]:
    found, depth = [""], 0
    for sign in text:
        depth += (sign in "{(") - (sign in "})")
        if sign == "," and not depth:
            found.append("")
        elif not depth and sign not in "})":
            found[-1] += sign
    return [name.partition(".")[0].strip() for name in found if name.strip()]
