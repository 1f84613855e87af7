"""What the finder finds on a page for an example's question, as the server would. Called by make and general."""

from server.catalog.bases import EncoderFiles
from server.conversation.evidence import Found, find
from server.text.finder import Encoder, Finder
from server.text.page import Page
from training.dataset.examples import Example

PAGES_KEPT = 256


def open_encoder(files: EncoderFiles | None) -> Encoder | None:
    """Slow: imports torch. Raises BaseError."""
    from server.engine.local.encoder import SentenceEncoder

    return SentenceEncoder(files.folder, adapter=files.adapter) if files is not None else None


class Search:
    """Indexes and encodes each page once. Without an encoder words alone decide, as in a server without one."""

    def __init__(self, encoder: Encoder | None) -> None:
        self.encoder = encoder
        self._finders: dict[int, Finder] = {}

    def __call__(self, example: Example, page: Page) -> Found:
        earlier = example.history[-1].question if example.history else ""
        return find(self.finder(page), example.question, self.encoder, earlier=earlier)

    def finder(self, page: Page) -> Finder:
        """The page's index; it is kept with the page, so that its id stays its own."""
        known = self._finders.get(id(page))
        if known is None:
            known = Finder(page)
            if self.encoder is not None:
                known.encode(self.encoder)
            self._finders[id(page)] = known
            if len(self._finders) > PAGES_KEPT:
                self._finders.pop(next(iter(self._finders)))
        return known
