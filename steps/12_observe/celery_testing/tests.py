from django.test import SimpleTestCase

from .request_id import HEADER, NONE, request_id


class RequestIdTests(SimpleTestCase):
    def id_of_answer(self, given: str) -> str:
        return self.client.get("/nothing-is-here/", headers={HEADER: given})[HEADER]

    def test_an_id_from_outside_is_kept(self):
        self.assertEqual(self.id_of_answer("from-the-proxy_1"), "from-the-proxy_1")

    def test_an_id_that_would_break_a_line_of_the_log_is_replaced(self):
        for given in ("", "two words", "x" * 65):
            self.assertRegex(self.id_of_answer(given), r"^[0-9a-f]{32}$")

    def test_after_the_answer_no_request_is_current(self):
        self.id_of_answer("from-the-proxy")
        self.assertEqual(request_id.get(), NONE)
