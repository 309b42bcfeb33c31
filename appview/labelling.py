"""What labelers say of whatever an answer shows."""

from collections.abc import Mapping, Sequence

from appview.context import AppContext
from appview.hydrate.labels import load_labels
from appview.views.labels import add_labels, find_views
from lexicons.syntax import Did


async def label(context: AppContext, output: Mapping[str, object], labelers: Sequence[Did]) -> None:
    """Adds to the views in it; where there are no labelers, this costs nothing."""
    if labelers:
        views = find_views(output, context.settings.namespace)
        add_labels(views, await load_labels(context.pool, views.keys(), labelers))
