"""Staff: Django's users and groups, under the same look as everything else."""

from django.contrib import admin
from django.contrib.auth.admin import GroupAdmin, UserAdmin
from django.contrib.auth.models import Group, User

from migration.admin.base import ThemedAdmin

admin.site.unregister(User)
admin.site.unregister(Group)


@admin.register(User)
class StaffAdmin(UserAdmin, ThemedAdmin):
    """Who may sign in here."""


@admin.register(Group)
class StaffGroupAdmin(GroupAdmin, ThemedAdmin):
    """Rights given together."""
