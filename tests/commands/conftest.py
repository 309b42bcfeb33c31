"""The world and the running program of tests/network, asked from a second terminal."""

from tests.network.conftest import lonely_program, stage, story

__all__ = ["lonely_program", "stage", "story"]
