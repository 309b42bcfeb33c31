"""Bugs in what is made of strangers' pictures, and for whom."""

from tests.mutants.mutant import Mutant

SERVED = "tests/appview/test_pictures.py"
MADE = "tests/appview/test_render.py"

PICTURES = (
    Mutant(
        name="picture-of-any-version",
        file="appview/pictures/permits.py",
        old="  and shown_track.picture = $2\n",
        new="  and $2::text is not null\n",
        breaks="one URL shows what another version of the record pointed at",
        tests=(f"{SERVED}::test_a_picture_goes_with_its_record_from_the_cache_too",),
    ),
    Mutant(
        name="picture-permit-outlives-the-right",
        file="appview/media/permits.py",
        old="PERMIT_SECONDS: Final = 0.8",
        new="PERMIT_SECONDS: Final = 80.0",
        breaks="what is taken down is handed out from the cache for a minute more",
        tests=(f"{SERVED}::test_a_picture_goes_with_its_record_from_the_cache_too",),
    ),
    Mutant(
        name="picture-outlives-the-right-on-its-way",
        file="appview/pictures/pictures.py",
        old="            await self._permit(pool, picture)  # which may have ended while it came\n",
        new="",
        breaks="whoever asks at the right moment is given what was taken down since",
        tests=(f"{SERVED}::test_a_right_that_ends_while_the_picture_comes_has_ended",),
    ),
    Mutant(
        name="picture-kept-under-its-record",
        file="appview/pictures/pictures.py",
        old="    name = str(picture) if isinstance(source, Address)",
        new="    name = str(picture) if source",
        breaks="a cover in a sound that was taken down stays for the address beside it",
        tests=(f"{SERVED}::test_nor_where_the_record_names_another_that_is_not_there",),
    ),
    Mutant(
        name="picture-fetched-for-each",
        file="appview/pictures/pictures.py",
        old="        task = self._making.get(picture)\n",
        new="        task = None\n",
        breaks="everybody who opens a page costs its pictures' hosts a request",
        tests=(f"{SERVED}::test_however_many_look_at_a_cold_picture_it_costs_one_fetch",),
    ),
    Mutant(
        name="picture-asked-for-again",
        file="appview/pictures/pictures.py",
        old="            self.failures.add(source, error)\n",
        new="",
        breaks="a host that is down is asked at every look",
        tests=(f"{SERVED}::test_what_does_not_come_is_not_asked_for_again_at_once",),
    ),
    Mutant(
        name="picture-made-for-free",
        file="appview/pictures/pictures.py",
        old="            before_making()\n",
        new="",
        breaks="one caller can keep both decoders busy",
        tests=(f"{SERVED}::test_only_pictures_that_have_to_be_made_count_for_the_rate",),
    ),
    Mutant(
        name="picture-of-a-gated-song",
        file="migrations/versions/0001_index.sql",
        old="            or track.gate_type is null\n",
        new="            or true\n",
        breaks="bytes of what is for supporters are handed out",
        tests=(f"{SERVED}::test_but_not_of_what_is_for_supporters",),
    ),
    Mutant(
        name="picture-of-any-size",
        file="appview/pictures/render.py",
        old="Image.MAX_IMAGE_PIXELS = MAX_PIXELS // 2",
        new="Image.MAX_IMAGE_PIXELS = 1 << 40",
        breaks="a kilobyte becomes a gigabyte",
        tests=(f"{MADE}::test_a_picture_with_too_many_pixels_is_refused_before_any_is_decoded",),
    ),
    Mutant(
        name="picture-of-any-format",
        file="appview/pictures/render.py",
        old="    with Image.open(file, formats=FORMATS) as opened:",
        new="    with Image.open(file) as opened:",
        breaks="forty decoders that nobody needs are open to strangers",
        tests=(f"{MADE}::test_what_else_a_library_can_read_is_refused",),
    ),
    Mutant(
        name="picture-lies-on-its-side",
        file="appview/pictures/render.py",
        old="    picture = ImageOps.exif_transpose(picture)\n",
        new="",
        breaks="photographs of telephones are shown as the sensor lay",
        tests=(f"{MADE}::test_a_picture_is_turned_upright",),
    ),
    Mutant(
        name="picture-tells-where-it-was-taken",
        file="appview/pictures/render.py",
        old="    picture.info.clear()\n",
        new="",
        breaks="what stands beside the pixels is handed on",
        tests=(f"{MADE}::test_nothing_but_pixels_is_handed_on",),
    ),
    Mutant(
        name="decoder-believed",
        file="appview/pictures/protocol.py",
        old="        if not 0 < max(size_of(pictures[size])) <= side:\n",
        new="        if False:\n",
        breaks="what has taken a decoder over hands out what it likes as a picture of ours",
        tests=(
            "tests/appview/test_taken_over_decoders.py::test_what_no_decoder_of_ours_says_ends_it",
        ),
    ),
    Mutant(
        name="decoder-unbounded",
        file="appview/confinement.py",
        old="        resource.setrlimit(bound, (most, most))",
        new="        pass",
        breaks="what gets the better of a decoder can write and grow as it likes",
        tests=(
            "tests/appview/test_decoders.py::"
            "test_a_decoder_can_neither_write_nor_grow_nor_open_much",
        ),
    ),
    Mutant(
        name="decoder-at-large",
        file="appview/confinement.py",
        old="        _call_nobody(system)\n",
        new="",
        breaks="what gets the better of a decoder can talk to the database and the world",
        tests=("tests/appview/test_confinement.py::test_it_reaches_nobody",),
    ),
    Mutant(
        name="decoder-among-our-files",
        file="appview/confinement.py",
        old="        _open_no_file(system)\n",
        new="",
        breaks="what gets the better of a decoder can remove what is kept",
        tests=("tests/appview/test_confinement.py::test_it_touches_no_file",),
    ),
)
