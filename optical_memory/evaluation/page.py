"""Runs as one self-contained HTML page that reads well on a phone."""

from collections.abc import Sequence
from html import escape

from optical_memory.evaluation.plots import plots_of, to_svg
from optical_memory.evaluation.run import Run
from optical_memory.evaluation.summary import subtitle, summary

_STYLE = """
body{font:16px/1.5 system-ui,sans-serif;margin:0 auto;max-width:60rem;padding:1rem;color:#222;background:#fff}
body{overflow-wrap:anywhere}
h1{font-size:1.4rem}h2{font-size:1.25rem;margin-top:2.5rem}h3{font-size:1.05rem;margin-top:1.5rem}
.scroll{overflow-x:auto}
table{border-collapse:collapse;font-size:.85rem;white-space:nowrap}
th,td{padding:.25rem .6rem;text-align:right;border-bottom:1px solid #ddd}
th:first-child,td:first-child{text-align:left}
.all th:nth-child(-n+3),.all td:nth-child(-n+3){text-align:left}
.plots{display:grid;gap:.5rem;grid-template-columns:repeat(auto-fit,minmax(min(100%,17rem),1fr));margin:0}
.plots.one{grid-template-columns:minmax(0,42rem)}
svg{width:100%;height:auto;display:block}
summary{cursor:pointer;margin-top:1.5rem}
@media(prefers-color-scheme:dark){body{color:#ddd;background:#181818}th,td{border-color:#444}svg{background:#fff}}
"""
_HEADINGS = ("task", "system", "kind", "true tokens", "metric", "value", "95 % interval", "n")


def as_html(*runs: Run) -> str:
    """One page without a link to anything outside: of each run plots as SVG, what it says in short, every figure, the plan."""
    title = "optical_memory: " + ", ".join(run.task for run in runs)
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<title>{escape(title)}</title><style>{_STYLE}</style></head><body>"
        f"<h1>{escape(title)}</h1>{''.join(map(_section, runs))}</body></html>\n"
    )


def _section(run: Run) -> str:
    plots = ""
    for plot in plots_of(run):
        pictures = "".join(to_svg(drawing) for drawing in plot.drawings)
        shape = "plots" if len(plot.drawings) > 1 else "plots one"
        plots += f'<h3>{escape(plot.title)}</h3><figure class="{shape}">{pictures}</figure>'
    short = "".join(f"<h3>{escape(table.title)}</h3>{_table(table.headings, table.rows)}" for table in summary(run))
    plan = _table(("plan", ""), [(name, str(value)) for name, value in run.plan.items()])
    figures = _table(_HEADINGS, _rows(run), "all")
    return (
        f"<h2>{escape(run.task.capitalize())}</h2><p>{escape(subtitle(run))}</p>{plots}{short}"
        f"<details><summary>Every figure</summary>{figures}</details><details><summary>Plan</summary>{plan}</details>"
    )


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


def _table(headings: Sequence[str], rows: Sequence[Sequence[str]], name: str = "") -> str:
    head = "".join(f"<th>{escape(heading)}</th>" for heading in headings)
    body = "".join("<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in rows)
    return (
        f'<div class="scroll"><table class="{name}"><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'
    )
