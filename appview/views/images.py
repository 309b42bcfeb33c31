"""Pictures as URLs of ours, in three sizes; what they show is settled by the CID at their end."""

from lexicons.types import Image


def artwork(origin: str, picture: str | None) -> Image | None:
    """`picture`: the DID, rkey and CID of the track that it belongs to, between slashes."""
    return None if picture is None else _image(origin, f"track/{picture}")


def avatar(origin: str, did: str, cid: str | None) -> Image | None:
    """`cid`: of the blob, or of the profile that has an address instead."""
    return None if cid is None else _image(origin, f"avatar/{did}/{cid}")


def _image(origin: str, path: str) -> Image:
    path = path.replace("%", "%25")  # did:web may hold some; all else stands in a path as it is
    return {
        "thumb": f"{origin}/img/thumb/{path}",
        "medium": f"{origin}/img/medium/{path}",
        "full": f"{origin}/img/full/{path}",
    }
