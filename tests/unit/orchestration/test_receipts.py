"""Anybody can check a receipt with the published key, and nothing else passes for one."""

import hashlib
import json
from typing import Any

import jwt
import pytest

from migration.config import signing_seed
from migration.errors import NotMigrated
from migration.orchestration import receipts

STATEMENT = {
    "iss": "syncserver",
    "run": "r",
    "stored": {"entries": 2, "digest": "d"},
    "issued_at": "2026-01-01T00:00:00Z",
}


class TestReceipts:
    def test_give_back_their_statement(self) -> None:
        assert receipts.check(receipts.sign(STATEMENT)) == STATEMENT

    def test_can_be_checked_by_anybody_with_the_published_key(self) -> None:
        published = jwt.PyJWKSet.from_dict(json.loads(json.dumps(receipts.jwks())))
        token = receipts.sign(STATEMENT)
        key = published[jwt.get_unverified_header(token)["kid"]]
        assert jwt.decode(token, key, algorithms=["EdDSA"]) == STATEMENT

    def test_publish_no_private_half(self) -> None:
        (key,) = receipts.jwks()["keys"]
        assert (key["kty"], key["crv"], "d" in key) == ("OKP", "Ed25519", False)

    def test_are_the_same_for_the_same_statement(self) -> None:
        assert receipts.sign(STATEMENT) == receipts.sign(STATEMENT)

    def test_change_their_key_with_the_secret_key(self, settings: Any) -> None:
        token, key_id = receipts.sign(STATEMENT), receipts.key_id()
        settings.SECRET_KEY = "another secret key"
        assert receipts.key_id() != key_id
        with pytest.raises(NotMigrated):
            receipts.check(token)

    @pytest.mark.parametrize("part", [0, 1, 2])
    def test_do_not_survive_a_change_of_any_part(self, part: int) -> None:
        parts = receipts.sign(STATEMENT).split(".")
        middle = len(parts[part]) // 2
        swapped = "A" if parts[part][middle] != "A" else "B"
        parts[part] = parts[part][:middle] + swapped + parts[part][middle + 1 :]
        with pytest.raises(NotMigrated):
            receipts.check(".".join(parts))

    def test_are_no_token_of_another_algorithm_or_type(self) -> None:
        seed = signing_seed()
        forged = [
            jwt.encode(STATEMENT, seed, algorithm="HS256", headers={"typ": "receipt+jwt"}),
            jwt.encode(STATEMENT, None, algorithm="none", headers={"typ": "receipt+jwt"}),
            jwt.encode(STATEMENT, receipts._key(seed), algorithm="EdDSA"),
            jwt.encode(
                {**STATEMENT, "iss": "x"}, receipts._key(seed), algorithm="EdDSA", headers={"typ": "receipt+jwt"}
            ),
            jwt.encode(
                STATEMENT, receipts._key(hashlib.sha256(b"x").digest()), "EdDSA", headers={"typ": "receipt+jwt"}
            ),
        ]
        for token in forged:
            with pytest.raises(NotMigrated):
                receipts.check(token)
