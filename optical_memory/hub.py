"""A model's name on the Hugging Face hub to a folder on this machine. Only data is fetched, never code.

huggingface_hub does the work: its cache, its progress bar, and HF_HUB_OFFLINE=1 for machines that must not ask.
"""

import re
from pathlib import Path

from optical_memory.errors import CheckpointError

FILES = ("config.json", "*.safetensors", "model.safetensors.index.json", "tokenizer.json")
"""All that a checkpoint needs; upstream's Python files stay where they are."""
_NAME = re.compile(r"[\w.-]+/[\w.-]+(@[\w.-]+)?")


def is_hub_name(name: str) -> bool:
    """Whether a name that is no file here could be `owner/model` or `owner/model@revision`."""
    return _NAME.fullmatch(name) is not None and name[0] != "." and not name.endswith(".safetensors")


def fetch_snapshot(name: str) -> Path:
    """The folder of a hub model, fetched if it is not in the cache. Raises CheckpointError that says what stood in the way."""
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import LocalEntryNotFoundError, RepositoryNotFoundError, RevisionNotFoundError

    repository, _, revision = name.partition("@")
    try:
        return Path(snapshot_download(repository, revision=revision or None, allow_patterns=list(FILES)))
    except (RepositoryNotFoundError, RevisionNotFoundError) as error:
        raise CheckpointError(f"the hub has no model {name!r} that you may read: check the name, or log in") from error
    except LocalEntryNotFoundError as error:
        raise CheckpointError(
            f"{name!r} is not in the cache and the hub cannot be asked (offline?): fetch it once with "
            f"`hf download {repository}`, or pass the folder that holds it"
        ) from error
    except (OSError, ValueError) as error:
        raise CheckpointError(f"{name!r} could not be fetched from the hub: {error}") from error
