"""Every planted bug there is. To add one: its lines in the file that fits, no more."""

from tests.mutants.albums import ALBUMS
from tests.mutants.answers import ANSWERS
from tests.mutants.blobs import BLOBS
from tests.mutants.chains import CHAINS
from tests.mutants.labels import LABELS
from tests.mutants.outside import OUTSIDE
from tests.mutants.pages import SHOWN
from tests.mutants.people import PEOPLE
from tests.mutants.pictures import PICTURES
from tests.mutants.playback import HAD
from tests.mutants.proofs import PROOFS
from tests.mutants.ranks import RANKS
from tests.mutants.records import RECORDS_AND_COUNTS
from tests.mutants.searches import SEARCHES
from tests.mutants.stream import STREAM
from tests.mutants.walks import WALKS

MUTANTS = (
    *PROOFS, *CHAINS, *WALKS, *RECORDS_AND_COUNTS, *PEOPLE, *OUTSIDE, *ANSWERS, *STREAM, *RANKS,
    *ALBUMS, *SEARCHES, *SHOWN, *PICTURES, *BLOBS, *HAD, *LABELS,
)  # fmt: skip
