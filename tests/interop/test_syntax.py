import pytest

from lexicons.syntax import FORMATS
from tests.interop.vectors import INTEROP, lines, require_interop

require_interop()

FILES = {
    "at-identifier": "atidentifier",
    "at-uri": "aturi",
    "record-key": "recordkey",
} | {name: name for name in FORMATS if name not in {"at-identifier", "at-uri", "record-key"}}


def _vectors(ending: str) -> list[object]:
    return [
        pytest.param(name, line, id=f"{name}: {line[:60]}")
        for name, file in FILES.items()
        for path in sorted((INTEROP / "syntax").glob(f"{file}_*{ending}.txt"))
        for line in lines(path.stem)
    ]


@pytest.mark.parametrize(("name", "text"), _vectors("_valid"))
def test_a_valid_vector_is_accepted(name: str, text: str) -> None:
    assert FORMATS[name](text)


@pytest.mark.parametrize(("name", "text"), _vectors("_invalid"))
def test_an_invalid_vector_is_refused(name: str, text: str) -> None:
    assert not FORMATS[name](text)


def test_every_vector_file_is_used() -> None:
    used = {path for file in FILES.values() for path in (INTEROP / "syntax").glob(f"{file}_*.txt")}
    assert used == set((INTEROP / "syntax").iterdir())
