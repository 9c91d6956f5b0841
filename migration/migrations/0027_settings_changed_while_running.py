"""Settings that are changed while everything runs."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("migration", "0026_how_batches_are_written"),
    ]

    operations = [
        migrations.CreateModel(
            name="Tuning",
            fields=[
                ("name", models.CharField(max_length=64, primary_key=True, serialize=False)),
                ("value", models.CharField(max_length=200)),
                ("actor", models.CharField(max_length=200)),
                ("at", models.DateTimeField()),
            ],
            options={
                "verbose_name": "setting changed while running",
                "verbose_name_plural": "settings changed while running",
            },
        ),
    ]
