from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("migration", "0015_custody_of_owners")]

    operations = [
        migrations.RenameField("restoration", "written", "came_back"),
        migrations.RenameField("restoration", "removed", "replaced"),
        migrations.RenameField("restoration", "journaled", "refused"),
        migrations.AlterField(
            "restoration",
            "refused",
            models.BigIntegerField(default=0, help_text="What the rules of now refuse."),
        ),
        migrations.AlterField(
            "restoration",
            "mode",
            models.CharField(
                choices=[
                    ("missing", "only what is not there now"),
                    ("replace", "also what has another value now"),
                ],
                max_length=10,
            ),
        ),
    ]
