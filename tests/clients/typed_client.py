"""Calls the methods of a generated client; run in the folder that holds its package.

python typed_client.py URL        reads {"method": {…params}}, writes {"method": {…answer}}
"""

import importlib
import json
import re
import sys
from typing import Any


def attribute(name: str) -> str:
    return re.sub(r"(?<!^)([A-Z])", r"_\1", name).lower()


def main(url: str) -> None:
    sys.path.insert(0, ".")
    client = importlib.import_module("plyr_client.client").PlyrClientClient(base_url=url)
    answers: dict[str, Any] = {}
    for nsid, params in json.load(sys.stdin).items():
        call: Any = client
        for name in nsid.split("."):
            call = getattr(call, attribute(name))
        answer = call(params) if params else call()
        answers[nsid] = json.loads(answer.model_dump_json(by_alias=True, exclude_none=True))
    print(json.dumps(answers))  # noqa: T201 - it is what the test reads


if __name__ == "__main__":
    main(sys.argv[1])
