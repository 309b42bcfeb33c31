"""Whether an account's host serves it: getRepoStatus, where not even an error is a surprise."""

from indexer.decisions import is_shown
from indexer.steps import STATUS_MAX_CHARACTERS
from xrpc.identity import Identity
from xrpc.remote import Remote, RemoteError

STATUS_OF_ERROR = {
    "RepoNotFound": "deleted",
    "RepoDeleted": "deleted",
    "RepoTakendown": "takendown",
    "RepoSuspended": "suspended",
    "RepoDeactivated": "deactivated",
}
DELETED = "deleted"


async def status_at_host(remote: Remote, identity: Identity) -> tuple[str, bool]:
    """Give the status in its host's word, and whether it leaves the account shown."""
    if identity.pds is None:
        raise RemoteError(0, "", f"{identity.did} names no PDS")
    try:
        answer = await remote.query(
            identity.pds, "com.atproto.sync.getRepoStatus", [("did", identity.did)]
        )
    except RemoteError as error:
        if error.error not in STATUS_OF_ERROR:
            raise
        return STATUS_OF_ERROR[error.error], False
    active, status = answer.get("active"), answer.get("status")
    if not isinstance(active, bool) or answer.get("did") != identity.did:
        raise RemoteError(200, "", f"unusable answer {str(answer)[:200]}")
    if status is not None and not isinstance(status, str):
        status = None
    word = status or ("active" if active else "inactive")
    return word[:STATUS_MAX_CHARACTERS], is_shown(active, status)
