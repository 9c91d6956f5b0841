"""Settings have a default, a type and a meaning; keys come from the environment or from SECRET_KEY."""

import pytest
from cryptography.fernet import Fernet

from migration.config import SETTINGS, encryption_keys, setting, signing_seed

# Quotas of an app are off, and there is no proxy, until somebody says otherwise.
_MAY_BE_NONE = {"TRUSTED_PROXIES", "APP_BYTES_PER_DAY", "APP_ENTRIES_PER_DAY", "APP_RUNS_PER_DAY", "APP_STORED_BYTES"}
# So many are allowed: none.
_MAY_BE_NONE |= {"GATE_STRAGGLERS"}


class TestSetting:
    @pytest.mark.parametrize("name", SETTINGS)
    def test_has_a_default_of_its_type_and_says_what_it_means(self, name, settings):
        settings.MIGRATION = {}
        assert setting(name) == SETTINGS[name].default
        assert SETTINGS[name].meaning
        if isinstance(SETTINGS[name].default, (int, float)):
            least = 0 if "0: any" in SETTINGS[name].meaning or name in _MAY_BE_NONE else 1e-9
            assert SETTINGS[name].default >= least

    def test_is_read_in_the_type_of_its_default(self, settings):
        settings.MIGRATION = {"LEASE_SECONDS": "3", "SWEEP_SECONDS": "0.5", "FAULTS": "x"}
        assert (setting("LEASE_SECONDS"), setting("SWEEP_SECONDS"), setting("FAULTS")) == (3, 0.5, "x")

    def test_refuses_text_of_another_type(self, settings):
        settings.MIGRATION = {"LEASE_SECONDS": "soon"}
        with pytest.raises(ValueError, match="soon"):
            setting("LEASE_SECONDS")

    def test_refuses_a_name_it_does_not_know(self):
        with pytest.raises(KeyError):
            setting("LEASE_SECOND")

    def test_leases_outlive_sweeps(self):
        assert SETTINGS["LEASE_SECONDS"].default > 2 * SETTINGS["SWEEP_SECONDS"].default
        assert SETTINGS["SWEEP_SECONDS"].default <= 5
        assert SETTINGS["LEASE_SECONDS"].default + SETTINGS["SWEEP_SECONDS"].default < 60


class TestKeys:
    def test_are_those_of_the_environment_newest_first(self, settings):
        one, two = Fernet.generate_key().decode(), Fernet.generate_key().decode()
        settings.MIGRATION = {"ENCRYPTION_KEYS": f"{one},{two},"}
        assert encryption_keys() == [one, two]

    def test_come_from_the_secret_key_otherwise(self, settings):
        settings.MIGRATION, settings.SECRET_KEY = {}, "first"
        [first] = encryption_keys()
        assert encryption_keys() == [first]
        Fernet(first)
        settings.SECRET_KEY = "second"
        assert encryption_keys() != [first]

    def test_for_signing_are_others_than_for_wrapping(self, settings):
        settings.MIGRATION = {}
        seed = signing_seed()
        assert len(seed) == 32
        assert seed.hex() not in encryption_keys()[0]
