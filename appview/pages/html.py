"""Templates and the headers that every page carries."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.responses import Response

from xrpc.caching import ASKED_FOR_EACH_TIME, has_already, tag_of


@dataclass(frozen=True, slots=True)
class Templates:
    """`origin` is ours; `media` are the others that audio may come from."""

    origin: str
    media: tuple[str, ...]
    environment: Environment

    @classmethod
    def of(cls, origin: str, media: Iterable[str]) -> "Templates":
        environment = Environment(
            loader=PackageLoader("appview.pages"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        return cls(origin, tuple(media), environment)

    def render(self, name: str, **values: object) -> str:
        return self.environment.get_template(name).render(values)

    def response(self, name: str, status: int = 200, **values: object) -> Response:
        html = self.render(name, **values).encode()
        headers = self._headers(framed=name == "embed.html")
        if status >= 400:
            headers["cache-control"] = "no-store"
        else:
            headers |= {"cache-control": ASKED_FOR_EACH_TIME, "etag": tag_of(html)}
        return Response(html, status, headers, "text/html")

    def _headers(self, *, framed: bool) -> dict[str, str]:
        # Ours by another name, where somebody reads the page under that of a tunnel, say.
        ours = f"'self' {self.origin}"
        policy = {
            "default-src": "'none'",
            "style-src": "'self'",
            "img-src": ours,
            "media-src": " ".join([ours, *self.media]),
            "base-uri": "'none'",
            "form-action": "'none'",
            "frame-ancestors": "*" if framed else "'none'",
        }
        return {
            "content-security-policy": "; ".join(f"{name} {of}" for name, of in policy.items()),
            "x-content-type-options": "nosniff",
            "referrer-policy": "no-referrer",
        }


def fresh(response: Response, asked: Mapping[str, str]) -> Response:
    """Nothing but the headers for whoever has the page already."""
    etag = response.headers.get("etag")
    if etag is None or not has_already(asked.get("if-none-match", ""), etag):
        return response
    kept = ("etag", "cache-control", "content-security-policy")
    return Response(status_code=304, headers={name: response.headers[name] for name in kept})
