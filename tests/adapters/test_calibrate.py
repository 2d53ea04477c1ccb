"""Calibration against a reader that truly reads the pictures: the bundled readout, behind an API that says what it saw."""

import base64
import io
import json
import re

import httpx2
import pytest
from openai import OpenAI
from PIL import Image

from optical_memory.adapters.calibrate import calibrate, page_with_needles
from optical_memory.errors import OpticalMemoryError
from optical_memory.model import Model
from optical_memory.modes import NATIVE_MODES
from optical_memory.readers import reader_named
from optical_memory.view.drawing import GRID
from tests.adapters.double import CHAT_REPLY

NEEDLES = 3
"""Few: at 10 pixels a cell the bundled readout misses one character in 200, and a needle has twelve."""


class Eyes:
    """Reads pages of `smallest` pixels a side and more; charges 300 tokens a page and 10 for the rest."""

    def __init__(self, model: Model, smallest: int) -> None:
        self.model = model
        self.smallest = smallest

    def __call__(self, request: httpx2.Request) -> httpx2.Response:
        parts = json.loads(request.content)["messages"][0]["content"]
        urls = [part["image_url"]["url"] for part in parts if part["type"] == "image_url"]
        lines = [line for url in urls for line in self.codes(base64.b64decode(url.split(",")[1]))]
        message = {"role": "assistant", "content": "\n".join(lines) or "nothing"}
        usage = {"prompt_tokens": 10 + 300 * len(urls), "completion_tokens": 1, "total_tokens": 1}
        choice = {"index": 0, "finish_reason": "stop", "message": message}
        return httpx2.Response(200, json={**CHAT_REPLY, "choices": [choice], "usage": usage})

    def codes(self, png: bytes) -> list[str]:
        image = Image.open(io.BytesIO(png))
        if image.width < self.smallest:
            return []
        mode = next(mode for mode in NATIVE_MODES if mode.side == image.width)
        reading = self.model.read([self.model.encode_picture(image.convert("RGB"), mode)], GRID)[0]
        return [" ".join(pair) for pair in re.findall(r"code of (\w+) is ([0-9a-f]{12})", reading.text)]


@pytest.mark.parametrize(("smallest", "proven", "mode"), [(512, 8, "Tiny"), (1024, 16, "Base"), (9999, None, "None")])
def test_what_is_read_is_proven_and_what_is_not_is_not(
    bundled_model: Model, smallest: int, proven: int | None, mode: str
) -> None:
    transport = httpx2.MockTransport(Eyes(bundled_model, smallest))
    with OpenAI(api_key="k", http_client=httpx2.Client(transport=transport)) as client:
        found = calibrate("brand-new", "", "", needles=NEEDLES, client=client)
    assert found.reader.proven_cell == proven and str(found.reader.mode()) == mode
    assert found.read == {side // 64: NEEDLES if side >= smallest else 0 for side in (512, 640, 1024, 1280)}
    assert all(250 < tokens <= 300 for tokens in found.page_tokens.values())
    assert f"8 px {found.read[8]}/{NEEDLES}" in found.reader.evidence


@pytest.mark.parametrize("usage", [None, {"prompt_tokens": 200, "completion_tokens": 1, "total_tokens": 201}])
def test_a_usage_that_does_not_count_pictures_makes_no_page_free(usage: dict[str, int] | None) -> None:
    transport = httpx2.MockTransport(lambda _: httpx2.Response(200, json={**CHAT_REPLY, "usage": usage}))
    with OpenAI(api_key="k", http_client=httpx2.Client(transport=transport)) as client:
        known = calibrate("gpt-5", "", "", needles=NEEDLES, client=client)
        unknown = calibrate("brand-new", "", "", needles=NEEDLES, client=client)
    assert known.page_tokens == unknown.page_tokens == {}
    assert known.reader.price == reader_named("gpt-5").price and "not in its usage" in known.reader.evidence
    assert "not in its usage" in (unknown.reader.why_not() or "") and str(known).count("not in its usage") == 5


def test_a_page_of_needles_is_one_full_page_and_differs_by_seed() -> None:
    text, codes = page_with_needles(10, 1)
    assert 3500 < len(text) < 4096 and len(codes) == 10
    assert all(f"The code of {name} is {code}." in text for name, code in codes.items())
    assert page_with_needles(10, 2)[1] != codes


@pytest.mark.parametrize(
    ("kind", "body", "told"),
    [
        ("text/html", b"<html>welcome</html>", "welcome"),
        ("application/json", b"not json", "not json"),
        ("application/json", json.dumps({**CHAT_REPLY, "choices": None, "error": "quota"}).encode(), "quota"),
        ("application/json", json.dumps({**CHAT_REPLY, "choices": []}).encode(), "choices"),
        ("application/json", json.dumps({**CHAT_REPLY, "choices": [{"message": None}]}).encode(), "choices"),
        ("application/json", json.dumps({**CHAT_REPLY, "usage": "none"}).encode(), "chat.completion"),
        ("application/json", b"[" * 100_000, "[[["),
    ],
    ids=["page", "text", "no choices", "empty choices", "no message", "usage", "deep"],
)
def test_an_answer_that_is_no_chat_completion_is_told(kind: str, body: bytes, told: str) -> None:
    transport = httpx2.MockTransport(lambda _: httpx2.Response(200, content=body, headers={"content-type": kind}))
    with (
        OpenAI(base_url="http://there/", api_key="k", http_client=httpx2.Client(transport=transport)) as client,
        pytest.raises(OpticalMemoryError, match=r"http://there/ answered .*https://api\.openai\.com/v1") as error,
    ):
        calibrate("brand-new", "", "", client=client)
    assert told in str(error.value) and len(str(error.value)) < 500


def test_a_base_url_that_is_none_is_told() -> None:
    with pytest.raises(OpticalMemoryError, match=r"'http://\[::1' is no URL"):
        calibrate("brand-new", "http://[::1", "")
