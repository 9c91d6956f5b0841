import pytest

from migration.realtime.origins import is_own_origin, origin_allowed
from tests.factories.origins import LOOK_ALIKES

ALLOWED = ("https://app.example.com", "http://localhost:8000")


class TestOrigin:
    @pytest.mark.parametrize("origin", ALLOWED)
    def test_is_allowed_when_it_is_one_of_the_apps(self, origin: str) -> None:
        assert origin_allowed(origin, allowed=ALLOWED)

    @pytest.mark.parametrize("origin", LOOK_ALIKES)
    def test_is_refused_when_it_only_looks_like_one(self, origin: str) -> None:
        assert not origin_allowed(origin, allowed=ALLOWED)

    def test_may_be_missing_where_no_browser_speaks(self) -> None:
        assert origin_allowed(None, allowed=())


class TestOwnOrigin:
    def test_is_the_host_the_page_came_from(self) -> None:
        assert is_own_origin("https://ops.example.com", host="ops.example.com")

    @pytest.mark.parametrize("origin", [None, "null", "https://ops.example.com.evil.org", "ftp://ops.example.com"])
    def test_is_nothing_else(self, origin: str | None) -> None:
        assert not is_own_origin(origin, host="ops.example.com")
