"""Two processes train as one: averaged gradients leave both with the same weights, and only the first one writes."""

import os
import subprocess
import sys
from pathlib import Path

import torch

SCRIPT = """
import sys
from dataclasses import replace
from pathlib import Path
import torch
from optical_memory.config import tiny_random
from optical_memory.modes import TINY
from optical_memory.training.encoder_stage import train_encoder
from optical_memory.training.pages import Portion
from optical_memory.training.encoder_recipe import EncoderRecipe

folder = Path(sys.argv[1])
recipe = EncoderRecipe((Portion(TINY, 2, crop=1), Portion(TINY, 2, crop=1)), steps=2, warm_up=1)
trained = train_encoder(tiny_random(), recipe, folder / "corpus", folder / "run", torch.device("cpu"))
import os
torch.save(trained.state_dict(), folder / f"rank{os.environ['RANK']}.pt")
"""


def test_two_processes_end_with_the_same_weights(tmp_path: Path) -> None:
    (tmp_path / "corpus").mkdir()
    (tmp_path / "corpus" / "text.txt").write_text("one two three four five " * 500)
    (tmp_path / "script.py").write_text(SCRIPT)
    workers = [
        subprocess.Popen(
            [sys.executable, str(tmp_path / "script.py"), str(tmp_path)],
            env=os.environ
            | {
                "RANK": str(rank),
                "LOCAL_RANK": str(rank),
                "WORLD_SIZE": "2",
                "MASTER_ADDR": "127.0.0.1",
                "MASTER_PORT": str(20000 + os.getpid() % 20000),
                "ACCELERATE_USE_CPU": "true",
                "OMP_NUM_THREADS": "1",
                "PYTHONPATH": os.pathsep.join(sys.path),
            },
        )
        for rank in range(2)
    ]
    assert [worker.wait(120) for worker in workers] == [0, 0]
    first, second = (torch.load(tmp_path / f"rank{rank}.pt", weights_only=True) for rank in range(2))
    for name, tensor in first.items():
        assert torch.equal(tensor, second[name]), name
    log = (tmp_path / "run" / "log.jsonl").read_text().splitlines()
    assert len(log) == 1
