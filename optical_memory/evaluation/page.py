"""A run as documents: Markdown tables, and one self-contained HTML page that reads well on a phone."""

from html import escape

from optical_memory.evaluation.plots import PLOTS, to_svg
from optical_memory.evaluation.run import Run

_STYLE = """
body{font:16px/1.5 system-ui,sans-serif;margin:0 auto;max-width:60rem;padding:1rem;color:#222;background:#fff}
h1{font-size:1.4rem}h2{font-size:1.1rem;margin-top:2rem}
.scroll{overflow-x:auto}
table{border-collapse:collapse;font-size:.85rem;white-space:nowrap}
th,td{padding:.25rem .6rem;text-align:right;border-bottom:1px solid #ddd}
th:nth-child(-n+3),td:nth-child(-n+3){text-align:left}
svg{width:100%;height:auto}
@media(prefers-color-scheme:dark){body{color:#ddd;background:#181818}th,td{border-color:#444}svg{background:#fff}}
"""
_HEADINGS = ("task", "system", "kind", "true tokens", "metric", "value", "95 % interval", "n")


def _rows(run: Run) -> list[tuple[str, ...]]:
    return [
        (
            figure.task,
            figure.system,
            figure.mode,
            "" if figure.sequence_length is None else f"{figure.sequence_length:,}",
            figure.metric,
            f"{figure.value:.3f}",
            f"{figure.low:.3f} to {figure.high:.3f}",
            str(figure.n),
        )
        for figure in run.figures
    ]


def as_markdown(run: Run) -> str:
    """What was run, and every figure in one table."""
    lines = [_subtitle(run), "", "| " + " | ".join(_HEADINGS) + " |", "|" + "---|" * len(_HEADINGS)]
    lines += ["| " + " | ".join(row) + " |" for row in _rows(run)]
    return "\n".join(lines) + "\n"


def as_html(run: Run) -> str:
    """One page without a link to anything outside: plots as SVG, then the table, then what repeats the run."""
    plots = ""
    if run.outcomes:
        plots = "".join(
            f"<h2>{escape(name.capitalize())}</h2><figure>{to_svg(draw(run))}</figure>" for name, draw in PLOTS.items()
        )
    head = "".join(f"<th>{escape(heading)}</th>" for heading in _HEADINGS)
    body = "".join("<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in _rows(run))
    plan = "".join(f"<tr><td>{escape(name)}</td><td>{escape(str(value))}</td></tr>" for name, value in run.plan.items())
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<title>optical_memory: {escape(run.task)}</title><style>{_STYLE}</style></head><body>"
        f"<h1>{escape(run.task.capitalize())}</h1><p>{escape(_subtitle(run))}</p>{plots}"
        f'<h2>Figures</h2><div class="scroll"><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'
        f'<h2>Plan</h2><div class="scroll"><table><tbody>{plan}</tbody></table></div></body></html>\n'
    )


def _subtitle(run: Run) -> str:
    return (
        f"Model {run.model} ({run.fingerprint[:8]}), commit {run.commit[:8]}, {run.machine}; "
        f"{len(run.outcomes)} questions."
    )
