"""Stage 07's check asks for a job that nobody has sent, and wants a 404."""

from workshop import checks
from workshop.report import WRONG

ANY_ID_IS_A_JOB = """
    def get_object(self):
        return Job.objects.filter(pk=self.kwargs["pk"]).first() or Job(self.kwargs["pk"], 1, 1)

    @extend_schema(
        parameters"""


def test_an_unknown_id_that_is_answered_as_if_it_waited_is_named(solved, warm):
    stage = solved("07")
    views = stage.desk / "sums/views.py"
    views.write_text(
        views.read_text().replace("\n    @extend_schema(\n        parameters", ANY_ID_IS_A_JOB, 1)
    )
    found = checks.check(stage, warm=warm)
    [wrong] = [item for item in found.items if item.state == WRONG]
    assert wrong.id == "post_is_accepted"
    assert "200" in wrong.seen and "404" in wrong.seen, wrong.seen
