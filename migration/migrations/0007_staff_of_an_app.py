"""Staff who see some apps only."""

from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("migration", "0006_whose_timeline_lines_are"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AddField(
            model_name="app",
            name="staff",
            field=models.ManyToManyField(
                blank=True,
                help_text="Who sees this app in the admin; superusers see every app.",
                related_name="+",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
    ]
