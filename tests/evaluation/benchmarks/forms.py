"""Small folders of each benchmark's form, written for the tests."""

import json
from pathlib import Path
from typing import Any


def locomo(folder: Path) -> Path:
    """Two sessions; the audit calls one answer wrong and one citation."""
    sample: dict[str, Any] = {
        "conversation": {
            "speaker_a": "Ada",
            "speaker_b": "Ben",
            "session_1_date_time": "9:00 am on 3 March, 2021",
            "session_1": [
                {"speaker": "Ada", "dia_id": "D1:1", "text": "I adopted a grey cat called Pepper."},
                {
                    "speaker": "Ben",
                    "dia_id": "D1:2",
                    "text": "Lovely! I bought a red kayak.",
                    "blip_caption": "a kayak",
                },
            ],
            "session_2_date_time": "8:00 pm on 9 March, 2021",
            "session_2": [{"speaker": "Ben", "dia_id": "D2:1", "text": "My sister moved to Lisbon and Porto."}],
        },
        "qa": [
            {"question": "What is Ada's cat called?", "answer": "Pepper", "evidence": ["D1:1"], "category": 4},
            {
                "question": "Where did Ben's sister live?",
                "answer": "Lisbon, Porto",
                "evidence": ["D2:1"],
                "category": 1,
            },
            {"question": "What did Ben sell?", "answer": "a car", "evidence": ["D1:2"], "category": 4},
            {"question": "What did Ben buy?", "answer": "a red kayak", "evidence": ["D2:1"], "category": 4},
            {"question": "What did Ada paint?", "adversarial_answer": "a wall", "evidence": ["D1:02"], "category": 5},
        ],
    }
    errors = [
        {"question_id": "locomo_0_qa2", "question": "What did Ben sell?", "error_type": "HALLUCINATION"},
        {
            "question_id": "locomo_0_qa3",
            "question": "What did Ben buy?",
            "error_type": "WRONG_CITATION",
            "correct_evidence": ["D1:2"],
        },
    ]
    (folder / "locomo_audit").mkdir(parents=True)
    (folder / "my_locomo_1.json").write_text(json.dumps([sample]))
    (folder / "locomo_audit" / "errors.json").write_text(json.dumps(errors))
    return folder


def babi(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "qa1_single-supporting-fact_test.txt").write_text(
        "1 Mary moved to the bathroom.\n2 John went to the hallway.\n3 Where is Mary? \tbathroom\t1\n"
        "4 Mary went to the garden.\n5 Where is Mary? |garden|4\n1 Tom is in the attic.\n2 Where is Tom?\tattic\t1\n"
    )
    return folder


def bfcl(folder: Path) -> Path:
    (folder / "possible_answer").mkdir(parents=True)
    asked = [
        {"id": "m0", "question": [[{"role": "user", "content": "What is my first name?"}]], "scenario": "shop"},
        {"id": "m1", "question": [[{"role": "user", "content": "How old am I?"}]], "scenario": "shop"},
    ]
    answers = [
        {"id": "m0", "ground_truth": ["Michael"], "source": "My name is Michael, and this is my first ..."},
        {"id": "m1", "ground_truth": ["35", "Thirty-five"], "source": ""},
    ]
    told = ["Hello! My name is Michael, and this is my first order with you.", "I am 35 years old, by the way."]
    turns = [[{"role": "user", "content": text}] for text in told]
    _lines(folder / "BFCL_v4_memory.json", asked)
    _lines(folder / "possible_answer" / "BFCL_v4_memory.json", answers)
    _lines(folder / "memory_shop.json", [{"id": "p0", "question": turns}])
    return folder


def qmsum(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    meeting = {
        "general_query_list": [{"query": "Summarize the meeting.", "answer": "They chose a blue boat."}],
        "specific_query_list": [
            {"query": "Which boat did they choose?", "answer": "A blue boat.", "relevant_text_span": [["0", "1"]]}
        ],
        "meeting_transcripts": [
            {"speaker": "Ann", "content": "Shall we choose the blue boat?"},
            {"speaker": "Bob", "content": "Yes, the blue boat it is."},
            {"speaker": "Ann", "content": "Then we are done."},
        ],
    }
    _lines(folder / "test.jsonl", [meeting])
    return folder


def everything(folder: Path) -> Path:
    """All four, beside a file that is of none."""
    for form in (locomo, babi, bfcl, qmsum):
        form(folder / form.__name__)
    (folder / "notes.jsonl").write_text('{"role": "user"}\n')
    return folder


def _lines(path: Path, records: list[Any]) -> None:
    path.write_text("".join(json.dumps(record) + "\n" for record in records))
