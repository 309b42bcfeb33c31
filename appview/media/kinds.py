"""What a blob is, in a word that browsers play: what the record says, held against the bytes."""

import filetype

HEAD_BYTES = 8_192
UNKNOWN = "application/octet-stream"

# Canonical types by their aliases in the wild; nothing else is sent as what it claims to be.
_CANONICAL = {
    "audio/mpeg": "audio/mpeg",
    "audio/mp3": "audio/mpeg",
    "audio/x-mp3": "audio/mpeg",
    "audio/mpeg3": "audio/mpeg",
    "audio/mp4": "audio/mp4",
    "audio/m4a": "audio/mp4",
    "audio/x-m4a": "audio/mp4",
    "video/mp4": "audio/mp4",
    "audio/aac": "audio/aac",
    "audio/x-aac": "audio/aac",
    "audio/aacp": "audio/aac",
    "audio/wav": "audio/wav",
    "audio/x-wav": "audio/wav",
    "audio/wave": "audio/wav",
    "audio/vnd.wave": "audio/wav",
    "audio/flac": "audio/flac",
    "audio/x-flac": "audio/flac",
    "audio/ogg": "audio/ogg",
    "audio/opus": "audio/ogg",
    "application/ogg": "audio/ogg",
    "audio/webm": "audio/webm",
    "video/webm": "audio/webm",
    "audio/aiff": "audio/aiff",
    "audio/x-aiff": "audio/aiff",
    "image/jpeg": "image/jpeg",
    "image/jpg": "image/jpeg",
    "image/png": "image/png",
    "image/webp": "image/webp",
    "image/gif": "image/gif",
    "image/avif": "image/avif",
}


def canonical(mime_type: str | None) -> str | None:
    """Without parameters and aliases; None for what is neither audio nor a picture that we know."""
    return _CANONICAL.get((mime_type or "").partition(";")[0].strip().lower())


def kind(said: str | None, head: bytes) -> str:
    """The bytes win: a record may lie. `head` is the blob's first 8 KiB, or all of it."""
    guessed = filetype.guess_mime(head)
    if guessed is None:
        return canonical(said) or UNKNOWN
    return canonical(guessed) or UNKNOWN
