"""App settings: what is optional has its default, what is wrong is said."""

import pytest

from shipments.settings import Name, Settings

OPTIONAL = {Name.PORTAL_URL, Name.MIGRATOR_USER, Name.MIGRATOR_CLIENT_ID, Name.DATABASE_ROLES, Name.MODE,
            Name.DURABILITY, Name.WRITER_SERVICE, Name.JOURNAL_WITHOUT}
NEEDED = {name.value: "x" for name in Name if name not in OPTIONAL}


def test_without_a_word_the_platform_is_automatic_and_available() -> None:
    settings = Settings.from_environment(NEEDED)
    assert (settings.mode, settings.durability, settings.writer_service) == ("automatic", "available", "worker"), (
        "the usual stack says nothing about them")
    assert settings.journal_without == frozenset(), "no rule of the journal is left out"


def test_what_is_said_holds() -> None:
    settings = Settings.from_environment(NEEDED | {"MODE": "manual", "DURABILITY": "strict", "WRITER_SERVICE": "apply",
                                                   "JOURNAL_WITHOUT": "journal, lineage"})
    assert (settings.mode, settings.durability, settings.writer_service) == ("manual", "strict", "apply"), "all of it"
    assert settings.journal_without == {"journal", "lineage"}, "as a drill asks for"


@pytest.mark.parametrize(("name", "known"), [("MODE", "automatic or manual"), ("DURABILITY", "available or strict"),
                                             ("JOURNAL_WITHOUT", "journal or let-go-late or lineage")])
def test_a_wrong_value_is_refused_with_what_it_may_be(name: str, known: str) -> None:
    with pytest.raises(ValueError, match=rf"{name} is 'sometimes'; it may be {known}"):
        Settings.from_environment(NEEDED | {name: "sometimes"})
