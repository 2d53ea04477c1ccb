"""On an accelerator the bundled model says what it says on the CPU."""

import numpy as np
import pytest

from optical_memory.device import available_devices
from optical_memory.evaluation.reading import random_pages
from optical_memory.loading import load_model
from optical_memory.model import Model
from optical_memory.modes import NATIVE_MODES, Mode

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(available_devices() == ["cpu"], reason="no accelerator on this machine"),
]


@pytest.mark.parametrize("mode", NATIVE_MODES, ids=str)
def test_accelerator_reads_what_the_cpu_reads(bundled_model: Model, mode: Mode) -> None:
    accelerated = load_model("default", available_devices()[0])
    pages = random_pages(bundled_model, 2, np.random.default_rng(4))
    here = bundled_model.read(bundled_model.encode(pages, mode), bundled_model.grid)
    there = accelerated.read(accelerated.encode(pages, mode), accelerated.grid)
    for first, second in zip(here, there, strict=True):
        assert np.mean(first.codes == second.codes) > 0.999


def test_accelerator_answers_in_the_same_words(bundled_model: Model) -> None:
    accelerated = load_model("default", available_devices()[0])
    parts, question = ["The port of the api is 8472."], "What is the port of the api?"
    assert accelerated.answer(parts, question, 8) == bundled_model.answer(parts, question, 8)
