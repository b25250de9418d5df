import pytest


@pytest.fixture(autouse=True)
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """A loaded machine is slow, not wrong: only tests of the deadline have one that can pass."""
    monkeypatch.setattr("campaigns.open_time.deciding.CHOOSE_SECONDS", 40.0)
    monkeypatch.setattr("campaigns.open_time.deciding.ALL_SECONDS", 60.0)
