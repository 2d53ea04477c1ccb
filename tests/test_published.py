"""Checkpoints of official layout: loaded bit for bit, written back byte for byte, and every damage told by the tensor's name."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from optical_memory.config import ModelConfig
from optical_memory.errors import CheckpointError, DeviceError, SpliceError
from optical_memory.language.prompts import FREE_OCR, MARKDOWN, PROMPTS
from optical_memory.loading import load_model, open_checkpoint
from optical_memory.model import Model
from optical_memory.modes import BASE, GUNDAM, TINY
from optical_memory.official import IGNORED, official_layout
from optical_memory.published import WEIGHTS, PublishedCheckpoint, save_published
from renderers import lay_out, transcript_blocks
from tests.published_toy import TEXT, write_toy

State = dict[str, torch.Tensor]


@pytest.fixture(scope="module")
def toy(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, ModelConfig, State]:
    folder = tmp_path_factory.mktemp("published")
    return folder, *write_toy(folder)


@pytest.fixture(scope="module")
def model(toy: tuple[Path, ModelConfig, State]) -> Model:
    return load_model(toy[0], "cpu")


@pytest.fixture
def copy(toy: tuple[Path, ModelConfig, State], tmp_path: Path) -> Path:
    folder = tmp_path / "copy"
    shutil.copytree(toy[0], folder)
    return folder


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
def test_round_trip_is_bit_exact(tmp_path: Path, dtype: torch.dtype) -> None:
    _, state = write_toy(tmp_path / "first", dtype)
    model = load_model(tmp_path / "first", "cpu")
    assert model.dtype == dtype
    loaded = {f"encoder.{name}": tensor for name, tensor in model.encoder.state_dict().items()}
    loaded |= {f"decoder.{name}": tensor for name, tensor in model.decoder.state_dict().items()}
    assert loaded.keys() == state.keys()
    for name, tensor in state.items():
        assert loaded[name].dtype == dtype
        assert torch.equal(loaded[name], tensor), name
    save_published(tmp_path / "second", loaded)
    assert (tmp_path / "second" / WEIGHTS).read_bytes() == (tmp_path / "first" / WEIGHTS).read_bytes()


def test_another_dtype_is_made_while_loading(toy: tuple[Path, ModelConfig, State]) -> None:
    model = load_model(toy[0], "cpu", "bfloat16")
    for name, tensor in model.encoder.state_dict().items():
        assert torch.equal(tensor, toy[2][f"encoder.{name}"].bfloat16()), name
    assert model.fingerprint != load_model(toy[0], "cpu").fingerprint


def test_rotary_positions_stay_float32(toy: tuple[Path, ModelConfig, State]) -> None:
    """In bfloat16 neighbouring positions would share an angle."""
    decoder = load_model(toy[0], "cpu", "bfloat16").decoder
    assert decoder.model.rotary_emb.inv_freq.dtype == torch.float32
    assert decoder.model.rotary_emb.inv_freq[0] == 1.0


def test_the_patch_embedding_that_is_never_run_may_be_there(copy: Path) -> None:
    tensors = load_file(copy / WEIGHTS)
    save_file(tensors | {IGNORED[0]: torch.zeros(2, 3, 14, 14)}, copy / WEIGHTS)
    assert load_model(copy, "cpu").fingerprint


def test_files_of_an_index_are_joined(copy: Path, model: Model) -> None:
    tensors = load_file(copy / WEIGHTS)
    (copy / WEIGHTS).unlink()
    names = sorted(tensors)
    shards = {"a.safetensors": names[::2], "b.safetensors": names[1::2]}
    for file, part in shards.items():
        save_file({name: tensors[name] for name in part}, copy / file)
    weight_map = {name: file for file, part in shards.items() for name in part}
    (copy / "model.safetensors.index.json").write_text(json.dumps({"weight_map": weight_map}))
    assert load_model(copy, "cpu").fingerprint == model.fingerprint
    (copy / "b.safetensors").unlink()
    with pytest.raises(CheckpointError, match=r"lacks b\.safetensors"):
        open_checkpoint(copy)


def test_a_file_that_is_cut_short_names_the_first_lost_tensor(copy: Path) -> None:
    data = (copy / WEIGHTS).read_bytes()
    header = json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])
    last = max((name for name in header if name != "__metadata__"), key=lambda name: header[name]["data_offsets"][1])
    (copy / WEIGHTS).write_bytes(data[:-1])
    with pytest.raises(CheckpointError, match=f"cut short.*{last!r}"):
        open_checkpoint(copy)
    for keep in (0, 7, 40):
        (copy / WEIGHTS).write_bytes(data[:keep])
        with pytest.raises(CheckpointError, match="damaged"):
            open_checkpoint(copy)


def test_a_file_that_shrinks_after_it_was_opened_names_the_tensor(copy: Path) -> None:
    checkpoint = PublishedCheckpoint(copy)
    data = (copy / WEIGHTS).read_bytes()
    (copy / WEIGHTS).write_bytes(data[: len(data) // 8])
    with pytest.raises(CheckpointError, match="ended while 'model"):
        Model(checkpoint, torch.device("cpu"))


@pytest.mark.parametrize("name", ["model.sam_model.net_2.weight", "model.layers.1.mlp.experts.3.up_proj.weight"])
def test_tensors_that_do_not_fit_are_named(copy: Path, name: str) -> None:
    tensors = load_file(copy / WEIGHTS)

    def load(changed: State) -> None:
        save_file(changed, copy / WEIGHTS)
        assert load_model(copy, "cpu").decoder

    with pytest.raises(CheckpointError, match=f"lacks the tensor '{name}'"):
        load({key: value for key, value in tensors.items() if key != name})
    with pytest.raises(CheckpointError, match=rf"'{name}' has shape \(1, .*config\.json asks for"):
        load(tensors | {name: tensors[name][:1].clone()})
    with pytest.raises(CheckpointError, match=rf"'{name}' has dtype torch\.int8, expected one of float32, bfloat16"):
        load(tensors | {name: tensors[name].to(torch.int8)})
    with pytest.raises(CheckpointError, match=r"'model\.sam_model\.net_4\.weight' has no place"):
        load(tensors | {"model.sam_model.net_4.weight": torch.zeros(1)})


def test_a_folder_without_its_parts_says_which(copy: Path) -> None:
    (copy / "tokenizer.json").unlink()
    with pytest.raises(CheckpointError, match=r"no tokenizer\.json"):
        assert load_model(copy, "cpu").tokenizer
    (copy / WEIGHTS).unlink()
    with pytest.raises(CheckpointError, match=r"lacks a \.safetensors file"):
        open_checkpoint(copy)
    (copy / "config.json").write_text("[]")
    with pytest.raises(CheckpointError, match="holds a list"):
        open_checkpoint(copy)
    (copy / "config.json").unlink()
    with pytest.raises(CheckpointError, match=r"no config\.json"):
        open_checkpoint(copy)


def test_weights_without_tensors_are_told(copy: Path) -> None:
    save_file({}, copy / WEIGHTS)
    with pytest.raises(CheckpointError, match=rf"{WEIGHTS} holds no tensors: fetch it again"):
        open_checkpoint(copy)


@pytest.mark.parametrize(
    "names", ['{"a": 1}', '{"a": null}', '{"a": "b", "c": 1}', "7", pytest.param("[" * 100_000, id="deep")]
)
def test_an_index_that_is_none_is_told(copy: Path, names: str) -> None:
    (copy / "model.safetensors.index.json").write_text(f'{{"weight_map": {names}}}')
    with pytest.raises(CheckpointError, match=r"index\.json is not an index of weights"):
        open_checkpoint(copy)


def test_json_without_end_is_told(copy: Path) -> None:
    for file, told in ((WEIGHTS, "damaged or not a safetensors file"), ("config.json", "is not JSON")):
        (copy / file).write_bytes((100_000).to_bytes(8, "little") * (file == WEIGHTS) + b"[" * 100_000)
        with pytest.raises(CheckpointError, match=told):
            open_checkpoint(copy)


def test_a_dtype_that_the_device_lacks_is_refused_with_what_it_has(copy: Path) -> None:
    with pytest.raises(DeviceError, match="cannot compute in 'float8_e4m3fn'; it can in float32"):
        load_model(copy, "cpu", "float8_e4m3fn")


def test_loading_takes_little_more_than_the_model(tmp_path: Path) -> None:
    """Half a gigabyte of official layout, in an interpreter of its own; the full size is measured the same way."""
    config = json.loads(json.dumps(LARGE))
    (tmp_path / "config.json").write_text(json.dumps(config))
    script = (
        "import sys, json, torch\n"
        "from pathlib import Path\n"
        "from tests.test_published import write_zeros\n"
        "from optical_memory.official_config import config_from_official\n"
        "write_zeros(Path(sys.argv[1]), config_from_official(json.loads((Path(sys.argv[1]) / 'config.json').read_text())))\n"
    )
    measure = (
        "import sys, torch\n"
        "import optical_memory.language.generate\n"
        "from optical_memory.device import start_peak, peak_bytes\n"
        "from optical_memory.loading import load_model\n"
        "cpu = torch.device('cpu')\n"
        "before = start_peak(cpu)\n"
        "model = load_model(sys.argv[1], 'cpu'); model.decoder\n"
        "print(-1 if before is None else (peak_bytes(cpu) - before) / model.checkpoint.num_bytes)\n"
    )
    root = Path(__file__).parent.parent
    for code in (script, measure):
        done = subprocess.run(
            [sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, check=False, cwd=root
        )
        assert done.returncode == 0, done.stderr
    ratio = float(done.stdout)
    if ratio < 0:
        pytest.skip("this system does not count the peak")
    assert 0.9 < ratio < 1.1


LARGE = {
    "vision_config": {
        "image_size": 1024,
        "width": {
            "clip-l-14-224": {"heads": 8, "image_size": 224, "layers": 8, "patch_size": 14, "width": 512},
            "sam_vit_b": {
                "downsample_channels": [256, 512],
                "global_attn_indexes": [1],
                "heads": 4,
                "layers": 4,
                "width": 256,
            },
        },
    },
    "projector_config": {"input_dim": 1024, "n_embed": 768, "projector_type": "linear"},
    "language_config": {
        "bos_token_id": 0,
        "eos_token_id": 1,
        "first_k_dense_replace": 1,
        "hidden_size": 768,
        "intermediate_size": 2048,
        "max_position_embeddings": 8192,
        "moe_intermediate_size": 384,
        "n_routed_experts": 64,
        "n_shared_experts": 2,
        "num_attention_heads": 6,
        "num_experts_per_tok": 6,
        "num_hidden_layers": 4,
        "num_key_value_heads": 6,
        "topk_method": "greedy",
        "use_mla": False,
        "vocab_size": 32000,
    },
}


def write_zeros(folder: Path, config: ModelConfig) -> None:
    """A file of that layout whose tensors are small numbers, in bfloat16."""
    from optical_memory.language.decoder import blank_decoder
    from optical_memory.vision.encoder import DeepEncoder

    assert config.decoder is not None
    with torch.device("meta"):
        parts = {"encoder": DeepEncoder(config.encoder), "decoder": blank_decoder(config.decoder)}
    meta = {f"{name}.{key}": tensor for name, part in parts.items() for key, tensor in part.state_dict().items()}
    tensors = {
        name: torch.full(place.of(meta[place.ours]).shape, 0.01, dtype=torch.bfloat16)
        for name, place in official_layout(meta).items()
    }
    save_file(tensors, folder / WEIGHTS)


# The model at work


def test_a_model_without_readout_says_how_to_read(model: Model) -> None:
    page = lay_out(transcript_blocks(TEXT, "user", "t"), model.grid)[0]
    encoded = model.encode([page], BASE)
    assert model.readout is None
    with pytest.raises(CheckpointError, match="has no readout"):
        model.read(encoded, model.grid)
    assert len(model.page_rows(encoded[0])) == 273


def test_prompts_are_said_as_in_training(model: Model) -> None:
    page = lay_out(transcript_blocks(TEXT, "user", "t"), model.grid)[0]
    encoded = model.encode([page], TINY)[0]
    decoder = model.decoder_config
    tokens = [*model.tokens_of([encoded]), *model.tokenizer.question(FREE_OCR)]
    assert tokens[0] == decoder.bos_token
    assert tokens[1:74] == [decoder.image_token] * 73
    assert model.tokenizer.decode(tokens[74:]) == "\nFree OCR."
    grounded = model.tokenizer.question(MARKDOWN)
    assert model.tokenizer.decode(grounded) == "\n" + MARKDOWN
    assert len(grounded) < len(model.tokenizer.encode("\n" + MARKDOWN)), "the grounding mark is one token in a prompt"
    answers = {model.answer([encoded], prompt, 12) for prompt in PROMPTS}
    assert len(answers) > 1
    with pytest.raises(SpliceError, match="ask over fewer pages"):
        model.answer(["word " * 9000], FREE_OCR)


def test_text_that_the_face_lacks_is_unreadable(model: Model) -> None:
    assert model.unreadable("Grüße, Ωμέγα\n\tπ") == ""
    assert model.unreadable("a水b\ue041水") == "水\ue041"


def test_pages_and_pictures_in_a_tiled_mode(model: Model) -> None:
    page = lay_out(transcript_blocks(TEXT, "user", "t"), model.grid)[0]
    encoded = model.encode([page, page], GUNDAM)
    assert [part.tiles for part in encoded] == [(2, 2), (2, 2)]
    assert len(model.page_rows(encoded[0])) == encoded[0].sequence_length == 273 + 20 * 21
    assert torch.equal(encoded[0].tokens, encoded[1].tokens)


# Names


def test_a_hub_name_is_taken_from_the_cache_offline(toy: tuple[Path, ModelConfig, State], tmp_path: Path) -> None:
    home = tmp_path / "hub" / "models--deepseek-ai--DeepSeek-OCR"
    commit = "0123456789abcdef0123456789abcdef01234567"
    (home / "refs").mkdir(parents=True)
    (home / "refs" / "main").write_text(commit)
    shutil.copytree(toy[0], home / "snapshots" / commit)
    known = _offline("deepseek-ai/DeepSeek-OCR", tmp_path)
    assert known.returncode == 0, known.stderr
    assert known.stdout.split() == ["deepseek-ocr", "1000"]
    unknown = _offline("nobody/Nothing", tmp_path)
    assert "CheckpointError" in unknown.stderr
    assert "'nobody/Nothing' is not in the cache" in unknown.stderr and "hf download nobody/Nothing" in unknown.stderr


def _offline(name: str, home: Path) -> "subprocess.CompletedProcess[str]":
    code = (
        "import sys\n"
        "from optical_memory import OpticalMemory\n"
        "memory = OpticalMemory(sys.argv[1], device='cpu')\n"
        "print(memory.model.config.name, 1000)\n"
    )
    environment = {
        "HF_HUB_OFFLINE": "1",
        "HF_HOME": str(home),
        "PATH": "/usr/bin:/bin",
        "HF_HUB_DISABLE_TELEMETRY": "1",
    }
    return subprocess.run(
        [sys.executable, "-c", code, name],
        capture_output=True,
        text=True,
        check=False,
        env=environment,
        cwd=Path(__file__).parent.parent,
        timeout=120,
    )


def test_a_path_comes_before_a_hub_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_toy(tmp_path / "owner" / "model")
    monkeypatch.chdir(tmp_path)
    assert open_checkpoint("owner/model").config.name == "deepseek-ocr"
    with pytest.raises(CheckpointError, match="no checkpoint at"):
        open_checkpoint("owner/absent.safetensors")
