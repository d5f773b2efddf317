"""The list of words finds what it names, and leaves plain sentences alone."""

import pytest

from tools import words
from workshop import places


@pytest.mark.parametrize(
    "sentence",
    [
        "It counts from nought.",
        "# so that an example begins\n# anew",
        "If the check fails, mend that first.",
        "Whoever started it may end it.",
        "It is in .env, beside manage.py.",
        "It retries for\n    ever.",
        "The task was sent all the same.",
        "No message is to be held longer.",
        "A POST was answered 500, and not 503.",
        "The address, less its first slash.",
        "The arguments stand in the parentheses.",
        "what is there has been sent",
        "The log says so.",
        "a queue of this course's own",
        "Simply wait.",
        "the behaviour of a worker",
        "a queue of its own, in a vhost of its own",
    ],
)
def test_a_word_of_the_list_is_found_once(sentence):
    assert len(list(words.found(sentence))) == 1


@pytest.mark.parametrize(
    "sentence",
    [
        "a queue of its own",
        "A vhost of your own",
        "It stands for heavy work.",
        "what stand-ins are for",
        "Is there a queue, and what is there?",
        "The rows are all the same.",
        "It is sent after the commit, and not at all after a rollback.",
        "Why a policy, and not an argument?",
        "I understand, and amend the recommended setting.",
    ],
)
def test_a_plain_sentence_is_left_alone(sentence):
    assert not list(words.found(sentence))


@pytest.mark.parametrize("pattern", words.READ)
def test_each_place_on_the_list_exists(pattern):
    assert any(places.CHECKOUT.glob(pattern))


def test_of_a_notebook_the_text_cells_are_read():
    text = dict(words.texts())["notebooks/03_worker.ipynb"]
    assert "# 03 · A worker takes the work" in text and "stage = begin(" not in text
