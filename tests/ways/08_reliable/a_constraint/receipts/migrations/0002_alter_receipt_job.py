from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("receipts", "0001_initial")]
    operations = [
        migrations.AddConstraint(
            "receipt", models.UniqueConstraint(fields=("job",), name="one_receipt_per_job")
        )
    ]
