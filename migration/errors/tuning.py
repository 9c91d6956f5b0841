"""What is wrong with a setting somebody wants to change while everything runs."""

from migration.errors.base import BadInput


class SettingInvalid(BadInput):
    """There is no such setting, it cannot be changed while running, or the value makes no sense."""

    code = "setting_invalid"
