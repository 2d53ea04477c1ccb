"""The memory over a checkpoint of official layout: no readout, so the decoder answers and the source is what is recalled."""

import pytest

from optical_memory import OpticalMemory
from optical_memory.loading import load_model
from optical_memory.model import Model
from tests.published_toy import write_toy

TEXT = "The ferry leaves the harbour at nine and the port of the api is 8472, said the master. "


@pytest.fixture(scope="module")
def official(tmp_path_factory: pytest.TempPathFactory) -> Model:
    folder = tmp_path_factory.mktemp("official")
    write_toy(folder)
    return load_model(folder, "cpu")


def test_the_whole_loop_runs_over_official_weights(official: Model) -> None:
    history = [{"role": "user" if turn % 2 == 0 else "assistant", "content": TEXT * 12} for turn in range(12)]
    memory = OpticalMemory(official, keep_last=2)
    context = memory.compress(history)
    assert context.pages and context.report.ratio > 1
    assert context.inputs_embeds().shape[1] == official.config.encoder.width
    (found,) = memory.recall("when does the ferry leave", limit=1)
    assert not found.read and "ferry leaves the harbour at nine" in found.text
    assert isinstance(memory.ask("When does the ferry leave?", max_new_tokens=4), str)


def test_legibility_comes_from_one_pass_of_the_decoder(official: Model) -> None:
    memory = OpticalMemory(official, keep_last=1)
    history = [{"role": "user", "content": TEXT * 30}, {"role": "assistant", "content": "Nine."}]
    (page, *_) = memory.compress(history).pages
    assert page.fidelity is not None and 0 <= page.fidelity < 0.9  # random weights foretell little
